/**
 * Where an access point shows what it lost: `.moorage-conflicts` at its root holds, for every conflict of a file that
 * was below that root, the local copy and a note that says what happened.
 *
 * S3 Files leaves the copies in the file system's root, which an access point with a root of its own cannot see:
 * exactly those who lost something are not told. So every access point has this directory; but it is never listed
 * and exists only for who asks for it by its name (as `.zfs` does). A file that is listed would be copied by rsync
 * and `cp -a`, shown by `git status`, and would keep `rm -rf` and `rmdir` from succeeding; and there is nothing in
 * it that could be exported.
 *
 * It is made up: inode 3 and, for the notes, numbers that no file ever gets. The copies are the files of the
 * lost+found directory. Only what the caller may read is listed.
 */
import { Access, Kind, rootIno } from '../operations.ts';
import { Inode, InodeFlag } from '../store/inode.ts';
import type { ConflictRecord } from '../sync/port.ts';
import type { Core } from './core.ts';

export const conflictsName = '.moorage-conflicts';
export const conflictsIno = 3;
/** A note's inode number is this plus the conflict's 40-bit id; files never get numbers so high. */
const firstNote = 2 ** 47;

/** Not in the store: it must not be changed, nor its access time be noted. */
export function isMadeUp(ino: number): boolean {
  return ino === conflictsIno || ino >= firstNote;
}

/** The directory as the view with this root shows it. */
export function conflictDirectory(core: Core, root: number): Inode {
  const inode = new Inode(conflictsIno, Kind.directory, root, conflictsName);
  const owner = core.store.get(rootIno)!;
  inode.uid = owner.uid;
  inode.gid = owner.gid;
  inode.mode = 0o555;
  inode.nlink = 2;
  inode.flags = InodeFlag.known | InodeFlag.listed | InodeFlag.lostAndFound;
  setTimes(inode, core.planner.conflicts().at(-1)?.atMs ?? 0);
  return inode;
}

/** The directory or a note, when the view with this root shows it; undefined for every other number. */
export function madeUpInode(core: Core, root: number, ino: number): Inode | undefined {
  if (ino === conflictsIno) return conflictDirectory(core, root);
  if (ino < firstNote) return undefined;
  const conflict = core.planner.conflicts().find((one) => noteIno(one) === ino);
  return conflict?.above.includes(root) === true ? note(root, conflict) : undefined;
}

/** Whether an inode of the lost+found directory is shown by the view with this root. */
export function showsCopy(core: Core, root: number, inode: Inode): boolean {
  if ((inode.flags & InodeFlag.lostAndFound) === 0) return false;
  const conflict = core.planner.conflicts().find(({ ino }) => ino === inode.ino);
  return conflict?.above.includes(root) === true;
}

export function conflictChild(core: Core, root: number, name: string): Inode | undefined {
  for (const conflict of core.planner.conflicts()) {
    if (!name.startsWith(conflict.id) || !conflict.above.includes(root)) continue;
    if (name === noteName(conflict)) return note(root, conflict);
    const copy = conflict.ino === undefined ? undefined : core.store.get(conflict.ino);
    if (copy?.name === name) return copy;
  }
  return undefined;
}

/** In the order of their inode numbers, as any directory; only what the caller may read. */
export function eachConflictEntry(
  core: Core,
  root: number,
  after: number,
  each: (name: string, ino: number, kind: Kind) => boolean,
): void {
  const entries: Inode[] = [];
  for (const conflict of core.planner.conflicts()) {
    if (!conflict.above.includes(root)) continue;
    const copy = conflict.ino === undefined ? undefined : core.store.get(conflict.ino);
    for (const inode of [copy, note(root, conflict)])
      if (inode !== undefined && inode.ino > after && core.identity.may(inode, Access.read))
        entries.push(inode);
  }
  entries.sort((a, b) => a.ino - b.ino);
  for (const inode of entries) if (!each(inode.name, inode.ino, inode.kind)) return;
}

