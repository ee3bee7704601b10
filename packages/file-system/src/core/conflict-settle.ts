/** Ends a conflict: the local copy gets a name again, or goes. Each is one transaction with the end of the record. */
import { missingSpans } from '../content/base.ts';
import { FsError, Kind, ok, type Caller, type Status } from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import type { ConflictRecord } from '../sync/port.ts';
import { conflictsIno, isMadeUp, tellConflict } from './conflict-directory.ts';
import type { Core } from './core.ts';
import type { Orphans } from './orphans.ts';
import { takeName } from './names.ts';

/** Asked for at once. */
const fetchedBytes = 64 * 1024 * 1024;

/**
 * The local copy becomes `name` in that directory, to be exported as a new version. `replaces`: what has the name now
 * goes (in the bucket it stays, as the version before). Pending while bytes of it are fetched.
 */
export function restoreCopy(
  core: Core,
  orphans: Orphans,
  conflict: ConflictRecord,
  to: { parent: number; name: string; path: string; replaces: boolean },
): Status {
  const copy = conflict.ino === undefined ? undefined : core.store.get(conflict.ino);
  const directory = core.store.get(to.parent);
  if (copy === undefined || directory === undefined) return FsError.NoEntry;
  if (directory.kind !== Kind.directory) return FsError.NotDirectory;
  if ((directory.flags & InodeFlag.lostAndFound) !== 0) return FsError.NotPermitted;
  const target = core.child(directory, to.name);
  if (target === undefined && core.refusal !== FsError.NoEntry) return core.refusal;
  if (target !== undefined) {
    if (!to.replaces) return FsError.Exists;
    if (target.kind === Kind.directory) return FsError.IsDirectory;
    if ((target.flags & InodeFlag.lostAndFound) !== 0) return FsError.NotPermitted;
  }
  const status = needBytes(core, copy);
  if (status !== ok) return status;
  if (core.readOnly) return FsError.ReadOnly;
  if (!core.store.database.writable()) return FsError.NoSpace;

  core.begin();
  if (target !== undefined) {
    takeName(core, orphans, target);
    core.tellInode(-1, target.ino, 0, 0);
  }
  const lost = core.store.get(copy.parent);
  leave(core, copy, lost);
  core.store.move(copy, directory.ino, to.name);
  copy.flags &= ~InodeFlag.lostAndFound;
  // All its bytes are here: what it was made from means nothing any more.
  copy.base = '';
  core.views.moved(copy);
  core.changedTimes(copy);
  core.modifiedTimes(directory);
  core.tellEntry(-1, directory.ino, to.name);
  core.tellInode(-1, directory.ino, 0, 0);
  core.tellInode(-1, copy.ino, 0, 0);
  core.planner.settle(conflict.id, { how: 'restored', path: to.path });
  tellConflict(core, conflict);
  core.store.end();
  core.content.settle();
  return ok;
}

/** The local copy, if there is one, is removed. */
export function discardCopy(core: Core, orphans: Orphans, conflict: ConflictRecord): Status {
  const copy = conflict.ino === undefined ? undefined : core.store.get(conflict.ino);
  if (core.readOnly) return FsError.ReadOnly;
  if (!core.store.database.removable()) return FsError.NoSpace;
  core.begin();
  if (copy === undefined) {
    core.planner.settle(conflict.id, { how: 'discarded', path: conflict.path });
    tellConflict(core, conflict);
  } else {
    leave(core, copy, core.store.get(copy.parent));
    takeName(core, orphans, copy);
  }
  core.store.end();
  core.content.settle();
  return ok;
}

/**
 * unlink(2) in the directory of conflicts: the owner of a copy may remove it, which settles the conflict. A note goes
 * with its copy; only one that has none can be removed itself.
 */
export function unlinkEntry(core: Core, orphans: Orphans, c: Caller, name: string): Status {
  const directory = core.enter(c, conflictsIno);
  if (directory === undefined) return core.refusal;
  const inode = core.child(directory, name);
  if (inode === undefined) return core.refusal;
  if (!core.identity.owns(inode)) return FsError.AccessDenied;
  const status = core.admitRemoval(c);
  if (status !== ok) return status;
  const conflict = core.planner.conflicts().find(({ id }) => name.startsWith(id));
  if (conflict === undefined) return FsError.NoEntry;
  if (isMadeUp(inode.ino) && conflict.ino !== undefined) return FsError.NotPermitted;
  return discardCopy(core, orphans, conflict);
}

function leave(core: Core, copy: Inode, lost: Inode | undefined): void {
  if (lost === undefined) return;
  core.modifiedTimes(lost);
  core.tellEntry(-1, lost.ino, copy.name);
  core.tellInode(-1, lost.ino, 0, 0);
}

/** A large file may be here in part; the rest is in the version it was made from, perhaps not its key's any more. */
function needBytes(core: Core, copy: Inode): Status {
  if (copy.kind !== Kind.file || copy.baseEnd === 0) return ok;
  const [absent] = missingSpans(core.content, copy);
  if (absent === undefined) return ok;
  const length = Math.min(absent.end - absent.start, fetchedBytes);
  return core.await(core.planner.needRange(copy.ino, absent.start, length));
}
