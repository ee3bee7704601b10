/** What a running file system server offers to whoever started it, and what it reports. */
import type {
  AccessPoint,
  FailureList,
  FsyncTarget,
  PendingList,
  Settlement,
  SyncConflict,
} from '@moorage/file-system';
import type {
  SynchronizationConfiguration,
  SynchronizationDocument,
} from '@moorage/file-system/configuration';
import type { ChangeSource, StoreReport } from '@moorage/file-system/transfer';
import type { TrafficReport } from '@moorage/fuse';
import type { BucketLocation } from '@moorage/object-store';

export interface FileSystemServerOptions {
  bucket: BucketLocation;
  /** When only the bucket's name is known yet: the server starts meanwhile, and serves once it knows where it is. */
  located?: Promise<BucketLocation>;
  /** The store is local-s3, started for this: which promises of S3 it keeps need not be found out. */
  ownStore?: boolean;
  /** Keys below this are the file system; '' or ending in '/'. Default ''. */
  prefix?: string;
  /** State and cache of this file system; made when missing. One server at a time. */
  dataDir: string;
  /** An existing, empty directory. */
  mountPoint: string;
  readOnly?: boolean;
  /** Those of the start. When not given, none can be added: the mount is then the only way to its files. */
  accessPoints?: readonly AccessPoint[];
  /** Every key has a name (`a//b` is `a/%=/b`); default: as the last time with this data directory. */
  escapeKeys?: boolean;
  /** Where changes in the bucket are told, when its store does not stream them. */
  changes?: ChangeSource;
  /** A file is exported when it was not written for this long. Default 2,000 ms. */
  quietMs?: number;
  /** A file that is written all the time is exported this long after its first change. Default 60,000 ms. */
  maxAgeMs?: number;
  /**
   * Replaces the synchronisation configuration that the file system has, if it differs; `quietMs` and `maxAgeMs` then
   * only count where it has no export rules.
   */
  synchronization?: SynchronizationDocument | undefined;
  /** What content may take on disk, in bytes. Default: half of what the disk has for it. */
  cacheBytesMax?: number | undefined;
  /** When fsync(2) returns: with 's3' only when the file's version is in S3 too. Default 'disk'. */
  fsync?: FsyncTarget;
  /** Of objects that do not say whose they are, and of a new file system's root. Default root. */
  owner?: { uid: number; gid: number };
  log: Log;
  onEvent?: (event: FileSystemServerEvent) => void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, message: string) => void;

/** What happened to the server, and conflicts as they are found; all else about files is in `status()`. */
export type FileSystemServerEvent =
  /** It died and was started again on the same mount: applications saw a pause. */
  | { kind: 'restarted'; restarts: number; why: string }
  /** It died too often, or cannot be resumed on this kernel: the mount is gone. */
  | { kind: 'gave-up'; why: string }
  /** Somebody unmounted it from outside. */
  | { kind: 'unmounted' }
  /** A file was changed here and in S3, which won. */
  | { kind: 'conflict'; conflict: FileConflict };

/** A file that could not be exported. */
export interface FileFailure {
  path: string;
  error: string;
  message: string;
}

/** The local copy lost against the bucket. */
export type FileConflict = SyncConflict;

export type ConflictEnd = 'restore' | 'discard';

export interface FileSystemStatus {
  bucket: string;
  prefix: string;
  mountPoint: string;
  readOnly: boolean;
  /** Of the server process; 0 while it is being restarted. */
  pid: number;
  restarts: number;
  accessPoints: { id: string; path: string }[];
  /** Which promises of S3 the store does not keep; absent until that is found out. */
  store?: StoreReport;
  /** Files, directories and deletions that are not in S3 yet. */
  pending: number;
  /** Of these, in flight. */
  exporting: number;
  /** Age of the oldest change that is not in S3; 0 when there is none. */
  exportAgeMs: number;
  exported: number;
  imported: number;
  /** What content takes on disk, and what it may take; what is not in S3 yet may be more than that. */
  cacheBytes: number;
  cacheBytesMax: number;
  failed: FileFailure[];
  conflicts: FileConflict[];
  failedCount: number;
  /** Keys that cannot be shown as files; the first thousand. */
  importFailures: { key: string; reason: string }[];
  importFailureCount: number;
  /** Since when a change in S3 is known of that is not visible yet, as an age; 0 when there is none. */
  importAgeMs: number;
  /** Changes of others are told (by the store, a queue or a webhook), or found by listing. */
  changesFrom: 'events' | 'listing';
  /** The last request to S3 that failed, also when it is being retried. */
  lastError?: { code: string; message: string; atMs: number };
}

