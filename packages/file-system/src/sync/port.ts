/**
 * The seam between the core (names, attributes, content) and the planner that keeps them and S3 in step.
 * Both sides run on the serving thread and are synchronous.
 *
 * Rules:
 *  - The core calls `created`, `changed`, `moved`, `unlinked` after the change, inside the transaction that makes it.
 *  - The core calls `needX` before it changes anything: >0 is a wait id (answer Pending), 0 = it is here now,
 *    below -1 = `failure(error)`.
 *  - The planner changes the tree only from `apply` and `tick`, never from inside a call of the core, and
 *    does so through `Tree`, which must not call the planner's `created/changed/moved/unlinked` back.
 *  - "Dirty" bits of an inode are kept in its row by the core (`Tree.setDirty`), so that a change and the
 *    knowledge that it must be exported are one commit.
 */
import type { SynchronizationConfiguration } from '../configuration/synchronization.ts';
import type { Attributes, Kind, Result, WaitId } from '../operations.ts';
import type { ByteSpan, TransferJob, TransferResult } from '../transfer/jobs.ts';

/** Bits: what of an inode is not in S3 yet. */
export const Dirty = {
  content: 1,
  /** Mode, owner, times. */
  attributes: 2,
  /** Its path is not the key it has in S3, or it has none. */
  name: 4,
  /** A directory that was moved: what is below it has not been marked yet. */
  below: 8,
} as const;

/** What the import knows of an object. `known` = HEAD was done: mode, owner and kind are true, not assumed. */
export interface RemoteAttributes {
  kind: Kind;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeSec: number;
  mtimeNsec: number;
  known: boolean;
  /** Of a symlink: binary string. */
  target?: string;
}

/** Bytes kept here that S3 has as well. */
export interface Cache {
  /** What all content takes on disk, asked of the disk: for those files that were touched since the last time. */
  diskBytes(): number;
  /** At most so many bytes have come in since `diskBytes` was asked. */
  readonly grownBytes: number;
  /** What the disk has left. */
  availableBytes(): number;
  /** Inodes whose content was not used after `beforeSec`, the least recently used first, continuing behind `after`. */
  leastUsed(
    after: { sec: number; ino: number },
    beforeSec: number,
    count: number,
  ): { sec: number; ino: number }[];
  /**
   * Gives up about `bytesWanted` of what an inode holds, or nothing when something of it is not in S3 or it is open
   * to write. `keepFile`: some of it is being downloaded. Returns about how many bytes. `reclaim` must follow.
   */
  evict(ino: number, bytesWanted: number, keepFile: boolean): number;
  /** What was evicted takes no space any more. Not inside a transaction; nothing may come between. */
  reclaim(): void;
  /** When things were used survives the process from now on. */
  keepUses(): void;
}

/** What the planner needs of the core. All inode numbers are of live inodes unless said otherwise. */
export interface Tree {
  /** One commit that survives kill -9. May be called inside another one (then it is part of it). */
  transaction<T>(change: () => T): T;
  readonly cache: Cache;
  /**
   * The planner's own persistent notes, part of the same commits as all else (callbacks from the core are inside
   * the core's transaction). Few: deletions to be made, conflicts, import failures. Undefined = none; setting
   * undefined removes.
   */
  record(key: string): string | undefined;
  setRecord(key: string, value: string | undefined): void;
  eachRecord(keyPrefix: string, each: (key: string, value: string) => void): void;
  /**
   * One opaque text per inode, kept in its row ('' at first): which S3 object the inode came from.
   * Readable as long as the inode exists, also when it has lost its name.
   */
  base(ino: number): string;
  setBase(ino: number, base: string): void;

  newWait(): WaitId;
  ready(waitId: WaitId): void;

  /** False for an inode that is gone. Fills `out`. */
  attributes(ino: number, out: Attributes): boolean;
  /** 0 for the root and for an unlinked inode that is still open. */
  parentOf(ino: number): number;
  nameOf(ino: number): string;
  /** 0 = no such name. */
  child(parent: number, name: string): number;
  children(ino: number, each: (name: string, ino: number, kind: Kind) => void): void;
  /** Those with inode numbers above `after`, in their order, until `each` returns false. */
  childrenAfter(
    ino: number,
    after: number,
    each: (name: string, ino: number, kind: Kind) => boolean,
  ): void;
  isEmpty(ino: number): boolean;
  linkTarget(ino: number): string;

  dirty(ino: number): number;
  /** Replaces the bits (0 = clean: then its content may be evicted). */
  setDirty(ino: number, bits: number): void;
  /** Every live inode with dirty bits; at start. */
  eachDirty(each: (ino: number, bits: number) => void): void;

  /** A directory's children are all known. Set by the planner; true from birth for one made by mkdir. */
  isListed(ino: number): boolean;
  setListed(ino: number, listed: boolean): void;
  /** HEAD was done (always true for what was made locally). */
  isKnown(ino: number): boolean;

