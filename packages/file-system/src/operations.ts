/**
 * What a protocol adapter (FUSE, NFS) may ask of the file system: types, codes and exact signatures.
 *
 * Rules every operation keeps:
 *  - It is synchronous and runs on the one serving thread.
 *  - It returns a code and does not throw. `Status` is OK, Pending or a member of `FsError`; operations that
 *    also answer a number return a `Result`: >= 0 is the number, -1 is Pending, below that `failure(error)`.
 *  - After Pending, `pendingOn` holds the wait id. Nothing has been changed; the adapter keeps the request and
 *    repeats it from its start once `events.ready(waitId)` was called.
 *  - A change has been committed (it survives kill -9) before the operation returns.
 *  - Names are "binary strings": one character (0..255) for each byte, so that any byte sequence survives.
 *  - Inode numbers are below 2^48, persistent and never reused. The root is `rootIno`.
 */

export const rootIno = 1;

/** 0 = OK, -1 = Pending (see `pendingOn`), otherwise a member of `FsError`. */
export type Status = number;
/** A count, an offset or a handle when >= 0; -1 = Pending; else `failure(error)`. */
export type Result = number;
/** Names what a Pending operation waits for; positive, never reused within a process. */
export type WaitId = number;

export const ok = 0;
export const pending = -1;

/** Why an operation was refused. Each protocol maps these in one place. */
export const FsError = {
  NoEntry: 1,
  Exists: 2,
  NotDirectory: 3,
  IsDirectory: 4,
  NotEmpty: 5,
  AccessDenied: 6,
  NotPermitted: 7,
  NameTooLong: 8,
  NoSpace: 9,
  FileTooBig: 10,
  ReadOnly: 11,
  Invalid: 12,
  Stale: 13,
  NotSupported: 14,
  NoAttribute: 15,
  Again: 16,
  Deadlock: 17,
  TooManyLinks: 18,
  CrossDevice: 19,
  Busy: 20,
  Io: 21,
  Range: 22,
  Loop: 23,
  NoDevice: 24,
  NoLocks: 25,
  TextBusy: 26,
  Interrupted: 27,
} as const;
export type FsError = (typeof FsError)[keyof typeof FsError];

/** The `Result` that stands for an error. */
export function failure(error: number): Result {
  return -1 - error;
}

/** The `FsError` in a `Result` below -1 (and `pending` stays `pending`: 0 is never returned for a failure). */
export function errorOf(result: Result): Status {
  return result === pending ? pending : -1 - result;
}

