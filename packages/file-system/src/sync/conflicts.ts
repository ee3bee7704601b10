/**
 * Conflicts: a file was changed here and in S3. S3 wins; the local copy goes to the lost+found directory, and the
 * conflict is recorded. Something that was only deleted here, and changed there, comes back.
 */
import { Kind } from '../operations.ts';
import type { RemoteHead } from '../transfer/jobs.ts';
import { newBase, Record } from './base.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import { nameOfPart } from './keys.ts';
import { Dirty } from './port.ts';
import type { SyncConflict } from './port.ts';
import { foreignAttributes, headAttributes } from './posix-metadata.ts';
import { lostAndFoundPrefix } from './remote-keys.ts';
import type { RemoteKeys } from './remote-keys.ts';

const nameCharactersMax = 100;

export class Conflicts {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #deletions: Deletions;
  readonly list: SyncConflict[] = [];

  constructor(context: Context, keys: RemoteKeys, deletions: Deletions) {
    this.#context = context;
    this.#keys = keys;
    this.#deletions = deletions;
    context.tree.eachRecord(Record.conflict, (_, text) => {
      this.list.push(JSON.parse(text) as SyncConflict);
    });
    this.list.sort((a, b) => a.atMs - b.atMs);
  }

  /**
   * The inode is dirty and its key holds something else than expected (`head`; undefined = nothing). Leaves the
   * inode clean or moves it away. False: the local copy could not be kept, and nothing was changed.
   */
  resolve(ino: number, key: string, head: RemoteHead | undefined): boolean {
    const { tree } = this.#context;
    const a = this.#context.attributes(ino);
    if (a === undefined) return true;
    const bits = tree.dirty(ino);
    const path = this.#keys.pathOf(ino);
    if (a.kind === Kind.directory) {
      if (head !== undefined) this.#directory(ino, head);
      return true;
    }
    const base = this.#context.base(ino);
    if (base?.key !== undefined) {
      // It was moved here; its object stays where it was and shows up there again.
      this.#deletions.drop(base.key);
    }
    if ((bits & (Dirty.content | Dirty.name)) === 0) {
      tree.setDirty(ino, 0);
      if (head === undefined) tree.removeRemote(ino);
      else this.#take(ino, head);
      this.#record({ path, key, atMs: this.#context.now() });
      return true;
    }
    const parent = tree.parentOf(ino);
    const name = tree.nameOf(ino);
    const keptAs = this.#lostName(name);
    if (!tree.moveToLostAndFound(ino, keptAs)) return false;
    // Bytes that are not here are still read from the version it came from.
    if (base !== undefined) this.#context.setBase(ino, { ...base, key: base.key ?? key });
    this.#deletions.drop(key);
    this.#context.affected(key);
    if (head !== undefined) this.#appear(parent, name, head);
    const kept = Buffer.from(keptAs, 'latin1').toString('utf8');
    this.#record({ path, keptAs: kept, key, atMs: this.#context.now() });
    return true;
  }

  /** Deleted here, changed there: it comes back. */
  undelete(key: string, head: RemoteHead | undefined): void {
    if (head === undefined) return;
    const { tree, options } = this.#context;
    const relative = key.slice(options.prefix.length);
    if (relative.endsWith('/') || this.#keys.resolve(key) !== 0) return;
    const parts = relative.split('/');
    const name = nameOfPart(parts.pop() ?? '');
    let parent = 1;
    for (const part of parts) {
      parent = tree.child(parent, nameOfPart(part));
      if (parent === 0) return;
    }
    // Elsewhere the next listing of the parent directory, or its first one, shows it.
    if (!tree.isListed(parent) || tree.child(parent, name) !== 0) return;
    this.#appear(parent, name, head);
    const path = `/${relative}`;
    this.#record({ path, key, atMs: this.#context.now() });
  }

  /** There is a marker already: its attributes count. */
  #directory(ino: number, head: RemoteHead): void {
    const { tree } = this.#context;
    const attributes = headAttributes(head, true, undefined, this.#context.options.defaults);
    tree.setRemoteAttributes(ino, attributes);
    this.#context.setBase(ino, newBase(head, foreignAttributes(head)));
    tree.setDirty(ino, 0);
  }

  #appear(parent: number, name: string, head: RemoteHead): void {
    const { tree, options } = this.#context;
    const attributes = headAttributes(head, false, undefined, options.defaults);
    const ino = tree.addRemote(parent, name, attributes);
    this.#context.setBase(ino, newBase(head, foreignAttributes(head)));
  }

  #take(ino: number, head: RemoteHead): void {
    const { tree, options } = this.#context;
    tree.replaceRemote(ino, headAttributes(head, false, undefined, options.defaults));
    this.#context.setBase(ino, newBase(head, foreignAttributes(head)));
  }

  #lostName(name: string): string {
    const { random } = this.#context.options;
    const id = Math.floor(random() * 0xffffffffff)
      .toString(16)
      .padStart(10, '0');
    return `${id}_${name.slice(0, nameCharactersMax)}`;
  }

  #record(conflict: SyncConflict): void {
    const { tree, options } = this.#context;
    this.list.push(conflict);
    const serial = `${conflict.atMs}-${this.list.length}`;
    tree.setRecord(Record.conflict + serial, JSON.stringify(conflict));
    const kept =
      conflict.keptAs === undefined ? 'nothing' : `${lostAndFoundPrefix}*/${conflict.keptAs}`;
    options.log(`conflict path=${conflict.path} key=${conflict.key} kept=${kept} | S3 wins`);
  }
}
