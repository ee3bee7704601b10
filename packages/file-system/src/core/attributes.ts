/** getattr, setattr, access: what may be changed by whom (chmod(2), chown(2), utimensat(2), truncate(2)). */
import { Identity, ModeBit } from '../access/identity.ts';
import { fileBytesMax } from '../content/place.ts';
import {
  Access,
  Change,
  FsError,
  Kind,
  ok,
  type AttributeChanges,
  type Attributes,
  type Caller,
  type Status,
} from '../operations.ts';
import { fillAttributes, InodeFlag, type Inode } from '../store/inode.ts';
import { Dirty } from '../sync/port.ts';
import type { Core } from './core.ts';
import { prepareTruncate } from './data.ts';

/** Times are kept in 64-bit nanoseconds in S3, so they end in the years 1677 and 2262. */
const secondsMax = 9_223_372_036;

export function getattr(core: Core, c: Caller, ino: number, out: Attributes): Status {
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  const status = core.know(inode);
  if (status === ok) show(core, inode, out);
  return status;
}

export function show(core: Core, inode: Inode, out: Attributes): void {
  fillAttributes(inode, inode.kind === Kind.file ? core.content.blocks(inode) : 0, out);
  // Copies are for reading; whoever may write to anything is not kept from it by the kernel.
  if (inode.kind === Kind.file && (inode.flags & InodeFlag.lostAndFound) !== 0) out.mode &= ~0o222;
}

export function access(core: Core, c: Caller, ino: number, wanted: number): Status {
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  const status = core.know(inode);
  if (status !== ok) return status;
  if ((wanted & Access.write) !== 0 && inode.kind !== Kind.fifo && inode.kind !== Kind.socket) {
    if (core.admit(c) === FsError.ReadOnly) return FsError.ReadOnly;
  }
  return core.identity.may(inode, wanted) ? ok : FsError.AccessDenied;
}

export function setattr(
  core: Core,
  c: Caller,
  ino: number,
  changes: AttributeChanges,
  out: Attributes,
): Status {
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  let status = core.know(inode);
  if (status !== ok) return status;
  const { valid } = changes;
  status = judge(core, inode, changes);
  if (status === ok) {
    const shrinks = (valid & Change.size) !== 0 && changes.size < inode.size;
    status = shrinks ? core.admitRemoval(c) : core.admit(c);
  }
  if (status === ok && (inode.flags & InodeFlag.lostAndFound) !== 0) status = FsError.NotPermitted;
  if (status === ok && (valid & Change.size) !== 0)
    status = prepareTruncate(core, inode, changes.size);
  if (status !== ok) return status;

  core.begin();
  if ((valid & Change.size) !== 0) {
    status = core.content.truncate(inode, changes.size);
    if (status === ok) {
      core.modifiedTimes(inode);
      if (core.identity.uid !== 0) inode.mode = Identity.withoutPrivileges(inode.mode);
      core.planner.changed(ino, Dirty.content);
    }
  }
  if (status === ok) {
    apply(core, inode, changes);
    if ((valid & (Change.size | whatIsAttributes)) !== 0) core.changedTimes(inode);
    if ((valid & whatIsAttributes) !== 0) core.planner.changed(ino, Dirty.attributes);
    core.tellInode(c.view, ino, 0, (valid & Change.size) !== 0 ? Infinity : 0);
  }
  core.end(c, ino, status);
  if (status === ok) show(core, inode, out);
  return status;
}

const whatIsAttributes =
  Change.mode | Change.uid | Change.gid | Change.atime | Change.mtime | Change.killPrivileges;

/** Whether all that is asked for is allowed. */
function judge(core: Core, inode: Inode, changes: AttributeChanges): Status {
  const { identity } = core;
  const { valid } = changes;
  const owns = identity.owns(inode);
  if ((valid & Change.mode) !== 0 && !owns) return FsError.NotPermitted;
  if ((valid & (Change.uid | Change.gid)) !== 0 && identity.uid !== 0) {
    if ((valid & Change.uid) !== 0 && (!owns || changes.uid !== inode.uid))
      return FsError.NotPermitted;
    if ((valid & Change.gid) !== 0) {
      if (!owns) return FsError.NotPermitted;
      if (changes.gid !== inode.gid && !identity.inGroup(changes.gid)) return FsError.NotPermitted;
    }
  }
  if ((valid & Change.size) !== 0) {
    if (inode.kind === Kind.directory) return FsError.IsDirectory;
    if (inode.kind !== Kind.file || !(changes.size >= 0)) return FsError.Invalid;
    if (changes.size > fileBytesMax) return FsError.FileTooBig;
    if ((valid & Change.handle) === 0 && !identity.may(inode, Access.write))
      return FsError.AccessDenied;
  }
  if ((valid & (Change.atime | Change.mtime)) !== 0 && !owns) {
    // Setting both to the present is allowed to whoever may write; anything else to the owner alone.
    const bothNow = Change.atime | Change.mtime | Change.atimeNow | Change.mtimeNow;
    if ((valid & bothNow) !== bothNow) {
      // A write through the kernel's cache sends mtime with the size: that was authorised by the open.
      return (valid & Change.handle) !== 0 && (valid & Change.size) !== 0
        ? ok
        : FsError.NotPermitted;
    }
    if (!identity.may(inode, Access.write)) return FsError.AccessDenied;
  }
  return ok;
}

function apply(core: Core, inode: Inode, changes: AttributeChanges): void {
  const { identity } = core;
  const { valid } = changes;
  if ((valid & (Change.uid | Change.gid)) !== 0) {
    if ((valid & Change.uid) !== 0) inode.uid = changes.uid;
    if ((valid & Change.gid) !== 0) inode.gid = changes.gid;
    if (inode.kind !== Kind.directory) inode.mode = Identity.withoutPrivileges(inode.mode);
  }
  if ((valid & Change.killPrivileges) !== 0 && inode.kind !== Kind.directory)
    inode.mode = Identity.withoutPrivileges(inode.mode);
  if ((valid & Change.mode) !== 0) {
    inode.mode = changes.mode & 0o7777;
    if (identity.uid !== 0 && !identity.inGroup(inode.gid)) inode.mode &= ~ModeBit.setGroup;
  }
  if ((valid & Change.atime) !== 0) {
    const now = (valid & Change.atimeNow) !== 0;
    inode.atimeSec = now ? core.sec : clampSeconds(changes.atimeSec);
    inode.atimeNsec = now ? core.nsec : changes.atimeNsec;
  }
  if ((valid & Change.mtime) !== 0) {
    const now = (valid & Change.mtimeNow) !== 0;
    inode.mtimeSec = now ? core.sec : clampSeconds(changes.mtimeSec);
    inode.mtimeNsec = now ? core.nsec : changes.mtimeNsec;
  }
}

function clampSeconds(seconds: number): number {
  return Math.max(-secondsMax, Math.min(secondsMax, seconds));
}