/** Measured now; counts of traffic since the server process started. */
export interface FileSystemMetrics {
  fileSystemId: string;
  storageBytes: number;
  inodes: number;
  pendingExports: number;
  importFailures: number;
  exportFailures: number;
  importAgeSeconds: number;
  exportAgeSeconds: number;
  lostAndFoundFiles: number;
  clientConnections: number;
  traffic: TrafficReport;
}

export interface FileSystemServer {
  /** Of the server process; 0 while it is being restarted. */
  readonly pid: number;
  readonly restarts: number;
  readonly mountPoint: string;
  /**
   * Another root and identity on the same tree. `path` is the directory below the mount point to bind. The same id
   * again gives the same path. Rejects with ACCESS_POINT_UNUSABLE, also when the mount was made without any.
   */
  addAccessPoint(accessPoint: AccessPoint): Promise<{ id: string; path: string }>;
  /**
   * Resolves when everything at and below `path` (in the file system; default all) is in S3; rejects with NOT_SYNCED
   * and what did not make it.
   */
  sync(path?: string, signal?: AbortSignal): Promise<void>;
  status(): Promise<FileSystemStatus>;
  /** What is not in S3 yet at and below `path`, the oldest first, at most `countMax` of it. */
  /** What could not be exported or shown: from number `from` on (0 = the first), at most so many. */
  failures(from: number, countMax: number): Promise<FailureList>;
  metrics(): Promise<FileSystemMetrics>;
  pending(path: string, countMax: number): Promise<PendingList>;
  /**
   * Ends a conflict. 'restore' puts the local copy back at its path, as a new version over S3's, or at the free path
   * `as`; 'discard' removes it. Asked twice, it is done once. Rejects with CONFLICT_NOT_SETTLED.
   */
  settleConflict(id: string, how: ConflictEnd, as?: string): Promise<Settlement>;
  synchronization(): Promise<SynchronizationConfiguration>;
  /**
   * As `PutSynchronizationConfiguration`: resolves to what is in force then, rejects with ValidationException or, when
   * it was not made from the version in force, ConflictException.
   */
  putSynchronization(document: unknown): Promise<SynchronizationConfiguration>;
  /** Calls `listener` with every event from now on, until what it returns is called. */
  listen(listener: (event: FileSystemServerEvent) => void): () => void;
  /**
   * Unmounts and ends the server. With `drain` everything is exported first; when that fails, or `signal`
   * aborts it, the promise is rejected with NOT_DRAINED and the server goes on. Without, what is pending
   * stays in the data directory and is exported by the next server.
   */
  stop(o?: { drain?: boolean; signal?: AbortSignal }): Promise<void>;
  /** Resolves when it is over, however it ended. */
  readonly ended: Promise<void>;
}

export type FileSystemServerErrorCode =
  /** The bucket cannot be used: does not exist, no access, versioning off. */
  | 'BUCKET_UNUSABLE'
  /** The data directory cannot be used: in use by another server, or of another bucket. */
  | 'DATA_DIRECTORY_UNUSABLE'
  /** The access point's root does not exist, or its id is taken by a different one. */
  | 'ACCESS_POINT_UNUSABLE'
  | 'NO_SUCH_PATH'
  /** There is no such conflict, or its local copy cannot be put where it is to go. */
  | 'CONFLICT_NOT_SETTLED'
  | 'NOT_SYNCED'
  /** Of the synchronisation configuration, as S3 Files calls them. */
  | 'ValidationException'
  | 'ConflictException'
  | 'NOT_DRAINED'
  /** The server ended before it answered. */
  | 'SERVER_GONE'
  | 'START_FAILED';

export class FileSystemServerError extends Error {
  readonly code: FileSystemServerErrorCode;
  readonly failures: readonly FileFailure[];

  constructor(
    code: FileSystemServerErrorCode,
    message: string,
    failures: readonly FileFailure[] = [],
  ) {
    super(message);
    this.name = 'FileSystemServerError';
    this.code = code;
    this.failures = failures;
  }
}
