/** opendir, readdir, readlink. */
import {
  Access,
  failure,
  FsError,
  Kind,
  ok,
  type Caller,
  type DirectoryEntry,
  type Result,
  type Status,
} from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import { eachConflictEntry, isMadeUp } from './conflict-directory.ts';
import type { Core } from './core.ts';
import { noteAccess, resultOf } from './data.ts';

/** Cookies of the two entries every directory has; all others are inode numbers, which are larger. */
const dotCookie = 1;
const dotDotCookie = 2;

const shown: DirectoryEntry = { name: '', ino: 0, kind: Kind.directory, cookie: 0 };

export function opendir(core: Core, c: Caller, ino: number): Result {
  const inode = core.enter(c, ino);
  if (inode === undefined) return failure(core.refusal);
  if (inode.kind !== Kind.directory) return failure(FsError.NotDirectory);
  const status = core.know(inode);
  if (status !== ok) return resultOf(status);
  if (!core.identity.may(inode, Access.read)) return failure(FsError.AccessDenied);
  // The adapter may show what it has kept, so that no `readdir` follows.
  if ((inode.flags & InodeFlag.listed) !== 0 && !isMadeUp(ino)) core.planner.touched(ino);
  return core.newHandle();
}

export function readdir(
  core: Core,
  c: Caller,
  ino: number,
  cookie: number,
  each: (entry: DirectoryEntry) => boolean,
): Status {
  const inode = core.enter(c, ino);
  if (inode === undefined) return core.refusal;
  if (inode.kind !== Kind.directory) return FsError.NotDirectory;
  const status = core.listed(inode);
  if (status !== ok) return status;
  if (!isMadeUp(ino)) {
    core.planner.touched(ino);
    noteAccess(core, inode);
  }
  if (cookie < dotCookie && !show('.', ino, Kind.directory, dotCookie, each)) return ok;
  if (
    cookie < dotDotCookie &&
    !show('..', aboveIno(core, c, inode), Kind.directory, dotDotCookie, each)
  )
    return ok;
  if (inode.parent === 0 && inode.nlink === 0) return ok;
  if (isMadeUp(ino)) {
    eachConflictEntry(core, core.root, cookie, (name, child, kind) =>
      show(name, child, kind, child, each),
    );
    return ok;
  }
  core.store.eachChild(inode, Math.max(cookie, dotDotCookie), (name, child, kind) =>
    show(name, child, kind, child, each),
  );
  return ok;
}

function aboveIno(core: Core, c: Caller, inode: Inode): number {
  const isRoot = inode.parent === 0 || core.views.get(c.view)?.root === inode.ino;
  return isRoot ? inode.ino : inode.parent;
}

function show(
  name: string,
  ino: number,
  kind: Kind,
  cookie: number,
  each: (entry: DirectoryEntry) => boolean,
): boolean {
  shown.name = name;
  shown.ino = ino;
  shown.kind = kind;
  shown.cookie = cookie;
  return each(shown);
}
