/** lookup, and everything that makes or removes a name. Renaming is in rename.ts. */
import { ModeBit } from '../access/identity.ts';
import {
  Access,
  failure,
  FsError,
  Kind,
  ok,
  Open,
  type Attributes,
  type Caller,
  type Result,
  type Status,
} from '../operations.ts';
import { Inode, InodeFlag } from '../store/inode.ts';
import { show } from './attributes.ts';
import { copyRemoved } from './conflict-directory.ts';
import type { Core } from './core.ts';
import { judgeOpen, resultOf, truncateAtOpen } from './data.ts';
import type { Orphans } from './orphans.ts';

/** Linux's limit for the target of a symbolic link. S3 Files has 4,080, fewer than POSIX's PATH_MAX asks for. */
const targetBytesMax = 4095;

export function lookup(
  core: Core,
  c: Caller,
  parent: number,
  name: string,
  out: Attributes,
): Status {
  const directory = core.enter(c, parent);
  if (directory === undefined) return core.refusal;
  const status = core.searchable(directory, name);
  if (status !== ok) return status;
  let inode: Inode | undefined = directory;
  if (name === '..') inode = aboveOf(core, c, directory);
  else if (name !== '.') inode = core.child(directory, name);
  if (inode === undefined) return core.refusal;
  if ((directory.flags & InodeFlag.listed) === 0) core.planner.touched(parent);
  show(core, inode, out);
  return ok;
}

/** `..` of a view's root is the root itself. */
function aboveOf(core: Core, c: Caller, directory: Inode): Inode {
  const root = c.view === 0 ? directory.parent : core.views.get(c.view)?.root;
  if (directory.parent === 0 || root === directory.ino) return directory;
  return core.store.get(directory.parent) ?? directory;
}

/** OK when the caller may add this name, which is free. */
function vacant(core: Core, c: Caller, directory: Inode, name: string): Status {
  let status = core.searchable(directory, name);
  if (status !== ok) return status;
  if (name === '.' || name === '..') return FsError.Exists;
  if (core.child(directory, name) !== undefined) return FsError.Exists;
  if (core.refusal !== FsError.NoEntry) return core.refusal;
  if (directory.nlink === 0) return FsError.NoEntry;
  status = core.admit(c);
  if (status !== ok) return status;
  if ((directory.flags & InodeFlag.lostAndFound) !== 0) return FsError.NotPermitted;
  return core.identity.may(directory, Access.write | Access.execute) ? ok : FsError.AccessDenied;
}

/** Makes the inode and its name. Inside a transaction. */
export function make(
  core: Core,
  directory: Inode,
  name: string,
  kind: Kind,
  mode: number,
  target: string,
): Inode {
  const { identity, store } = core;
  const inode = new Inode(store.newIno(), kind, directory.ino, name);
  inode.uid = identity.uid;
  inode.gid = identity.gid;
  inode.mode = mode & 0o7777;
  if ((directory.mode & ModeBit.setGroup) !== 0) {
    inode.gid = directory.gid;
    if (kind === Kind.directory) inode.mode |= ModeBit.setGroup;
  }
  const runsAsGroup = ModeBit.setGroup | 0o010;
  if (
    kind !== Kind.directory &&
    (inode.mode & runsAsGroup) === runsAsGroup &&
    identity.uid !== 0 &&
    !identity.inGroup(inode.gid)
  )
    inode.mode &= ~ModeBit.setGroup;
  inode.target = target;
  inode.size = target.length;
  inode.flags = InodeFlag.known | (kind === Kind.directory ? InodeFlag.listed : 0);
  inode.nlink = kind === Kind.directory ? 2 : 1;
  inode.btimeSec = core.sec;
  inode.btimeNsec = core.nsec;
  inode.atimeSec = core.sec;
  inode.atimeNsec = core.nsec;
  store.insert(inode);
  core.modifiedTimes(inode);
  if (kind === Kind.directory) directory.nlink++;
  core.modifiedTimes(directory);
  core.planner.created(inode.ino);
  return inode;
}

