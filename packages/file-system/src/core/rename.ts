/** rename(2) and renameat2(2) with RENAME_NOREPLACE and RENAME_EXCHANGE. */
import {
  Access,
  FsError,
  Kind,
  ok,
  Rename,
  rootIno,
  type Caller,
  type Status,
} from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import type { Core } from './core.ts';
import type { Orphans } from './orphans.ts';
import { takeName, tellChanged } from './names.ts';

export function rename(
  core: Core,
  orphans: Orphans,
  c: Caller,
  parent: number,
  name: string,
  newParent: number,
  newName: string,
  flags: number,
): Status {
  if ((flags & ~(Rename.noReplace | Rename.exchange)) !== 0) return FsError.Invalid;
  if (flags === (Rename.noReplace | Rename.exchange)) return FsError.Invalid;
  const from = core.enter(c, parent);
  if (from === undefined) return core.refusal;
  const to = core.also(c, newParent);
  if (to === undefined) return core.refusal;
  let status = core.searchable(from, name);
  if (status === ok) status = core.searchable(to, newName);
  if (status !== ok) return status;
  if (isDots(name) || isDots(newName)) return FsError.Busy;
  const inode = core.child(from, name);
  if (inode === undefined) return core.refusal;
  const target = core.child(to, newName);
  if (target === undefined && core.refusal !== FsError.NoEntry) return core.refusal;

  const exchange = (flags & Rename.exchange) !== 0;
  status = judge(core, from, inode, to, target, flags);
  if (status !== ok) return status;
  if (inode === target) return ok;
  status = core.admit(c);
  if (status === ok && inode.kind === Kind.directory)
    status = core.await(core.planner.needTree(inode.ino));
  if (status === ok && target?.kind === Kind.directory) {
    status = exchange ? core.await(core.planner.needTree(target.ino)) : core.listed(target);
    if (status === ok && !exchange && core.store.hasChildren(target)) status = FsError.NotEmpty;
  }
  if (status !== ok) return status;

  core.begin();
  if (exchange) swap(core, from, inode, to, target!);
  else {
    if (target !== undefined) {
      takeName(core, orphans, target);
      if (target.kind === Kind.directory) to.nlink--;
      core.tellInode(c.view, target.ino, 0, 0);
    }
    core.store.move(inode, to.ino, newName);
    if (from !== to) {
      moveBelow(core, from, to, inode);
      core.views.moved(inode);
    }
    core.planner.moved(inode.ino, parent, name);
    core.changedTimes(inode);
  }
  core.modifiedTimes(from);
  core.modifiedTimes(to);
  core.tellInode(c.view, inode.ino, 0, 0);
  tellChanged(core, c, from, name);
  tellChanged(core, c, to, newName);
  core.end(c, inode.ino, ok);
  return ok;
}

function judge(
  core: Core,
  from: Inode,
  inode: Inode,
  to: Inode,
  target: Inode | undefined,
  flags: number,
): Status {
  const { identity } = core;
  const exchange = (flags & Rename.exchange) !== 0;
  let status = identity.mayRemove(from, inode);
  if (status !== ok) return status;
  if (target === undefined) {
    if (exchange) return FsError.NoEntry;
    if (to.nlink === 0) return FsError.NoEntry;
    if (!identity.may(to, Access.write | Access.execute)) return FsError.AccessDenied;
  } else {
    if ((flags & Rename.noReplace) !== 0) return FsError.Exists;
    status = identity.mayRemove(to, target);
    if (status !== ok) return status;
  }
  const lost = (inode.flags | to.flags | (target?.flags ?? 0)) & InodeFlag.lostAndFound;
  if (lost !== 0) return FsError.NotPermitted;
  if (inode.kind === Kind.directory) {
    if (isWithin(core, to, inode)) return FsError.Invalid;
    // The directory's `..` changes, which is a write to it.
    if (from !== to && !identity.may(inode, Access.write)) return FsError.AccessDenied;
  }
  if (target === undefined || target === inode) return ok;
  if (exchange) {
    if (target.kind !== Kind.directory) return ok;
    if (isWithin(core, from, target)) return FsError.Invalid;
    return from !== to && !identity.may(target, Access.write) ? FsError.AccessDenied : ok;
  }
  if (inode.kind === Kind.directory && target.kind !== Kind.directory) return FsError.NotDirectory;
  if (inode.kind !== Kind.directory && target.kind === Kind.directory) return FsError.IsDirectory;
  return ok;
}

/** `inode` is `ancestor` or somewhere below it. */
function isWithin(core: Core, inode: Inode, ancestor: Inode): boolean {
  for (let at: Inode | undefined = inode; at !== undefined; at = core.store.get(at.parent)) {
    if (at === ancestor) return true;
    if (at.ino === rootIno) return false;
  }
  return false;
}

/** A directory has another one above it. */
function moveBelow(core: Core, from: Inode, to: Inode, inode: Inode): void {
  if (inode.kind !== Kind.directory) return;
  from.nlink--;
  to.nlink++;
  core.tellEntry(-1, inode.ino, '..');
}

function swap(core: Core, from: Inode, inode: Inode, to: Inode, target: Inode): void {
  const { name } = inode;
  const newName = target.name;
  core.store.unname(target);
  core.store.move(inode, to.ino, newName);
  core.store.move(target, from.ino, name);
  if (from !== to) {
    moveBelow(core, from, to, inode);
    moveBelow(core, to, from, target);
    core.views.moved(inode);
    core.views.moved(target);
  }
  core.planner.moved(inode.ino, from.ino, name);
  core.planner.moved(target.ino, to.ino, newName);
  core.changedTimes(inode);
  core.changedTimes(target);
}

function isDots(name: string): boolean {
  return name === '.' || name === '..';
}
