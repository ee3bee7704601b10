/**
 * An inode as the serving thread holds it: the persistent row and what is only known while it is in memory.
 *
 * Every inode has exactly one name (one file is one key), so its entry in the parent directory is part of the
 * row: `parent` and `name`. `parent` 0 means it has lost its name and lives on while it is open.
 */
import { Kind, type Attributes } from '../operations.ts';
import type { Extents } from '../content/extents.ts';
import type { Directory } from './directory.ts';

/** Bits of `Inode.flags`. */
export const InodeFlag = {
  /** Of a directory: all its children are in the store. */
  listed: 1,
  /** Mode, owner and times are true, not assumed from a listing. */
  known: 2,
  /** It is the lost+found directory or lies in it. */
  lostAndFound: 4,
} as const;

/** Inode numbers below this are reserved: 1 is the root, and 1 and 2 are the cookies of `.` and `..`. */
export const firstIno = 16;

export class Inode {
  readonly ino: number;
  kind: Kind;
  parent: number;
  name: string;
  mode = 0;
  nlink = 1;
  uid = 0;
  gid = 0;
  size = 0;
  atimeSec = 0;
  atimeNsec = 0;
  mtimeSec = 0;
  mtimeNsec = 0;
  ctimeSec = 0;
  ctimeNsec = 0;
  btimeSec = 0;
  btimeNsec = 0;
  flags = 0;
  /** What is not in S3 yet: the planner's `Dirty` bits. */
  dirty = 0;
  /** Where the bytes are: see content/place.ts. */
  place = 0;
  /** Bytes below this come from the S3 object unless they were written since; 0 = nothing does. */
  baseEnd = 0;
  /** Of a symbolic link. */
  target = '';
  /** The planner's note of the S3 object it came from. */
  base = '';

  // Memory only.

  /** Seconds: when its content was last noted to be used (see `Uses`). */
  usedSec = 0;
  /** Used since the eviction hand last passed. */
  hot = true;
  /** Its bytes may have been promised to be durable: fsync, or nobody knows since a restart. */
  synced = false;
  /** Its row in the database is older than this. */
  rowStale = false;
  /** It has no row in the database yet. */
  rowNew = false;
  /** It is part of the transaction being put together. */
  touched = false;
  removed = false;
  directory: Directory | undefined = undefined;
  extents: Extents | undefined = undefined;
  /** The view for which, and the epoch in which, it was last found to be inside the view's root. */
  jailView = 0;
  jailEpoch = -1;

  constructor(ino: number, kind: Kind, parent: number, name: string) {
    this.ino = ino;
    this.kind = kind;
    this.parent = parent;
    this.name = name;
  }
}

/** What a directory shows as its size; real sizes of directories mean nothing here. */
const directoryBytes = 4096;

export function fillAttributes(inode: Inode, blocks: number, out: Attributes): void {
  out.ino = inode.ino;
  out.kind = inode.kind;
  out.mode = inode.mode;
  out.nlink = inode.nlink;
  out.uid = inode.uid;
  out.gid = inode.gid;
  out.size = inode.kind === Kind.directory ? directoryBytes : inode.size;
  out.blocks = inode.kind === Kind.directory ? directoryBytes / 512 : blocks;
  out.rdev = 0;
  out.atimeSec = inode.atimeSec;
  out.atimeNsec = inode.atimeNsec;
  out.mtimeSec = inode.mtimeSec;
  out.mtimeNsec = inode.mtimeNsec;
  out.ctimeSec = inode.ctimeSec;
  out.ctimeNsec = inode.ctimeNsec;
  out.btimeSec = inode.btimeSec;
  out.btimeNsec = inode.btimeNsec;
}
