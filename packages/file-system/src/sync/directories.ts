/**
 * Import of names: the first listing of a directory, or of everything below one, and what a listing shows put
 * into the tree. Keys that cannot be paths are recorded as import failures.
 */
import { FsError, Kind, failure, rootIno } from '../operations.ts';
import type { Result, WaitId } from '../operations.ts';
import type { RemoteObject, TransferResult } from '../transfer/jobs.ts';
import { formatBase, newBase, Record } from './base.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import { isProbe } from './keys.ts';
import type { ImportFailure } from './port.ts';
import { assumedAttributes } from './posix-metadata.ts';
import type { RemoteKeys } from './remote-keys.ts';

const triesMax = 8;
/** Names in a listing that nobody has asked for: a page. */
const aheadCountMax = 1_000;
const failureMs = 2_000;

interface Listing {
  directory: number;
  prefix: string;
  recursive: boolean;
  waitId: WaitId;
  tries: number;
  /** Of the files found so far that are not empty. */
  smallestBytes: number;
  /** Nobody has asked for it yet; told whether it has come. */
  done: ((isListed: boolean) => void) | undefined;
}

export class Directories {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #deletions: Deletions;
  /** By directory; recursive ones by the negative of its number. */
  readonly #listings = new Map<number, Listing>();
  readonly #failed = new Map<number, { error: Result; untilMs: number }>();
  readonly #failures = new Map<string, ImportFailure['reason']>();
  /**
   * Told of every directory that has been listed for the first time, but for those that were asked for ahead. Because
   * somebody looked into it: with the size of the smallest file in it that is not empty.
   */
  onListed: (directory: number, smallestBytes?: number) => void = () => undefined;

  constructor(context: Context, keys: RemoteKeys, deletions: Deletions) {
    this.#context = context;
    this.#keys = keys;
    this.#deletions = deletions;
    context.tree.eachRecord(Record.importFailure, (record, reason) => {
      const key = record.slice(Record.importFailure.length);
      this.#failures.set(key, reason as ImportFailure['reason']);
    });
  }

  get failureCount(): number {
    return this.#failures.size;
  }

  *failures(countMax: number = Infinity): Generator<ImportFailure> {
    let left = countMax;
    for (const [key, reason] of this.#failures) {
      if (left-- <= 0) return;
      yield { key, reason };
    }
  }

  need(directory: number): Result {
    if (this.#context.tree.isListed(directory)) return 0;
    return this.#start(directory, false);
  }

  needTree(directory: number): Result {
    return this.#isTreeListed(directory) ? 0 : this.#start(directory, true);
  }

  /**
   * Lists a directory that nobody has looked into; `done` is called after this has returned. False: it is listed or
   * being listed, or cannot be.
   */
  ahead(directory: number, done: (isListed: boolean) => void): boolean {
    const { tree } = this.#context;
    if (this.#context.attributes(directory)?.kind !== Kind.directory) return false;
    if (tree.isListed(directory) || this.#listings.has(directory)) return false;
    const prefix = this.#keys.prefixOf(directory);
    if (prefix === undefined || this.#failed.has(directory)) return false;
    const waitId = tree.newWait();
    const listing = newListing({ directory, prefix, recursive: false, waitId, done });
    this.#listings.set(directory, listing);
    this.#send(listing);
    return true;
  }

  /** It is being listed for the first time: what changes in it now may be in that listing or not. */
  isUnderWay(directory: number): boolean {
    return this.#listings.has(directory);
  }

  #isTreeListed(directory: number): boolean {
    const { tree } = this.#context;
    if (!tree.isListed(directory)) return false;
    const below: number[] = [];
    tree.children(directory, (_, ino, kind) => {
      if (kind === Kind.directory) below.push(ino);
    });
    return below.every((ino) => this.#isTreeListed(ino));
  }

  #start(directory: number, recursive: boolean): Result {
    const id = recursive ? -directory : directory;
    const under = this.#listings.get(id);
    if (under !== undefined) {
      this.#isAsked(under);
      return under.waitId;
    }
    const failed = this.#failed.get(id);
    if (failed !== undefined) {
      if (failed.untilMs > this.#context.now()) return failed.error;
      this.#failed.delete(id);
    }
    const prefix = this.#keys.prefixOf(directory);
    // Only what came from S3 can be unlisted, and that has names that are keys.
    if (prefix === undefined) return failure(FsError.Io);
    const waitId = this.#context.tree.newWait();
    const listing = newListing({ directory, prefix, recursive, waitId, done: undefined });
    this.#listings.set(id, listing);
    this.#send(listing);
    return waitId;
  }

  /** What was asked for ahead is waited for now. */
  #isAsked(listing: Listing): void {
    const { done } = listing;
    listing.done = undefined;
    done?.(false);
  }

  #send(listing: Listing): void {
    const { prefix, recursive } = listing;
    const limit = listing.done === undefined ? {} : { countMax: aheadCountMax };
    this.#context.outbox.send({ kind: 'list', prefix, recursive, ...limit }, (result) =>
      this.#onResult(listing, result),
    );
  }

  #onResult(listing: Listing, result: TransferResult): void {
    if (result.kind === 'page' && result.isCut === true) {
      // Names that are not all would be taken for true, and not be looked at again.
      if (listing.done === undefined) this.#send(listing);
      else this.#giveUp(listing);
      return;
    }
    if (result.kind === 'page') {
      this.#addPage(listing, result.objects, result.prefixes);
      if (result.last) this.#finish(listing, 0);
      return;
    }
    if (result.kind !== 'failed') return;
    this.#context.failed(result.code, result.message);
    if (listing.done !== undefined) {
      this.#giveUp(listing);
      return;
    }
    if (result.retryable && ++listing.tries < triesMax) {
      const due = this.#context.now() + this.#context.backoffMs(listing.tries);
      this.#context.timers.push(due, () => this.#send(listing));
      return;
    }
    const denied = result.code === 'AccessDenied' || result.code === 'WrongCredentials';
    this.#finish(listing, failure(denied ? FsError.AccessDenied : FsError.Io));
  }

