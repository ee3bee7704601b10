/**
 * Numbers of the FUSE kernel protocol, version 7 (include/uapi/linux/fuse.h, up to minor 45).
 *
 * Only what is spoken here. Offsets of request fields count from the start of the request, header included
 * (40 bytes); offsets of reply fields count from the start of the reply, header included (16 bytes).
 */

export const protocolMajor = 7;
/** What we speak; the kernel uses the lower of both. */
export const protocolMinor = 45;

export const requestHeaderBytes = 40;
export const replyHeaderBytes = 16;

/** Node id of the mount's root, fixed by the protocol. */
export const rootNode = 1;

export const Opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  getlk: 31,
  setlk: 32,
  setlkw: 33,
  access: 34,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  statx: 52,
} as const;
export const opcodeMax = 63;

/** Flags of INIT, first word. */
export const InitFlag = {
  asyncRead: 0x1,
  posixLocks: 0x2,
  atomicTruncate: 0x8,
  bigWrites: 0x20,
  flockLocks: 0x400,
  doReaddirplus: 0x2000,
  readdirplusAuto: 0x4000,
  asyncDirectIo: 0x8000,
  parallelDirectoryOperations: 0x40000,
  maxPages: 0x400000,
  cacheSymlinks: 0x800000,
  explicitInvalidation: 0x2000000,
  handleKillPrivilegesV2: 0x10000000,
  extended: 0x40000000,
} as const;

/** Flags of INIT, second word (bit 32 and up). */
export const InitFlag2 = {
  /** A file opened for direct I/O can be mapped shared all the same. */
  directIoAllowMmap: 0x10,
  hasResend: 0x80,
} as const;

/** Set in the upper half of `unique` when the kernel sends a request again (bit 63). */
export const uniqueResendHigh = 0x80000000;

export const OpenReply = {
  directIo: 0x1,
  keepCache: 0x2,
  cacheDirectory: 0x8,
} as const;
export const WriteFlag = { fromCache: 0x1, killPrivileges: 0x4 } as const;
export const OpenFlag = { killPrivileges: 0x1 } as const;
export const ReleaseFlag = { flockUnlock: 0x2 } as const;
export const LockFlag = { flock: 0x1 } as const;

/** Notifications, written by us; the code goes where a reply has its error. */
export const Notify = { invalidateInode: 2, invalidateEntry: 3, resend: 7 } as const;

/** Types in file modes and, shifted right by 12, in directory entries. */
export const ModeType = {
  fifo: 0o010000,
  directory: 0o040000,
  regular: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
  mask: 0o170000,
} as const;

export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EMLINK: 31,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOLCK: 37,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EOPNOTSUPP: 95,
  ENOTCONN: 107,
  ECONNABORTED: 103,
  ESTALE: 116,
} as const;