/** The bytes of a note. */
export function noteBytes(core: Core, root: number, ino: number): Uint8Array {
  const conflict = core.planner.conflicts().find((one) => noteIno(one) === ino);
  return conflict === undefined ? new Uint8Array(0) : Buffer.from(textOf(conflict, root), 'utf8');
}

/** A conflict was recorded or settled: what the kernel knows of its entries is out of date. */
export function tellConflict(core: Core, conflict: ConflictRecord): void {
  core.tellEntry(-1, conflictsIno, noteName(conflict));
  if (conflict.keptAs !== undefined)
    core.tellEntry(-1, conflictsIno, Buffer.from(conflict.keptAs, 'utf8').toString('latin1'));
  core.tellInode(-1, conflictsIno, 0, 0);
}

/** Somebody removed the local copy: so it is settled. Inside the transaction that takes its name. */
export function copyRemoved(core: Core, ino: number): void {
  const conflict = core.planner.conflicts().find((one) => one.ino === ino);
  if (conflict === undefined) return;
  core.planner.settle(conflict.id, { how: 'discarded', path: conflict.path });
  tellConflict(core, conflict);
}

function noteIno({ id }: ConflictRecord): number {
  return firstNote + Number.parseInt(id, 16);
}

/** A binary string, as names are. */
function noteName(conflict: ConflictRecord): string {
  const { id, keptAs, path } = conflict;
  const name =
    keptAs ?? `${id}_${[...path.slice(path.lastIndexOf('/') + 1)].slice(0, 50).join('')}`;
  return Buffer.from(`${name}.txt`, 'utf8').toString('latin1');
}

function note(root: number, conflict: ConflictRecord): Inode {
  const inode = new Inode(noteIno(conflict), Kind.file, conflictsIno, noteName(conflict));
  inode.uid = conflict.uid;
  inode.gid = conflict.gid;
  inode.mode = conflict.mode & 0o444;
  inode.flags = InodeFlag.known | InodeFlag.lostAndFound;
  inode.size = Buffer.byteLength(textOf(conflict, root));
  // Shown as if it had blocks: without any, tools take a file for a hole.
  inode.baseEnd = inode.size;
  setTimes(inode, conflict.atMs);
  return inode;
}

function setTimes(inode: Inode, ms: number): void {
  const sec = Math.floor(ms / 1000);
  inode.atimeSec = inode.mtimeSec = inode.ctimeSec = inode.btimeSec = sec;
}

/** Paths as the access point has them. */
function textOf(conflict: ConflictRecord, root: number): string {
  const { id, path, key, atMs, what, keptAs, ours, theirs, above } = conflict;
  const depth = above.indexOf(root);
  const shown = `/${path
    .split('/')
    .slice(1 + depth)
    .join('/')}`;
  const happened = {
    content: 'was changed here and in the bucket. The version in the bucket has its name now.',
    attributes:
      'had its mode, owner or times changed here, and was changed in the bucket. Those of the bucket hold now.',
    deletion: 'was deleted here and changed in the bucket. It is there again.',
  }[what];
  const inBucket =
    theirs === undefined ? 'deleted' : `${theirs.size} bytes, ${versionText(theirs)}`;
  const here =
    keptAs === undefined || ours === undefined
      ? 'nothing to keep'
      : `${ours.size} bytes in ${conflictsName}/${keptAs}, made from ${ours.eTag === undefined ? 'nothing: it was new' : versionText(ours)}`;
  const lines = [
    `${shown} ${happened}`,
    '',
    `when        ${new Date(atMs).toISOString()}`,
    `key         ${key}`,
    `in bucket   ${inBucket}`,
    `local copy  ${here}`,
    '',
    `moorage conflicts show ${id}`,
  ];
  if (keptAs !== undefined) lines.push(`moorage conflicts restore ${id}`);
  lines.push(`moorage conflicts discard ${id}`, '');
  return lines.join('\n');
}

function versionText({ eTag, versionId }: { eTag?: string; versionId?: string }): string {
  return versionId === undefined ? `ETag ${eTag}` : `version ${versionId}`;
}
