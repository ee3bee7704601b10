/**
 * Conflicts: a file was changed here and in S3. S3 wins; the local copy goes to the lost+found directory, and the
 * conflict is recorded until somebody settles it. Something that was only deleted here, and changed there, comes back.
 */
import { Kind, rootIno } from '../operations.ts';
import type { Attributes } from '../operations.ts';
import type { RemoteHead } from '../transfer/jobs.ts';
import type { Barriers } from './barriers.ts';
import { newBase, Record } from './base.ts';
import type { Base } from './base.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import { Dirty } from './port.ts';
import type { ConflictRecord, Settlement, SyncConflict, SyncFailure } from './port.ts';
import { foreignAttributes, headAttributes } from './posix-metadata.ts';
import { lostAndFoundPrefix } from './key-names.ts';
import type { RemoteKeys } from './remote-keys.ts';

const nameCharactersMax = 100;
/** With the digits before it and `.txt` behind it still a name. */
const nameBytesMax = 240;
const settledMax = 64;

/** What is to be told of one conflict; the rest of the record follows from it. */
interface Found {
  id: string;
  path: string;
  key: string;
  what: SyncConflict['what'];
  /** The file as it was here. */
  a: Pick<Attributes, 'uid' | 'gid' | 'mode' | 'size'> | undefined;
  /** 0: what was changed here is that it was deleted. */
  ino: number;
  /** Of the directory the file is or was in. */
  parent: number;
  base: Base | undefined;
  head: RemoteHead | undefined;
  /** Name of the local copy, a binary string. */
  kept?: string;
}

export class Conflicts {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #deletions: Deletions;
  readonly #barriers: Barriers;
  readonly list: ConflictRecord[] = [];
  /** Something has come back below this directory that only a listing of it can show. */
  onReturn: (directory: number) => void = () => {};

  constructor(parts: {
    context: Context;
    keys: RemoteKeys;
    deletions: Deletions;
    barriers: Barriers;
  }) {
    const { context, keys, deletions, barriers } = parts;
    this.#context = context;
    this.#barriers = barriers;
    this.#keys = keys;
    this.#deletions = deletions;
    context.tree.eachRecord(Record.conflict, (_, text) => {
      this.list.push(JSON.parse(text) as ConflictRecord);
    });
    this.list.sort((a, b) => a.atMs - b.atMs);
  }

  /**
   * The inode is dirty and its key holds something else than expected (`head`; undefined = nothing). Leaves the
   * inode clean or moves it away. False: the local copy could not be kept, and nothing was changed.
   */
  resolve(ino: number, key: string, head: RemoteHead | undefined): boolean {
    const { tree } = this.#context;
    const current = this.#context.attributes(ino);
    if (current === undefined) return true;
    const a = { ...current };
    const bits = tree.dirty(ino);
    const path = this.#keys.pathOf(ino);
    const parent = tree.parentOf(ino);
    const base = this.#context.base(ino);
    const found = { id: this.#newId(), path, key, a, ino, parent, base, head };
    if (a.kind === Kind.directory) {
      if (head !== undefined) this.#directory(ino, head, found);
      return true;
    }
    if (base?.key !== undefined) {
      // It was moved here; its object stays where it was and shows up there again.
      this.#deletions.drop(base.key);
    }
    if ((bits & (Dirty.content | Dirty.name)) === 0) {
      tree.setDirty(ino, 0);
      if (head === undefined) tree.removeRemote(ino);
      else this.#take(ino, head);
      this.#record({ ...found, what: 'attributes' });
      return true;
    }
    const name = tree.nameOf(ino);
    const keptAs = `${found.id}_${shortened(name)}`;
    const above = this.#above(parent);
    if (!tree.moveToLostAndFound(ino, keptAs)) return false;
    // Bytes that are not here are still read from the version it came from.
    if (base !== undefined) this.#context.setBase(ino, { ...base, key: base.key ?? key });
    this.#deletions.drop(key);
    this.#context.affected(key);
    if (head !== undefined) this.#appear(parent, name, head);
    this.#record({ ...found, what: 'content', kept: keptAs }, above);
    return true;
  }

  /** Deleted here, changed there: it comes back, with the directories that were deleted around it. */
  undelete(key: string, head: RemoteHead | undefined): void {
    if (head === undefined) return;
    const { tree, options, names } = this.#context;
    const relative = key.slice(options.prefix.length);
    if (relative.endsWith('/') || this.#keys.resolve(key) !== 0) return;
    const parts = relative.split('/').map((part) => names.nameOf(part));
    const name = parts.pop()!;
    let parent = rootIno;
    let isWhole = true;
    for (const part of parts) {
      const child = tree.child(parent, part);
      isWhole = child !== 0;
      if (!isWhole) break;
      parent = child;
    }
    if (isWhole && tree.isListed(parent) && tree.child(parent, name) === 0)
      this.#appear(parent, name, head);
    else this.onReturn(parent);
    const a = headAttributes(head, false, undefined, options.defaults);
    const found = { id: this.#newId(), path: `/${relative}`, key, a, ino: 0, parent, head };
    this.#record({ ...found, what: 'deletion', base: undefined });
  }

  /** Returns the inode of the local copy. Inside a transaction. */
  settle(id: string, settlement: Settlement): number | undefined {
    const at = this.list.findIndex((conflict) => conflict.id === id);
    const [conflict] = at < 0 ? [] : this.list.splice(at, 1);
    if (conflict === undefined) return undefined;
    const { tree } = this.#context;
    tree.setRecord(Record.conflict + id, undefined);
    const settled = [...this.#settled(), [id, settlement]].slice(-settledMax);
    tree.setRecord(Record.settled, JSON.stringify(settled));
    this.#context.options.log(
      `conflict settled id=${id} path=${conflict.path} | ${settlement.how} ${settlement.path}`,
    );
    return conflict.ino;
  }

  settlementOf(id: string): Settlement | undefined {
    return this.#settled().findLast(([other]) => other === id)?.[1];
  }

  /** The conflict whose local copy this is. */
  ofCopy(ino: number): ConflictRecord | undefined {
    return this.list.find((conflict) => conflict.ino === ino);
  }

  /** The last one about the file that has this path now. */
  ofPath(path: string): ConflictRecord | undefined {
    return this.list.findLast((conflict) => conflict.path === path);
  }

  #settled(): [string, Settlement][] {
    const text = this.#context.tree.record(Record.settled);
    return text === undefined ? [] : (JSON.parse(text) as [string, Settlement][]);
  }

  /** There is a marker already: its attributes count. */
  #directory(ino: number, head: RemoteHead, found: Omit<Found, 'what'>): void {
    const { tree } = this.#context;
    const attributes = headAttributes(head, true, undefined, this.#context.options.defaults);
    tree.setRemoteAttributes(ino, attributes);
    this.#context.setBase(ino, this.#baseOf(head));
    tree.setDirty(ino, 0);
    const { a } = found;
    const isSame = a?.mode === attributes.mode && a.uid === attributes.uid;
    // Made on both sides alike: nobody has lost anything.
    if (!isSame || a.gid !== attributes.gid) this.#record({ ...found, what: 'attributes' });
  }

  #appear(parent: number, name: string, head: RemoteHead): void {
    const { tree, options } = this.#context;
    const attributes = headAttributes(head, false, undefined, options.defaults);
    this.#context.setBase(tree.addRemote(parent, name, attributes), this.#baseOf(head));
  }

  #take(ino: number, head: RemoteHead): void {
    const { tree, options } = this.#context;
    tree.replaceRemote(ino, headAttributes(head, false, undefined, options.defaults));
    this.#context.setBase(ino, this.#baseOf(head));
  }

