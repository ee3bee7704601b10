/** What every part of the planner works with. */
import { Kind, newAttributes, rootIno } from '../operations.ts';
import type { Attributes } from '../operations.ts';
import { Agenda } from './agenda.ts';
import { Record, formatBase, parseBase } from './base.ts';
import type { Base } from './base.ts';
import { FailureLog } from './failure-log.ts';
import { KeyNames, lostAndFoundPrefix, modeOfNames } from './key-names.ts';
import { Outbox } from './outbox.ts';
import type { SyncConflict, Tree } from './port.ts';
import type { DefaultAttributes } from './posix-metadata.ts';
import { Synchronization } from './synchronization.ts';

export interface SyncOptions {
  /** For status lines. */
  bucket: string;
  /** '' or a prefix that ends with a slash. */
  prefix: string;
  /** `fs-…`, for messages. */
  fileSystemId?: string;
  /** Unless the synchronisation configuration says otherwise: an export waits until nothing was changed so long, … */
  quietMs: number;
  /** … but not longer than this after the first change. */
  maxAgeMs: number;
  /** Every key has a name, see key-names.ts; default: as the last time. */
  escapeKeys?: boolean | undefined;
  /** What content may take on disk; default: half of what the disk has for it. */
  cacheBytesMax?: number | undefined;
  /** How often a directory in use is listed again. */
  relistMs: number;
  defaults: DefaultAttributes;
  clock: { now(): number };
  /** 0 <= random() < 1. */
  random: () => number;
  log: (line: string) => void;
  /** Told of every conflict, inside the transaction that records it. */
  onConflict?: (conflict: SyncConflict) => void;
}

/** How long a listing may be out of date. */
const staleMs = 10_000;

export class Context {
  readonly tree: Tree;
  readonly options: SyncOptions;
  readonly synchronization: Synchronization;
  readonly names: KeyNames;
  readonly outbox: Outbox = new Outbox();
  /** Things to do at a time. */
  readonly timers: Agenda<() => void> = new Agenda();
  lastError: { code: string; message: string; atMs: number } | undefined;
  exported = 0;
  imported = 0;
  readonly #attributes: Attributes = newAttributes();
  readonly #failures: FailureLog;
  /** Our own effects on keys, counted, so that a listing that began before one does not undo it. */
  #effects = 0;
  #listings = 0;
  readonly #lastEffect = new Map<string, { effect: number; atMs: number }>();

  constructor(tree: Tree, options: SyncOptions) {
    this.tree = tree;
    this.options = options;
    this.#failures = new FailureLog(options.log);
    this.synchronization = new Synchronization(tree, options);
    const forget = (): void => this.#forgetTree();
    const isEscaping = tree.transaction(() => modeOfNames(tree, options.escapeKeys, forget));
    this.names = new KeyNames(tree, isEscaping);
  }

  now(): number {
    return this.options.clock.now();
  }

  /** Everything that is in S3 is forgotten; it is listed again when somebody looks. */
  #forgetTree(): void {
    const { tree } = this;
    const remove = (directory: number): void => {
      const below: { ino: number; kind: Kind }[] = [];
      tree.children(directory, (name, ino, kind) => {
        if (directory !== rootIno || !name.startsWith(lostAndFoundPrefix))
          below.push({ ino, kind });
      });
      for (const { ino, kind } of below) {
        if (kind === Kind.directory) remove(ino);
        tree.removeRemote(ino);
      }
    };
    remove(rootIno);
    tree.setListed(rootIno, false);
    const failures: string[] = [];
    tree.eachRecord(Record.importFailure, (record) => failures.push(record));
    for (const record of failures) tree.setRecord(record, undefined);
  }

  /** Attributes of an inode, in one object that the next call reuses; undefined when it is gone. */
  attributes(ino: number): Attributes | undefined {
    return this.tree.attributes(ino, this.#attributes) ? this.#attributes : undefined;
  }

  /** Whether an inode can have an object: it has a name, or is the root of a prefix, whose marker is at the prefix. */
  isExportable(ino: number): boolean {
    return this.tree.parentOf(ino) !== 0 || (ino === rootIno && this.options.prefix !== '');
  }

  base(ino: number): Base | undefined {
    return parseBase(this.tree.base(ino));
  }

  setBase(ino: number, base: Base | undefined): void {
    this.tree.setBase(ino, base === undefined ? '' : formatBase(base));
  }

  /** Times of a base whose object has just been looked at. */
  syncedNow({ lastModified }: { lastModified: number }): { syncedMs: number; modifiedMs: number } {
    return { syncedMs: this.now(), modifiedMs: lastModified };
  }

  /** The time to wait before try number `tries` + 1: exponential with full jitter. */
  backoffMs(tries: number): number {
    const bound = Math.min(15_000, 500 * 2 ** Math.min(tries, 10));
    return 50 + this.options.random() * bound;
  }

  failed(code: string, message: string): void {
    const atMs = this.now();
    this.lastError = { code, message, atMs };
    this.#failures.failed(code, message, atMs);
  }

  /** A listing starts; what this returns is passed to `isOutdated` for every key it shows. */
  listingStarts(): number {
    this.#listings++;
    return this.#effects;
  }

  /** To be called once for each that has started, after its result was looked at. */
  listingEnds(): void {
    this.#listings--;
    if (this.#listings === 0) this.#forgetEffects();
  }

  affected(key: string): void {
    this.#lastEffect.delete(key);
    this.#lastEffect.set(key, { effect: ++this.#effects, atMs: this.now() });
    if (this.#listings === 0) this.#forgetEffects();
  }

  /** The oldest come first. */
  #forgetEffects(): void {
    for (const [key, { atMs }] of this.#lastEffect) {
      if (atMs + staleMs > this.now()) return;
      this.#lastEffect.delete(key);
    }
  }

  /** We have written or deleted the key since, or (of a prefix) something below it. */
  isOutdated(key: string, listingStartedAt: number): boolean {
    if (!key.endsWith('/')) return (this.#lastEffect.get(key)?.effect ?? -1) > listingStartedAt;
    if (this.#effects <= listingStartedAt) return false;
    for (const [other, { effect }] of this.#lastEffect)
      if (effect > listingStartedAt && other.startsWith(key)) return true;
    return false;
  }

  /**
   * We have just written or deleted the key, or (of a prefix) something below it. Listings of some stores are out
   * of date for a while, and what they show as new may be what we have just removed.
   */
  isFresh(key: string): boolean {
    const since = this.now() - staleMs;
    if (!key.endsWith('/')) return (this.#lastEffect.get(key)?.atMs ?? -1) > since;
    for (const [other, { atMs }] of this.#lastEffect) {
      if (atMs > since && other.startsWith(key)) return true;
    }
    return false;
  }
}
