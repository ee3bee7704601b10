/**
 * What the supervisor and the server process say to each other over the IPC channel. Plain JSON.
 * The server gets one `start`, then requests; it answers `ready` or `failed`, then one reply a request.
 */
import type {
  AccessPoint,
  FailureList,
  FsyncTarget,
  PendingList,
  Settlement,
} from '@moorage/file-system';
import type {
  SynchronizationConfiguration,
  SynchronizationDocument,
} from '@moorage/file-system/configuration';
import type { ChangeSource, StoreReport } from '@moorage/file-system/transfer';
import type { Identity, Session } from '@moorage/fuse';
import type { BucketLocation } from '@moorage/object-store';
import type {
  ConflictEnd,
  FileConflict,
  FileFailure,
  FileSystemMetrics,
  FileSystemServerErrorCode,
  FileSystemStatus,
  LogLevel,
} from './file-system-server.ts';

/** An access point and the token that makes its directory's name unguessable. */
export interface TokenedAccessPoint {
  accessPoint: AccessPoint;
  token: string;
}

/** Everything a server process needs; the same again for each one that serves the same mount. */
export interface ServerConfiguration {
  bucket: BucketLocation;
  /** `bucket` is a name only; a message with the whole of it follows. */
  bucketFollows: boolean;
  /** The store is local-s3, started for this file system. */
  ownStore: boolean;
  prefix: string;
  dataDir: string;
  /** So that an orphaned server can take its mount away. */
  mountPoint: string;
  readOnly: boolean;
  /** There are or may come to be some. */
  hasAccessPoints: boolean;
  /** In the order in which they were added: it gives the views their numbers. */
  accessPoints: TokenedAccessPoint[];
  quietMs: number;
  maxAgeMs: number;
  /** Absent: as the last time. */
  escapeKeys: boolean | undefined;
  changes: ChangeSource | undefined;
  /** Put by the first process of a mount. */
  synchronization: SynchronizationDocument | undefined;
  cacheBytesMax: number | undefined;
  fsync: FsyncTarget;
  /** Of objects that do not say whose they are, and of a new file system's root. */
  owner: { uid: number; gid: number };
  identity: Identity;
  /** Names this mount, to tell a restart from a new mount. */
  mountId: string;
  /** A process before this one has served the mount. */
  restarted: boolean;
}

export type ServerRequest =
  | { kind: 'addAccessPoint'; accessPoint: TokenedAccessPoint }
  | { kind: 'sync'; path: string }
  | { kind: 'status' }
  | { kind: 'failures'; from: number; countMax: number }
  | { kind: 'metrics' }
  | { kind: 'pending'; path: string; countMax: number }
  | { kind: 'settleConflict'; conflictId: string; how: ConflictEnd; as?: string }
  | { kind: 'synchronization' }
  | { kind: 'putSynchronization'; document: unknown };

/** What each request is answered with. */
export interface ServerAnswers {
  addAccessPoint: undefined;
  sync: undefined;
  status: ServerStatus;
  failures: FailureList;
  metrics: FileSystemMetrics;
  pending: PendingList;
  settleConflict: Settlement;
  synchronization: SynchronizationConfiguration;
  putSynchronization: SynchronizationConfiguration;
}

export type ToServer =
  | { kind: 'start'; configuration: ServerConfiguration }
  | { kind: 'bucket'; bucket: BucketLocation }
  | { kind: 'request'; id: number; request: ServerRequest }
  | { kind: 'stop' };

/** The part of the status that the server knows; the supervisor adds the rest. */
export type ServerStatus = Omit<
  FileSystemStatus,
  'bucket' | 'prefix' | 'mountPoint' | 'readOnly' | 'pid' | 'restarts' | 'accessPoints' | 'store'
>;

export type ServerReply =
  | { ok: true; value: ServerAnswers[keyof ServerAnswers] }
  | { ok: false; code: FileSystemServerErrorCode; message: string; failures?: FileFailure[] };

export type FromServer =
  /** Every view exists and requests are being served. */
  | { kind: 'ready' }
  | { kind: 'session'; session: Session }
  /** What was found out about the store. */
  | { kind: 'store'; report: StoreReport }
  | { kind: 'failed'; code: FileSystemServerErrorCode; message: string }
  | { kind: 'reply'; id: number; reply: ServerReply }
  /** It is recorded and will be in the status. */
  | { kind: 'conflict'; conflict: FileConflict }
  | { kind: 'log'; level: LogLevel; message: string }
  /** The kernel has no such mount any more. */
  | { kind: 'unmounted' };
