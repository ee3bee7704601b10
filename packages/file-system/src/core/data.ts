/** open, read, write, fallocate, lseek: operations on a file's bytes. */
import { Identity } from '../access/identity.ts';
import { allocate, seek, zeroedSpan } from '../content/allocate.ts';
import { fileBytesMax, noPlace } from '../content/place.ts';
import {
  Access,
  Allocate,
  failure,
  FsError,
  Kind,
  ok,
  Open,
  pending,
  Write,
  type Caller,
  type Result,
  type Status,
} from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import { Dirty } from '../sync/port.ts';
import { isMadeUp, noteBytes } from './conflict-directory.ts';
import type { Core } from './core.ts';

/** OK when the caller may open it so and, with truncation, when that can be done now. */
export function judgeOpen(core: Core, c: Caller, inode: Inode, flags: number): Status {
  if (inode.kind === Kind.directory) return FsError.IsDirectory;
  if (inode.kind === Kind.symlink) return FsError.Loop;
  if (inode.kind !== Kind.file) return FsError.NoDevice;
  const mode = flags & Open.accessMode;
  const writes = mode !== Open.readOnly || (flags & Open.truncate) !== 0;
  let wanted = mode === Open.writeOnly ? 0 : Access.read;
  if ((flags & Open.execute) !== 0) wanted = Access.execute;
  if (writes) wanted |= Access.write;
  if (!core.identity.may(inode, wanted)) return FsError.AccessDenied;
  if (!writes) return ok;
  if ((inode.flags & InodeFlag.lostAndFound) !== 0) return FsError.NotPermitted;
  const truncates = (flags & Open.truncate) !== 0;
  const status = truncates ? core.admitRemoval(c) : core.admit(c);
  if (status !== ok || !truncates) return status;
  return prepareTruncate(core, inode, 0);
}

/** What O_TRUNC does; `judgeOpen` has allowed it. Inside a transaction. */
export function truncateAtOpen(core: Core, c: Caller, inode: Inode): void {
  core.content.truncate(inode, 0);
  core.modifiedTimes(inode);
  if (core.identity.uid !== 0) inode.mode = Identity.withoutPrivileges(inode.mode);
  core.planner.changed(inode.ino, Dirty.content);
  core.tellInode(c.view, inode.ino, 0, Infinity);
}

/** Waits for downloads that would still write beyond the new end, and for bytes a partial cut needs. */
export function prepareTruncate(core: Core, inode: Inode, size: number): Status {
  if (size >= inode.size || !core.planner.isFetching(inode.ino, size, inode.size - size)) return ok;
  return core.await(core.planner.needRange(inode.ino, size, inode.size - size));
}

export function read(
  core: Core,
  c: Caller,
  ino: number,
  offset: number,
  length: number,
  into: Uint8Array,
  at: number,
): Result {
  const inode = core.enter(c, ino);
  if (inode === undefined) return failure(core.refusal);
  if (inode.kind !== Kind.file)
    return failure(inode.kind === Kind.directory ? FsError.IsDirectory : FsError.Invalid);
  const bytes = Math.min(length, inode.size - offset);
  if (bytes <= 0) return 0;
  if (isMadeUp(ino)) {
    into.set(noteBytes(core, core.root, ino).subarray(offset, offset + bytes), at);
    return bytes;
  }
  if (inode.baseEnd > 0) {
    if (core.content.isAbsent(inode, offset, offset + bytes)) {
      const status = core.await(core.planner.needRange(ino, offset, bytes));
      if (status !== ok) return status === pending ? pending : failure(status);
    }
    core.planner.passed(ino, offset, bytes);
  }
  core.content.read(inode, offset, bytes, into, at);
  noteAccess(core, inode);
  return bytes;
}

/** As `relatime`: at most once a day, or when the file has changed since. May be lost in a crash. */
export function noteAccess(core: Core, inode: Inode): void {
  core.tick();
  if (inode.place !== noPlace) core.noteUse(inode);
  const { atimeSec, atimeNsec } = inode;
  const after = (sec: number, nsec: number): boolean =>
    atimeSec > sec || (atimeSec === sec && atimeNsec > nsec);
  if (
    core.sec - atimeSec < 86_400 &&
    after(inode.mtimeSec, inode.mtimeNsec) &&
    after(inode.ctimeSec, inode.ctimeNsec)
  )
    return;
  inode.atimeSec = core.sec;
  inode.atimeNsec = core.nsec;
  core.store.touchLazily(inode);
}