  /** A name that appeared in S3, and its base. The name must be free. Returns the new inode; not dirty. */
  addRemote(parent: number, name: string, attributes: RemoteAttributes, base?: string): number;
  /** Attributes that were assumed so far; content and size stay as they are. Tells the kernel when they differ. */
  setRemoteAttributes(ino: number, attributes: RemoteAttributes): void;
  /** Another version: attributes, size, and all cached content is dropped. */
  replaceRemote(ino: number, attributes: RemoteAttributes): void;
  /** Deleted in S3: the name goes (a directory must be empty); open files keep what they have. */
  removeRemote(ino: number): void;
  /**
   * The inode, with its content, becomes `name` in the lost+found directory (made when needed); never exported,
   * not dirty, cannot be renamed. Returns false when the directory cannot be had.
   */
  moveToLostAndFound(ino: number, name: string): boolean;

  /** The bytes of a small file (kept in the packed store) or undefined when it has a cache file. A copy. */
  smallContent(ino: number): Uint8Array | undefined;
  /** The path of the cache file; created (sparse, of the right size) when there is none. Undefined = no space. */
  cacheFile(ino: number): string | undefined;
  /** Bytes of the inode's base object that are not here. */
  missing(ino: number): ByteSpan[];
  /** Bytes that are the same as in the object this inode came from (present or not). */
  unchanged(ino: number): ByteSpan[];
  /** The content is what S3 has now: nothing is changed against the (new) base. */
  setExported(ino: number): void;
  /** All of a small remote file. Ignored where bytes have been written since. */
  fill(ino: number, bytes: Uint8Array): void;
  /** A range has been downloaded into the cache file. */
  markPresent(ino: number, span: ByteSpan): void;
  /** Whether the kernel or a process has it in use: such directories are listed again, such files fetched first. */
  inUse(ino: number): boolean;
  /** Whether a process may have it open: also one that opened it before this process was started. */
  mayBeOpen(ino: number): boolean;
}

/** What the core needs of the planner. */
export interface Sync {
  /** A file, directory or symlink made locally, at its name, with its first attributes. */
  created(ino: number): void;
  /** `bits`: Dirty.content (bytes or size), Dirty.attributes. Cheap when it is dirty already. */
  changed(ino: number, bits: number): void;
  /** The inode has moved from that name (a replaced inode is reported by `unlinked` as well, before). */
  moved(ino: number, oldParent: number, oldName: string): void;
  /** The inode lost this, its only name. It may live on while it is open. */
  unlinked(ino: number, parent: number, name: string): void;

  /** Before lookup misses, readdir, create, rmdir, … in a directory that is not listed yet. */
  needDirectory(ino: number): Result;
  /** Before a directory is renamed: everything below it is listed. */
  needTree(ino: number): Result;
  /** Before attributes of an inode that is not known are shown or judged. */
  needAttributes(ino: number): Result;
  /** Before bytes are read (or partly overwritten) that are not here. Starts read-ahead as it sees fit. */
  needRange(ino: number, offset: number, length: number): Result;
  /** Bytes of an object that are here were read: read-ahead goes on before the reader waits (cheap). */
  passed(ino: number, offset: number, length: number): void;
  /** A downloaded range may not be written to while the transfer side writes it: true = wait with needRange. */
  isFetching(ino: number, offset: number, length: number): boolean;
  /** A directory was listed or looked into: it is in use (cheap). */
  touched(ino: number): void;

  /** When `tick` is due next (ms of the injected clock), Infinity = when something happens. */
  nextDeadline(): number;
  tick(now: number): void;
  /** New jobs, for one message. Call after every operation batch, tick and apply. */
  take(): readonly TransferJob[];
  apply(results: readonly TransferResult[]): void;

  /** Everything at and below `ino` that is dirty now (0 = the whole file system) is to be in S3. */
  barrier(ino: number): WaitId;
  /**
   * The same for what was at and below a path that nothing has any more: its deletions, and those of keys it was moved
   * away from. 0 = there are none.
   */
  barrierOfDeleted(path: string): WaitId;
  /** The same for one file, without looking at any other. */
  barrierOfFile(ino: number): WaitId;
  /** After the wait is ready: what did not make it. */
  barrierFailures(waitId: WaitId): SyncFailure[];
  status(): SyncStatus;
  configuration(): SynchronizationConfiguration;
  /** Throws a `SynchronizationError`. `anyVersion`: also when it was not made from the one in force. */
  configure(document: unknown, anyVersion: boolean): void;
  /** From number `from` on (0 = the first), at most so many. */
  failures(from: number, countMax: number): FailureList;
  /** What waits at and below `ino` (0 = everywhere), the oldest first, at most so many of it. */
  pending(ino: number, countMax: number): PendingList;
  /** Those that are not settled, oldest first. */
  conflicts(): readonly ConflictRecord[];
  /**
   * The core has given the local copy (if there is one) a name again, or removed it: inside that transaction. A
   * restored one is dirty from then on.
   */
  settle(id: string, settlement: Settlement): void;
  /** Of the last few settled ones: a repeated request is answered as it was. */
  settlementOf(id: string): Settlement | undefined;
  /** Lines of the `user.s3files.status` attribute. */
  statusText(ino: number): string;
}