/** mknod, mkdir and symlink: the same but for kind and target. */
export function makeNode(
  core: Core,
  c: Caller,
  parent: number,
  name: string,
  kind: Kind,
  mode: number,
  target: string,
  out: Attributes,
): Status {
  const directory = core.enter(c, parent);
  if (directory === undefined) return core.refusal;
  const status = vacant(core, c, directory, name);
  if (status !== ok) return status;
  if (kind === Kind.symlink) {
    if (target.length === 0) return FsError.NoEntry;
    if (target.length > targetBytesMax) return FsError.NameTooLong;
  }
  core.begin();
  const inode = make(core, directory, name, kind, mode, target);
  tellChanged(core, c, directory, name);
  core.end(c, inode.ino, ok);
  show(core, inode, out);
  return ok;
}

export function create(
  core: Core,
  c: Caller,
  parent: number,
  name: string,
  mode: number,
  flags: number,
  out: Attributes,
): Result {
  const directory = core.enter(c, parent);
  if (directory === undefined) return failure(core.refusal);
  let status = vacant(core, c, directory, name);
  let inode: Inode;
  if (status === FsError.Exists && (flags & Open.exclusive) === 0) {
    const found = core.child(directory, name);
    if (found === undefined) return failure(FsError.Exists);
    inode = found;
    status = judgeOpen(core, c, inode, flags);
    if (status !== ok) return resultOf(status);
    if ((flags & Open.truncate) !== 0) {
      core.begin();
      truncateAtOpen(core, c, inode);
      core.end(c, inode.ino, 0);
    }
  } else {
    if (status !== ok) return resultOf(status);
    core.begin();
    inode = make(core, directory, name, Kind.file, mode, '');
    tellChanged(core, c, directory, name);
    core.end(c, inode.ino, 0);
  }
  show(core, inode, out);
  return core.newHandle();
}

export function unlink(
  core: Core,
  orphans: Orphans,
  c: Caller,
  parent: number,
  name: string,
): Status {
  const directory = core.enter(c, parent);
  if (directory === undefined) return core.refusal;
  let status = core.searchable(directory, name);
  if (status !== ok) return status;
  const inode = core.child(directory, name);
  if (inode === undefined) return core.refusal;
  status = core.identity.mayRemove(directory, inode);
  if (status !== ok) return status;
  if (inode.kind === Kind.directory) return FsError.IsDirectory;
  status = core.admitRemoval(c);
  if (status !== ok) return status;
  core.begin();
  takeName(core, orphans, inode);
  core.modifiedTimes(directory);
  tellChanged(core, c, directory, name);
  core.tellInode(c.view, inode.ino, 0, 0);
  core.end(c, inode.ino, ok);
  return ok;
}

export function rmdir(
  core: Core,
  orphans: Orphans,
  c: Caller,
  parent: number,
  name: string,
): Status {
  const directory = core.enter(c, parent);
  if (directory === undefined) return core.refusal;
  let status = core.searchable(directory, name);
  if (status !== ok) return status;
  if (name === '.') return FsError.Invalid;
  if (name === '..') return FsError.NotEmpty;
  const inode = core.child(directory, name);
  if (inode === undefined) return core.refusal;
  status = core.identity.mayRemove(directory, inode);
  if (status !== ok) return status;
  if (inode.kind !== Kind.directory) return FsError.NotDirectory;
  status = core.listed(inode);
  if (status !== ok) return status;
  if (core.store.hasChildren(inode)) return FsError.NotEmpty;
  if ((inode.flags & InodeFlag.lostAndFound) !== 0) return FsError.NotPermitted;
  status = core.admitRemoval(c);
  if (status !== ok) return status;
  core.begin();
  takeName(core, orphans, inode);
  directory.nlink--;
  core.modifiedTimes(directory);
  tellChanged(core, c, directory, name);
  core.end(c, inode.ino, ok);
  return ok;
}

/** The inode loses its name, and is gone unless it is open. Inside a transaction. */
export function takeName(core: Core, orphans: Orphans, inode: Inode): void {
  const { parent, name } = inode;
  core.store.orphan(inode, core.sec, core.nsec);
  if ((inode.flags & InodeFlag.lostAndFound) === 0) core.planner.unlinked(inode.ino, parent, name);
  else copyRemoved(core, inode.ino);
  orphans.nameTaken(inode);
}

export function tellChanged(core: Core, c: Caller, directory: Inode, name: string): void {
  core.tellEntry(c.view, directory.ino, name);
  core.tellInode(c.view, directory.ino, 0, 0);
}