  #baseOf(head: RemoteHead): Base {
    return newBase(head, foreignAttributes(head), undefined, this.#context.syncedNow(head));
  }

  #newId(): string {
    const { random } = this.#context.options;
    return Math.floor(random() * 0xffffffffff)
      .toString(16)
      .padStart(10, '0');
  }

  #above(directory: number): number[] {
    const above: number[] = [];
    for (let at = directory; at !== 0; at = this.#context.tree.parentOf(at)) above.unshift(at);
    return above;
  }

  #record(found: Found, above: number[] = this.#above(found.parent || rootIno)): void {
    const { id, path, key, what, a, ino, base, head, kept } = found;
    const { tree, options } = this.#context;
    const { uid, gid, mode } = a ?? { uid: 0, gid: 0, mode: 0 };
    const conflict: ConflictRecord = {
      id,
      path,
      key,
      atMs: this.#context.now(),
      what,
      above,
      uid,
      gid,
      mode,
    };
    if (head !== undefined) conflict.theirs = { size: head.size, ...versionOf(head) };
    if (kept !== undefined) {
      conflict.ino = ino;
      conflict.keptAs = Buffer.from(kept, 'latin1').toString('utf8');
      conflict.ours = { size: a?.size ?? 0, ...(base !== undefined && versionOf(base)) };
    }
    this.list.push(conflict);
    tree.setRecord(Record.conflict + id, JSON.stringify(conflict));
    const copy = kept === undefined ? 'nothing' : `${lostAndFoundPrefix}*/${conflict.keptAs}`;
    options.log(
      `conflict id=${id} path=${path} key=${key} kept=${copy} | S3 wins; moorage conflicts show ${id}`,
    );
    options.onConflict?.(shownConflict(conflict));
    const message = `It was changed in the bucket as well, which wins: moorage conflicts show ${id}`;
    const failure: SyncFailure = { path, error: 'Conflict', message };
    if (ino === 0) this.#barriers.keyFailed(key, failure);
    else this.#barriers.failed(ino, failure);
  }
}

/** Without what only the file system itself needs. */
export function shownConflict(conflict: ConflictRecord): SyncConflict {
  const { ino: _, above: __, uid: ___, gid: ____, mode: _____, ...shown } = conflict;
  return shown;
}

function versionOf(object: { eTag: string; versionId?: string | undefined }): {
  eTag: string;
  versionId?: string;
} {
  const { eTag, versionId } = object;
  return versionId === undefined ? { eTag } : { eTag, versionId };
}

/** S3 Files' hundred characters, and whole ones: of a name that is UTF-8 no part of a character is left over. */
function shortened(name: string): string {
  const bytes = Buffer.from(name, 'latin1');
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return name.slice(0, nameCharactersMax);
  let short = '';
  for (const character of [...text].slice(0, nameCharactersMax)) {
    if (Buffer.byteLength(short + character) > nameBytesMax) break;
    short += character;
  }
  return Buffer.from(short, 'utf8').toString('latin1');
}