export function write(
  core: Core,
  c: Caller,
  ino: number,
  offset: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  flags: number,
): Result {
  const inode = core.enter(c, ino);
  if (inode === undefined) return failure(core.refusal);
  if (inode.kind !== Kind.file)
    return failure(inode.kind === Kind.directory ? FsError.IsDirectory : FsError.Invalid);
  const start = (flags & Write.append) !== 0 ? inode.size : offset;
  const end = start + length;
  if (end > fileBytesMax) return failure(FsError.FileTooBig);
  let status = core.admit(c);
  if (status === ok && length > 0) status = prepareWrite(core, inode, start, end);
  if (status !== ok) return status === pending ? pending : failure(status);
  if (length === 0) return 0;

  core.begin();
  const written = core.content.write(inode, start, bytes, at, length);
  if (written > 0) {
    core.modifiedTimes(inode);
    if ((flags & Write.killPrivileges) !== 0 || core.identity.uid !== 0)
      inode.mode = Identity.withoutPrivileges(inode.mode);
    core.planner.changed(ino, Dirty.content);
    // Who appends behind an end that has moved has cached its bytes where it thought the end was.
    if (start === offset) core.tellInode(c.view, ino, start, written);
    else core.tellInode(-1, ino, Math.min(start, offset), Math.abs(start - offset) + length);
  }
  const result = written > 0 ? written : failure(FsError.NoSpace);
  core.end(c, ino, result);
  return result;
}

/** Waits for downloads into the span, and for the rest of blocks that are written in part. */
function prepareWrite(core: Core, inode: Inode, start: number, end: number): Status {
  if (inode.baseEnd === 0) return ok;
  const { planner } = core;
  if (planner.isFetching(inode.ino, start, end - start)) {
    const status = core.await(planner.needRange(inode.ino, start, end - start));
    if (status !== ok) return status;
  }
  const needed = core.content.neededToWrite(inode, start, end);
  if (needed === undefined) return ok;
  return core.await(planner.needRange(inode.ino, needed.start, needed.end - needed.start));
}

export function fallocate(
  core: Core,
  c: Caller,
  ino: number,
  mode: number,
  offset: number,
  length: number,
): Status {
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  if (inode.kind !== Kind.file) return FsError.NoDevice;
  if (!(offset >= 0) || !(length > 0)) return FsError.Invalid;
  if (offset + length > fileBytesMax) return FsError.FileTooBig;
  const punch = (mode & Allocate.punchHole) !== 0;
  const known = Allocate.keepSize | Allocate.punchHole | Allocate.zeroRange;
  if ((mode & ~known) !== 0) return FsError.NotSupported;
  if (punch && (mode & (Allocate.keepSize | Allocate.zeroRange)) !== Allocate.keepSize)
    return FsError.NotSupported;
  let status = core.admit(c);
  const { start, end } = zeroedSpan(inode, mode, offset, length);
  if (status === ok && end > start) status = prepareWrite(core, inode, start, end);
  if (status !== ok) return status;

  core.begin();
  status = allocate(core.content, inode, mode, offset, length);
  if (status === ok) {
    core.modifiedTimes(inode);
    if (core.identity.uid !== 0) inode.mode = Identity.withoutPrivileges(inode.mode);
    core.planner.changed(ino, Dirty.content);
    core.tellInode(c.view, ino, 0, Infinity);
  }
  core.end(c, ino, status);
  return status;
}

export function lseek(core: Core, ino: number, offset: number, whence: number): Result {
  const inode = core.found(ino);
  if (inode === undefined) return failure(FsError.Stale);
  if (inode.kind !== Kind.file) return failure(FsError.Invalid);
  return seek(core.content, inode, offset, whence);
}

/** For callers that have a `Status` and answer a `Result`. */
export function resultOf(status: Status): Result {
  return status === pending ? pending : failure(status);
}
