/** Adding a view: finding, or making, the directory that is its root. */
import { failure, FsError, Kind, rootIno, type AccessPoint, type Result } from '../operations.ts';
import type { Inode } from '../store/inode.ts';
import type { Core } from './core.ts';
import { resultOf } from './data.ts';
import { make } from './names.ts';

/** Result = the view's number. Pending while the path is being imported. */
export function addView(core: Core, accessPoint: AccessPoint): Result {
  const { rootPath = '/', creationPermissions } = accessPoint;
  const names = Buffer.from(rootPath, 'utf8').toString('latin1').split('/').filter(Boolean);
  if (names.some((name) => name === '.' || name === '..' || name.length > 255))
    return failure(FsError.Invalid);
  let at: Inode = core.store.get(rootIno)!;
  for (const [index, name] of names.entries()) {
    if (at.kind !== Kind.directory) return failure(FsError.NotDirectory);
    const child = core.child(at, name);
    if (child !== undefined) {
      at = child;
      continue;
    }
    if (core.refusal !== FsError.NoEntry) return resultOf(core.refusal);
    if (creationPermissions === undefined) return failure(FsError.NoEntry);
    if (core.readOnly) return failure(FsError.ReadOnly);
    if (!core.store.database.writable()) return failure(FsError.NoSpace);
    at = makePath(core, at, names.slice(index), creationPermissions);
    break;
  }
  if (at.kind !== Kind.directory) return failure(FsError.NotDirectory);
  core.viewCount++;
  return core.views.add(accessPoint, at.ino);
}

/** All missing directories get the same owner and mode, as they have no other creator. */
function makePath(
  core: Core,
  above: Inode,
  names: readonly string[],
  o: NonNullable<AccessPoint['creationPermissions']>,
): Inode {
  core.begin();
  let at = above;
  for (const name of names) {
    const directory = make(core, at, name, Kind.directory, Number.parseInt(o.permissions, 8), '');
    directory.uid = o.ownerUid;
    directory.gid = o.ownerGid;
    core.tellEntry(-1, at.ino, name);
    core.tellInode(-1, at.ino, 0, 0);
    at = directory;
  }
  core.store.end();
  return at;
}
