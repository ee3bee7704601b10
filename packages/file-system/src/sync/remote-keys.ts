/**
 * Which key belongs to which path, also while directories have been moved here and not yet in S3.
 *
 * A moved directory is marked (`Dirty.below`) with the prefix its children still have in S3. Marking the children
 * themselves, one directory after the other, is done later in `expand`; until then their keys are derived from
 * that prefix. Exports and listings wait until nothing is marked.
 */
import { Kind, rootIno } from '../operations.ts';
import { Record } from './base.ts';
import type { Context } from './context.ts';
import { lostAndFoundPrefix } from './key-names.ts';
import { isKeyTooLong } from './keys.ts';
import { Dirty } from './port.ts';
import type { ExportError } from './port.ts';

export class RemoteKeys {
  readonly #context: Context;
  /** Marked directories and the prefix their children are still below. */
  readonly moved: Map<number, string> = new Map();

  constructor(context: Context) {
    this.#context = context;
    context.tree.eachRecord(Record.moved, (key, prefix) => {
      const ino = Number(key.slice(Record.moved.length));
      this.moved.set(ino, prefix);
    });
  }

  /** The key an inode is to have; undefined when its name cannot be in a key. Directories end with a slash. */
  keyOf(ino: number, kind: Kind): string | undefined {
    const { names, tree, options } = this.#context;
    if (ino === rootIno) return options.prefix === '' ? undefined : options.prefix;
    const part = names.partOf(tree.nameOf(ino));
    const prefix = part === undefined ? undefined : this.prefixOf(tree.parentOf(ino));
    if (part === undefined || prefix === undefined) return undefined;
    return prefix + part + (kind === Kind.directory ? '/' : '');
  }

  /** Whether its own name can be in a key; those of the directories above it are not looked at. */
  hasKeyName(ino: number): boolean {
    return this.#context.names.partOf(this.#context.tree.nameOf(ino)) !== undefined;
  }

  /** The prefix of a directory's children by its path. */
  prefixOf(directory: number): string | undefined {
    const { names, tree, options } = this.#context;
    let path = '';
    for (let at = directory; at !== rootIno; at = tree.parentOf(at)) {
      if (at === 0) return undefined;
      const part = names.partOf(tree.nameOf(at));
      if (part === undefined) return undefined;
      path = `${part}/${path}`;
    }
    return options.prefix + path;
  }

  /** The key at which a name's object is in S3 unless its base says otherwise. */
  remoteKey(parent: number, name: string, kind: Kind): string | undefined {
    const part = this.#context.names.partOf(name);
    const prefix = part === undefined ? undefined : this.#remotePrefix(parent);
    if (part === undefined || prefix === undefined) return undefined;
    return prefix + part + (kind === Kind.directory ? '/' : '');
  }

  #remotePrefix(directory: number): string | undefined {
    if (this.moved.size === 0) return this.prefixOf(directory);
    if (directory === rootIno) return this.#context.options.prefix;
    if (directory === 0) return undefined;
    const old = this.moved.get(directory);
    if (old !== undefined) return old;
    const { tree } = this.#context;
    return this.remoteKey(tree.parentOf(directory), tree.nameOf(directory), Kind.directory);
  }

  markMoved(directory: number, oldPrefix: string): void {
    if (this.moved.has(directory)) return;
    const { tree } = this.#context;
    this.moved.set(directory, oldPrefix);
    tree.setRecord(Record.moved + directory, oldPrefix);
    tree.setDirty(directory, tree.dirty(directory) | Dirty.below);
  }

  unmark(directory: number): void {
    if (!this.moved.delete(directory)) return;
    const { tree } = this.#context;
    tree.setRecord(Record.moved + directory, undefined);
    tree.setDirty(directory, tree.dirty(directory) & ~Dirty.below);
  }

  /** The live inode whose path has this key, 0 = none. */
  resolve(key: string): number {
    const { names, tree, options } = this.#context;
    if (!key.startsWith(options.prefix)) return 0;
    if (key === options.prefix) return rootIno;
    const isDirectory = key.endsWith('/');
    const path = key.slice(options.prefix.length, isDirectory ? -1 : undefined);
    let at = rootIno;
    const parts = path.split('/');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      at = tree.child(at, names.nameOf(part));
      if (at === 0) return 0;
    }
    const found = tree.child(at, names.nameOf(last));
    const isOfKind =
      found !== 0 && (this.#context.attributes(found)?.kind === Kind.directory) === isDirectory;
    if (isOfKind) return (isDirectory && this.contentOf(found)) || found;
    return isDirectory || !names.isEscaping ? 0 : tree.child(at, names.nameBeside(last));
  }

  /** The file that stands for the bytes of a directory's own key (`dir/`); 0 = there are none. */
  contentOf(directory: number): number {
    const { names, tree } = this.#context;
    return names.isEscaping ? tree.child(directory, names.nameBeside('')) : 0;
  }

  /** Absolute path for messages. */
  pathOf(ino: number): string {
    const { tree } = this.#context;
    const names: string[] = [];
    for (let at = ino; at !== rootIno && at !== 0; at = tree.parentOf(at)) {
      names.push(Buffer.from(tree.nameOf(at), 'latin1').toString('utf8'));
    }
    return `/${names.reverse().join('/')}`;
  }

  /** Whether the inode lies in the lost+found directory, which has no counterpart in S3. */
  isLocalOnly(ino: number): boolean {
    const { tree } = this.#context;
    let top = ino;
    for (let at = ino; at !== rootIno && at !== 0; at = tree.parentOf(at)) top = at;
    return tree.nameOf(top).startsWith(lostAndFoundPrefix);
  }

  isBelow(ino: number, directory: number): boolean {
    const { tree } = this.#context;
    for (let at = ino; at !== 0; at = tree.parentOf(at)) if (at === directory) return true;
    return false;
  }
}

/** Why a key cannot be exported, before it is tried. */
export function faultOfKey(key: string | undefined): ExportError | undefined {
  if (key === undefined) return 'NameNotUtf8';
  return isKeyTooLong(key) ? 'PathTooLong' : undefined;
}