/**
 * S3 Files' names and three of ours: a name that cannot be a key, no space on this disk for what would be sent, and a
 * change that lost against another in S3. Its `KeyTooLongToBreakCycle` cannot occur: what was moved is copied from its
 * exact version, so that cycles need no temporary key.
 */
export type ExportError =
  | 'S3AccessDenied'
  | 'InternalError'
  | 'S3UserMetadataTooLarge'
  | 'EncryptionKeyInaccessible'
  | 'RoleAssumptionFailed'
  | 'PathTooLong'
  | 'S3ObjectArchived'
  | 'S3BucketNotFound'
  | 'FileSizeExceedsS3Limit'
  /** What has to be in S3 before it is not there. */
  | 'DependencyExportFailed'
  | 'NameNotUtf8'
  | 'NoSpace'
  | 'Conflict';

export interface SyncFailure {
  path: string;
  error: ExportError;
  message: string;
}

/** A file was changed here and in S3: S3's version has its name. Plain data, kept in one record each. */
export interface SyncConflict {
  /** Ten hexadecimal digits; the names of the local copy and of its note start with them. */
  id: string;
  /** Where the file was. */
  path: string;
  key: string;
  atMs: number;
  /** What was changed here. Of the last two there is no copy. */
  what: 'content' | 'attributes' | 'deletion';
  /** The name of the local copy in the lost+found directory. */
  keptAs?: string;
  /** The local copy, and the version it was made from. */
  ours?: { size: number; eTag?: string; versionId?: string };
  /** What S3 had; absent: it was deleted there. */
  theirs?: { size: number; eTag: string; versionId?: string };
}

/** What only this side needs to know of a conflict. */
export interface ConflictRecord extends SyncConflict {
  /** Of the local copy. */
  ino?: number;
  /** Every directory it was below, the root first: who sees one of them may see the conflict. */
  above: number[];
  /** Who could read the file can read the note. */
  uid: number;
  gid: number;
  mode: number;
}

/** How a conflict ended: the local copy is at `path` again, or gone. */
export interface Settlement {
  how: 'restored' | 'discarded';
  path: string;
}

/** Something that is not in S3 yet. */
export interface PendingChange {
  path: string;
  kind: 'file' | 'directory' | 'symlink' | 'deletion';
  state: 'pending' | 'exporting' | 'failed';
  /** Since its first change that is not in S3. */
  ageMs: number;
  /** Of a file. */
  size?: number;
}

export interface PendingList {
  total: number;
  changes: PendingChange[];
}

export interface ImportFailure {
  key: string;
  reason:
    | 'EmptyComponent'
    | 'DotComponent'
    | 'NulByte'
    | 'NameTooLong'
    | 'TooDeep'
    /** There is a directory of this name. */
    | 'NameTaken'
    /** A directory's own key (`dir/`) that has bytes: the directory is visible, its bytes are not. */
    | 'DirectoryWithContent'
    /** It starts like the directory in which conflicts are kept. */
    | 'ReservedName';
}

/** One failure. `isRetried`: by itself, once a minute; else only when the file is changed or moved. */
export type Failure =
  | {
      kind: 'export';
      path: string;
      error: ExportError;
      message: string;
      remedy: string;
      isRetried: boolean;
    }
  | ({ kind: 'import' } & ImportFailure);

/** A page of failures, and how many there are of each kind; those of export come first. */
export interface FailureList {
  exports: number;
  imports: number;
  failures: Failure[];
}

export interface SyncStatus {
  /** Files and directories that are not in S3 yet, deletions included. */
  pending: number;
  /** Of these, in flight. */
  exporting: number;
  /** The first thousand; `failures()` gives them all. */
  failed: SyncFailure[];
  failedCount: number;
  conflicts: SyncConflict[];
  /** The first thousand. */
  importFailures: ImportFailure[];
  importFailureCount: number;
  /** The last failed request, also when it is being retried. */
  lastError?: { code: string; message: string; atMs: number };
  /** Age of the oldest change that is not in S3, 0 when there is none. */
  exportAgeMs: number;
  /** Since when a change in S3 is known of that is not visible yet, as an age; 0 when there is none. */
  importAgeMs: number;
  /** Changes of others are: told by the store (or a queue, a webhook), or found by listing. */
  changesFrom: 'events' | 'listing';
  exported: number;
  imported: number;
  /** What content takes on disk, and what it may take. What is not in S3 yet may be more than that. */
  cacheBytes: number;
  cacheBytesMax: number;
}