  /** Whoever looks into the directory has it listed then. */
  #giveUp(listing: Listing): void {
    this.#listings.delete(listing.directory);
    listing.done?.(false);
  }

  #finish(listing: Listing, error: Result): void {
    const { tree } = this.#context;
    const { directory, recursive } = listing;
    const id = recursive ? -directory : directory;
    this.#listings.delete(id);
    if (error !== 0) {
      this.#failed.set(id, { error, untilMs: this.#context.now() + failureMs });
    } else if (this.#context.attributes(directory) !== undefined) {
      if (recursive) this.#setTreeListed(directory);
      else if (listing.done === undefined) this.#setListed(directory, listing.smallestBytes);
      else tree.setListed(directory, true);
    }
    listing.done?.(tree.isListed(directory));
    tree.ready(listing.waitId);
  }

  #setListed(directory: number, smallestBytes?: number): void {
    this.#context.tree.setListed(directory, true);
    this.onListed(directory, smallestBytes);
  }

  #setTreeListed(directory: number): void {
    const { tree } = this.#context;
    const below: number[] = [];
    tree.children(directory, (_, ino, kind) => {
      if (kind === Kind.directory) below.push(ino);
    });
    for (const ino of below) this.#setTreeListed(ino);
    if (!tree.isListed(directory)) this.#setListed(directory);
  }

  #addPage(listing: Listing, objects: RemoteObject[], prefixes: string[]): void {
    const { directory, prefix, recursive } = listing;
    if (this.#keys.prefixOf(directory) !== prefix) return;
    // Prefixes first: where there are both, the directory has the name.
    for (const key of prefixes) this.addPrefix(directory, prefix, key);
    for (const object of objects) {
      if (recursive) this.#addDeep(directory, prefix, object);
      else this.addObject(directory, prefix, object);
      if (object.size > 0 && object.size < listing.smallestBytes)
        listing.smallestBytes = object.size;
    }
  }

  /** A common prefix right below the directory: a directory. Returns its inode, 0 = it is none. */
  addPrefix(directory: number, prefix: string, key: string): number {
    const { tree, options } = this.#context;
    const part = key.slice(prefix.length, -1);
    if (isProbe(part) || this.#isFaulty(key)) return 0;
    const name = this.#context.names.nameOf(part);
    const found = tree.child(directory, name);
    if (found !== 0) {
      if (this.#context.attributes(found)?.kind === Kind.directory) return found;
      if (tree.dirty(found) !== 0) return 0;
      // `a` was a file and now there is `a/b` as well: the directory has the name.
      tree.removeRemote(found);
      if (!this.#context.names.isEscaping) this.noteFailure(key.slice(0, -1), 'NameTaken');
    }
    const attributes = assumedAttributes(undefined, Kind.directory, options.defaults);
    attributes.mtimeSec = Math.floor(this.#context.now() / 1000);
    return tree.addRemote(directory, name, attributes);
  }

  /** An object right below the directory. Returns its inode, 0 = it has none. */
  addObject(directory: number, prefix: string, object: RemoteObject): number {
    const { tree } = this.#context;
    const part = object.key.slice(prefix.length);
    if (this.#deletions.get(object.key) !== undefined) return 0;
    if (part === '' && object.size > 0) return this.#addContent(directory, object);
    if (part === '') {
      // The directory's own marker: its attributes are asked for when they are needed, or known to be others.
      const isNew = tree.base(directory) === '' && !tree.isKnown(directory);
      if (isNew && tree.dirty(directory) === 0 && directory !== rootIno) {
        this.#context.setBase(directory, newBase(object, undefined));
      }
      return 0;
    }
    if (isProbe(part) || this.#isFaulty(object.key)) return 0;
    const { names } = this.#context;
    const name = names.nameOf(part);
    const found = tree.child(directory, name);
    if (found !== 0) {
      if (this.#context.attributes(found)?.kind !== Kind.directory) return 0;
      if (names.isEscaping) return this.#addBeside(directory, part, object);
      this.noteFailure(object.key, 'NameTaken');
      return 0;
    }
    return this.#addFile(directory, name, object);
  }

  /** Bytes in the object whose key is the directory's own. */
  #addContent(directory: number, object: RemoteObject): number {
    const { names } = this.#context;
    if (names.isEscaping && directory !== rootIno) {
      return this.#addBeside(directory, '', object);
    }
    this.noteFailure(object.key, 'DirectoryWithContent');
    return 0;
  }

  /** A directory has its name. */
  #addBeside(directory: number, part: string, object: RemoteObject): number {
    const name = this.#context.names.nameBeside(part);
    const isHere = this.#context.tree.child(directory, name) !== 0;
    return isHere ? 0 : this.#addFile(directory, name, object);
  }

  #addFile(directory: number, name: string, object: RemoteObject): number {
    const { tree, options } = this.#context;
    const attributes = assumedAttributes(object, Kind.file, options.defaults);
    const base = formatBase(newBase(object, undefined));
    const ino = tree.addRemote(directory, name, attributes, base);
    this.#context.imported++;
    this.#forgetFailure(object.key);
    return ino;
  }

  #addDeep(directory: number, prefix: string, object: RemoteObject): void {
    const { tree } = this.#context;
    const parts = object.key.slice(prefix.length).split('/');
    let at = directory;
    let atPrefix = prefix;
    for (const part of parts.slice(0, -1)) {
      const key = `${atPrefix}${part}/`;
      // What is listed already shows all there is: what is missing was deleted here.
      const name = this.#context.names.nameOf(part);
      at = tree.isListed(at) ? tree.child(at, name) : this.addPrefix(at, atPrefix, key);
      if (at === 0 || this.#context.attributes(at)?.kind !== Kind.directory) return;
      atPrefix = key;
    }
    if (!tree.isListed(at)) this.addObject(at, atPrefix, object);
  }

  #isFaulty(key: string): boolean {
    const path = key.slice(this.#context.options.prefix.length);
    const reason = this.#context.names.faultOf(path.endsWith('/') ? path.slice(0, -1) : path);
    if (reason === undefined) return false;
    this.noteFailure(key, reason);
    return true;
  }

  noteFailure(key: string, reason: ImportFailure['reason']): void {
    if (this.#failures.get(key) === reason) return;
    this.#failures.set(key, reason);
    this.#context.tree.setRecord(Record.importFailure + key, reason);
    this.#context.options.log(`import failure key=${key} reason=${reason} | not visible`);
  }

  /** Of the keys right below the prefix only these are in S3 and not in the tree. */
  forgetFailures(
    prefix: string,
    invisible: ReadonlySet<string>,
    prefixes: ReadonlySet<string>,
  ): void {
    for (const [key, reason] of this.#failures) {
      if (!key.startsWith(prefix)) continue;
      const slash = key.indexOf('/', prefix.length);
      // A directory's bytes are shown by its own listing alone.
      const isOfBelow = reason === 'DirectoryWithContent' && key !== prefix;
      const isBelow = slash >= 0 && (isOfBelow || slash < key.length - 1);
      const isThere = isBelow ? prefixes.has(key.slice(0, slash + 1)) : invisible.has(key);
      if (!isThere) this.#forgetFailure(key);
    }
  }

  #forgetFailure(key: string): void {
    if (!this.#failures.delete(key)) return;
    this.#context.tree.setRecord(Record.importFailure + key, undefined);
  }
}

function newListing(asked: Omit<Listing, 'tries' | 'smallestBytes'>): Listing {
  return { ...asked, tries: 0, smallestBytes: Infinity };
}