/** Small integers, so that they can be compared and stored without strings. */
export const Kind = { file: 1, directory: 2, symlink: 3, fifo: 4, socket: 5 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Who asks. The adapter reuses one object for all requests. */
export interface Caller {
  /** 0 = the whole file system with the caller's own identity; else what `addView` returned. */
  view: number;
  uid: number;
  gid: number;
  pid: number;
  /** The request's number in the protocol, remembered with the change it makes (see `carriedOut`); 0 = do not. */
  request: number;
  /** Supplementary groups; read only when a decision depends on them. */
  groups(): readonly number[];
}

/** Out-parameter, filled by the operation. Times are seconds (may be negative) and nanoseconds 0..999999999. */
export interface Attributes {
  ino: number;
  kind: Kind;
  /** Permission, set-id and sticky bits only (07777). */
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  size: number;
  /** Of 512 bytes. */
  blocks: number;
  rdev: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
  ctimeSec: number;
  ctimeNsec: number;
  btimeSec: number;
  btimeNsec: number;
}

export function newAttributes(): Attributes {
  return {
    ino: 0,
    kind: Kind.file,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    size: 0,
    blocks: 0,
    rdev: 0,
    atimeSec: 0,
    atimeNsec: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    ctimeSec: 0,
    ctimeNsec: 0,
    btimeSec: 0,
    btimeNsec: 0,
  };
}

/** Bits of `AttributeChanges.valid`. The values are those of FUSE_SETATTR, so that its mask can be handed on. */
export const Change = {
  mode: 0x1,
  uid: 0x2,
  gid: 0x4,
  size: 0x8,
  atime: 0x10,
  mtime: 0x20,
  /** The change comes through an open file: truncation was authorised when it was opened. */
  handle: 0x40,
  atimeNow: 0x80,
  mtimeNow: 0x100,
  ctime: 0x400,
  /** Clear set-user-id and set-group-id as a write does. */
  killPrivileges: 0x800,
} as const;

/** In-parameter of `setattr`; only the fields named by `valid` are read. */
export interface AttributeChanges {
  valid: number;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  atimeSec: number;
  atimeNsec: number;
  mtimeSec: number;
  mtimeNsec: number;
}

/** Open flags, as on Linux for every architecture we serve (x86-64, arm64 differ only in flags not used here). */
export const Open = {
  readOnly: 0,
  writeOnly: 1,
  readWrite: 2,
  accessMode: 3,
  create: 0o100,
  exclusive: 0o200,
  truncate: 0o1000,
  append: 0o2000,
  /** The file is opened to be run (FMODE_EXEC as FUSE hands it on): execute permission replaces read. */
  execute: 0x20,
} as const;

/** Bits of `access`. 0 asks only whether it exists. */
export const Access = { exists: 0, execute: 1, write: 2, read: 4 } as const;

/** Flags of `write`. */
export const Write = {
  /** At the end of the file, whatever offset is given. */
  append: 1,
  /** Clear set-user-id and set-group-id (the writer is not privileged). */
  killPrivileges: 2,
} as const;

export const Rename = { noReplace: 1, exchange: 2 } as const;

/** As Linux's fallocate(2). Others are refused with NotSupported. */
export const Allocate = { keepSize: 1, punchHole: 2, zeroRange: 16 } as const;

export const Seek = { data: 3, hole: 4 } as const;

/** Passed to the callback of `readdir`; one object, reused. */
export interface DirectoryEntry {
  name: string;
  ino: number;
  kind: Kind;
  /** Continue after this entry by passing it as `cookie`. Stable while the entry exists. */
  cookie: number;
}

export interface FileSystemStatistics {
  blockBytes: number;
  blocks: number;
  blocksFree: number;
  /** What an unprivileged user may still use: less than free by the reserve that keeps the store intact. */
  blocksAvailable: number;
  files: number;
  filesFree: number;
  nameBytesMax: number;
}

export const LockKind = { posix: 0, flock: 1 } as const;
export const LockType = { read: 0, write: 1, unlock: 2 } as const;

/** A byte range lock (POSIX and OFD: they differ only in who is the owner) or a flock (the whole file). */
export interface Lock {
  kind: (typeof LockKind)[keyof typeof LockKind];
  type: (typeof LockType)[keyof typeof LockType];
  /** First and last byte. flock: 0 and `lockEnd`. */
  start: bigint;
  end: bigint;
  /** Opaque, unique per owner of locks (FUSE's lock_owner). */
  owner: bigint;
  /** For F_GETLK. */
  pid: number;
  /** The open file through which it is asked; its release drops what was locked through it. */
  handle: number;
}
/** `Lock.end` of a lock to the end of the file, wherever that is. */
export const lockEnd = 0x7fffffffffffffffn;

/** An access point: another root and another identity on the same tree. Immutable. */
export interface AccessPoint {
  /** For status and messages, e.g. `fsap-…`. */
  id: string;
  /** Absolute path in the file system, UTF-8 text. Default `/`. */
  rootPath?: string;
  /** Replaces the caller's identity in every request. */
  posixUser?: { uid: number; gid: number; secondaryGids?: readonly number[] };
  /** A rootPath that does not exist is made with these; without them `addView` says NoEntry. `permissions`: octal. */
  creationPermissions?: { ownerUid: number; ownerGid: number; permissions: string };
  readOnly?: boolean;
  /** uid 0 becomes nobody (65534). No effect with `posixUser`. */
  rootSquash?: boolean;
}

/**
 * What the file system tells its adapter. Called in the middle of operations and by the sync planner, on the
 * serving thread: only take notes here, never call an operation and never write to the kernel.
 */
export interface FileSystemEvents {
  /** Repeat the requests that wait for it. */
  ready(waitId: WaitId): void;
  /** Cached attributes of `ino` are out of date in every view but `exceptView` (-1 = in all);
   *  `length` > 0: cached bytes from `offset` too (Infinity = to the end); 0: attributes alone. */
  inodeChanged(ino: number, offset: number, length: number, exceptView: number): void;
  /** The name (present, absent or `..`) is out of date in every view but `exceptView`. */
  entryChanged(parent: number, name: string, exceptView: number): void;
  /** Asked: whether the kernel is known to hold references to the inode, through any view. */
  holds(ino: number): boolean;
}

/** The serving side. `fuse` compiles against this; `FileSystem` implements it. */
export interface FileSystemOperations {
  /** What the last operation that returned Pending waits for. */
  readonly pendingOn: WaitId;

  /** A new view. Result = its number (> 0). Pending while the root path is being imported. */
  addView(accessPoint: AccessPoint): Result;
  /** The inode that is the root of a view; 0 when there is no such view. */
  viewRoot(view: number): number;
  viewReadOnly(view: number): boolean;

  lookup(c: Caller, parent: number, name: string, out: Attributes): Status;
  /** The kernel has dropped the last reference it is known to have held, so that it does not have the inode open. */
  forgotten(ino: number): void;
  getattr(c: Caller, ino: number, out: Attributes): Status;
  setattr(c: Caller, ino: number, changes: AttributeChanges, out: Attributes): Status;
  access(c: Caller, ino: number, wanted: number): Status;

  /** Files, FIFOs and sockets; `mode` holds permission bits only and has had the umask applied. */
  mknod(c: Caller, parent: number, name: string, kind: Kind, mode: number, out: Attributes): Status;
  mkdir(c: Caller, parent: number, name: string, mode: number, out: Attributes): Status;
  symlink(c: Caller, parent: number, name: string, target: string, out: Attributes): Status;
  unlink(c: Caller, parent: number, name: string): Status;
  rmdir(c: Caller, parent: number, name: string): Status;
  rename(
    c: Caller,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Status;
  /** Always refused: one file is one key. */
  link(c: Caller, ino: number, newParent: number, newName: string): Status;

  /** Creates (or, without Open.exclusive, finds) and opens. Result = handle. */
  create(
    c: Caller,
    parent: number,
    name: string,
    mode: number,
    flags: number,
    out: Attributes,
  ): Result;
  /** Checks permission by the access mode, truncates with Open.truncate. Result = handle (> 0). */
  open(c: Caller, ino: number, flags: number): Result;
  /** A descriptor was closed: drops the POSIX locks of `owner`. */
  flush(c: Caller, ino: number, owner: bigint): Status;
  /** The open file is gone: drops locks taken through it (and flocks of `owner`), and unlinked content. */
  release(ino: number, handle: number, owner: bigint): void;

  /** Up to `length` bytes to `into` at `at`. Result = bytes, short only at the end of the file. */
  read(
    c: Caller,
    ino: number,
    offset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): Result;
  /** Writes bytes[at, at+length). Result = bytes written: all, or what the disk had space for. `flags`: see `Write`. */
  write(
    c: Caller,
    ino: number,
    offset: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    flags: number,
  ): Result;
  /** Durable (where, the file system was opened with) when it returns OK; Pending until then. */
  fsync(c: Caller, ino: number): Status;
  fallocate(c: Caller, ino: number, mode: number, offset: number, length: number): Status;
  /** Seek.data or Seek.hole. Result = offset; NoDevice beyond the end. */
  lseek(ino: number, offset: number, whence: number): Result;

  /** Target as a binary string in `linkTarget` after OK. */
  readlink(c: Caller, ino: number): Status;
  readonly linkTarget: string;

  /** Whether a directory shows the same names to everybody who may list it: then the adapter may keep them. */
  listsAlike(ino: number): boolean;
  /** Result = handle. */
  opendir(c: Caller, ino: number): Result;
  /** Entries after `cookie` (0 = from the start, `.` and `..` included) until `each` returns false. */
  readdir(c: Caller, ino: number, cookie: number, each: (entry: DirectoryEntry) => boolean): Status;

  /** The value is in `attributeValue` after OK. */
  getxattr(c: Caller, ino: number, name: string): Status;
  readonly attributeValue: Uint8Array;
  /** Names joined and ended by NUL, in `attributeValue`: always empty today (the status attribute is never listed). */
  listxattr(c: Caller, ino: number): Status;
  setxattr(c: Caller, ino: number, name: string, value: Uint8Array, flags: number): Status;
  removexattr(c: Caller, ino: number, name: string): Status;

  /** `lock` is overwritten by the first conflicting lock, or its type by unlock when there is none. */
  getlk(c: Caller, ino: number, lock: Lock): Status;
  /** With `wait` a conflict is Pending until it is granted (first come, first served) or Deadlock. */
  setlk(c: Caller, ino: number, lock: Readonly<Lock>, wait: boolean): Status;
  /** The waiting request was interrupted or its process died: forget it. */
  cancelWait(waitId: WaitId): void;

  statfs(c: Caller, out: FileSystemStatistics): Status;

  /**
   * After a restart on the same kernel session: was this request (Caller.request) carried out and committed
   * by the process that died? Undefined = no, carry it out. Only the last change is known, which is enough
   * as long as the adapter answers each request before it takes the next.
   */
  carriedOut(request: number): { ino: number; result: Result } | undefined;

  /** A new kernel session, not a restart on the same one: nothing is open, no lock is held, unlinked files can go. */
  freshSession(): void;
}
