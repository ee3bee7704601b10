/**
 * Keeping up with S3 without events: directories in use are listed again from time to time, and what differs from
 * the tree is taken over. What a listing says is never trusted alone: changes and disappearances are confirmed by
 * a HEAD before anything is replaced or removed, and keys that we have written to since the listing began, or
 * that have something pending, are left out.
 */
import { Kind } from '../operations.ts';
import type { RemoteObject, TransferResult } from '../transfer/jobs.ts';
import { isModified } from './base.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import type { Directories } from './directories.ts';
import type { Heads } from './heads.ts';
import type { Lanes } from './lanes.ts';
import { Newcomers } from './newcomers.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** A directory stays in use for this long after it was looked into, and as long as the kernel knows it. */
const usedMs = 60_000;
const listingsMax = 4;
/** With many directories in use each of them is listed more rarely, … */
const listingsPerSecondMax = 20;
/** … and so is one that the kernel knows but nobody has looked into for long: after a fourth of that time. */
const idleShare = 1 / 4;
const intervalMsMax = 600_000;
/** Where the store tells of changes, listing is for what it fails to tell: that much more rarely. */
const toldShare = 12;
/** Changes that are told of come in bursts. */
const soonMs = 20;

interface Used {
  touchedMs: number;
  listedMs: number;
  /** Listed again not later than this. */
  wantedMs: number;
}

interface Relisting {
  directory: number;
  prefix: string;
  startedAt: number;
  objects: Map<string, RemoteObject>;
  prefixes: Set<string>;
}

export class Relister {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #deletions: Deletions;
  readonly #directories: Directories;
  readonly #heads: Heads;
  readonly #lanes: Lanes;
  readonly #newcomers: Newcomers;
  readonly #used = new Map<number, Used>();
  /** Not in use when something changed in them: listed as soon as they are. */
  readonly #missed = new Set<number>();
  readonly #startMs: number;
  #active = 0;
  /** Directories in which something has changed, and since when that is known. */
  readonly #behind = new Map<number, number>();
  #toldShare = 1;
  #nextMs = Infinity;

  constructor(parts: {
    context: Context;
    keys: RemoteKeys;
    deletions: Deletions;
    directories: Directories;
    heads: Heads;
    lanes: Lanes;
  }) {
    this.#context = parts.context;
    this.#keys = parts.keys;
    this.#deletions = parts.deletions;
    this.#directories = parts.directories;
    this.#heads = parts.heads;
    this.#lanes = parts.lanes;
    this.#newcomers = new Newcomers(parts);
    this.#startMs = this.#context.now();
  }

  get due(): number {
    return this.#active >= listingsMax ? Infinity : this.#nextMs;
  }

  /** `isJustListed`: it has been listed for the first time at this moment. */
  touched(directory: number, isJustListed: boolean = false): void {
    const now = this.#context.now();
    const used = this.#used.get(directory);
    if (used !== undefined) {
      used.touchedMs = now;
      // It may have been left alone for long, so that it was to be listed much later.
      this.#nextMs = Math.min(this.#nextMs, used.listedMs + this.#intervalMs());
      return;
    }
    const wantedMs = isJustListed ? Infinity : this.#firstWantedMs(directory, now);
    this.#used.set(directory, { touchedMs: now, listedMs: now, wantedMs });
    this.#nextMs = Math.min(this.#nextMs, wantedMs, now + this.#context.options.relistMs);
  }

  /** What happened in it before this process was told to nobody; what was told while it was idle was not looked at. */
  #firstWantedMs(directory: number, now: number): number {
    if (this.#missed.delete(directory)) return now + soonMs;
    const madeSec = this.#context.attributes(directory)?.btimeSec ?? 0;
    if (madeSec * 1000 >= this.#startMs || !this.#context.tree.isListed(directory)) return Infinity;
    const spreadMs = (this.#used.size / listingsPerSecondMax) * 1000;
    return now + Math.max(this.#context.options.relistMs, spreadMs);
  }

  /** Something has changed in it. */
  soon(directory: number): void {
    const used = this.#used.get(directory);
    if (used === undefined) {
      const isListed = this.#context.tree.isListed(directory);
      if (isListed || this.#directories.isUnderWay(directory)) this.#missed.add(directory);
      return;
    }
    if (!this.#behind.has(directory)) this.#behind.set(directory, this.#context.now());
    used.wantedMs = Math.min(used.wantedMs, this.#context.now() + soonMs);
    this.#nextMs = Math.min(this.#nextMs, used.wantedMs);
  }

  /** When the oldest change was told that is not visible yet; Infinity = there is none. */
  oldestToldMs(): number {
    return Math.min(...this.#behind.values());
  }

  get isTold(): boolean {
    return this.#toldShare > 1;
  }

  /** The store tells of changes (or does not any more): listing is then only for what it failed to tell. */
  setTold(isTold: boolean): void {
    this.#toldShare = isTold ? toldShare : 1;
    if (isTold) this.#allSoon();
  }

  #allSoon(): void {
    for (const directory of this.#used.keys()) this.soon(directory);
  }

  /** How often a directory is listed that is looked at all the time. */
  #intervalMs(): number {
    const relistMs = this.#context.options.relistMs * this.#toldShare;
    return Math.max(relistMs, (this.#used.size / listingsPerSecondMax) * 1000);
  }

  /** Starts the listings that are due. */
  start(now: number): void {
    if (now < this.#nextMs || this.#active >= listingsMax) return;
    const interval = this.#intervalMs();
    let next = Infinity;
    for (const [directory, used] of this.#used) {
      const idleMs = now - used.touchedMs;
      if (idleMs > usedMs && !this.#context.tree.inUse(directory)) {
        this.#used.delete(directory);
        this.#behind.delete(directory);
        continue;
      }
      const dueOf = (): number => {
        const pause = Math.max(interval, Math.min(idleMs * idleShare, intervalMsMax));
        return Math.min(used.wantedMs, used.listedMs + pause);
      };
      if (dueOf() <= now && this.#active < listingsMax) {
        used.listedMs = now;
        used.wantedMs = Infinity;
        this.#list(directory);
      }
      next = Math.min(next, dueOf());
    }
    this.#nextMs = next;
  }

  #list(directory: number): void {
    const { tree } = this.#context;
    if (this.#context.attributes(directory) === undefined || !tree.isListed(directory)) return;
    if (this.#keys.moved.size > 0) return;
    const prefix = this.#keys.prefixOf(directory);
    if (prefix === undefined || this.#keys.isLocalOnly(directory)) return;
    const relisting: Relisting = {
      directory,
      prefix,
      startedAt: this.#context.listingStarts(),
      objects: new Map(),
      prefixes: new Set(),
    };
    this.#active++;
    this.#context.outbox.send({ kind: 'list', prefix, recursive: false }, (result) =>
      this.#onResult(relisting, result),
    );
  }

  #onResult(relisting: Relisting, result: TransferResult): void {
    if (result.kind === 'page') {
      for (const object of result.objects) relisting.objects.set(object.key, object);
      for (const prefix of result.prefixes) relisting.prefixes.add(prefix);
      if (!result.last) return;
    }
    this.#active--;
    if (result.kind === 'page') {
      this.#compare(relisting);
      // Unless something was told meanwhile.
      const wantedMs = this.#used.get(relisting.directory)?.wantedMs ?? Infinity;
      if (wantedMs === Infinity) this.#behind.delete(relisting.directory);
    } else if (result.kind === 'failed') this.#context.failed(result.code, result.message);
    this.#context.listingEnds();
  }

  #compare(relisting: Relisting): void {
    const { tree } = this.#context;
    const { directory, prefix, objects, prefixes } = relisting;
    if (this.#context.attributes(directory) === undefined || this.#keys.moved.size > 0) return;
    if (this.#keys.prefixOf(directory) !== prefix) return;
    const seen = new Set<string>();
    const invisible = new Set([...objects.keys(), ...prefixes]);
    const vanished: { ino: number; kind: Kind; key: string }[] = [];
    tree.children(directory, (name, ino, kind) => {
      const key = this.#keys.remoteKey(directory, name, kind);
      if (key === undefined) return;
      seen.add(name);
      invisible.delete(key);
      if (kind === Kind.directory) {
        if (!prefixes.has(key)) vanished.push({ ino, kind, key });
        return;
      }
      const object = objects.get(key);
      if (object === undefined) vanished.push({ ino, kind, key });
      else if (!this.#isOurs(relisting, ino, key)) this.#refreshChanged(ino, object);
    });
    for (const { ino, kind, key } of vanished) {
      if (this.#isOurs(relisting, ino, key)) continue;
      if (kind === Kind.directory) this.#confirmDirectory(ino, key);
      else if (this.#context.base(ino) !== undefined) this.#heads.refresh(ino);
    }
    // In this order: what is new may take the name of a file that was here, whose key is invisible from now on.
    this.#directories.forgetFailures(prefix, invisible, prefixes);
    this.#addNew(relisting, seen);
    this.#refreshMarker(relisting);
  }

  /** The tree is ahead of what the listing shows. */
  #isOurs(relisting: Relisting, ino: number, key: string): boolean {
    return (
      this.#context.tree.dirty(ino) !== 0 ||
      this.#lanes.isBusy(key) ||
      this.#deletions.get(key) !== undefined ||
      this.#context.isOutdated(key, relisting.startedAt)
    );
  }

  #addNew(relisting: Relisting, seen: ReadonlySet<string>): void {
    const { directory, prefix, startedAt } = relisting;
    const { names } = this.#context;
    const isAhead = (key: string): boolean =>
      this.#lanes.isBusy(key) || this.#context.isOutdated(key, startedAt);
    for (const key of relisting.prefixes) {
      if (
        seen.has(names.nameOf(key.slice(prefix.length, -1))) &&
        !this.#isFileHere(directory, key)
      ) {
        continue;
      }
      // A directory whose objects are all about to be deleted is not new; it is asked whether that is so.
      if (isAhead(key) || this.#hasDeletionsBelow(key)) continue;
      if (this.#context.isFresh(key)) this.#newcomers.below(directory, prefix, key);
      else this.#directories.addPrefix(directory, prefix, key);
    }
    for (const [key, object] of relisting.objects) {
      // A file that is here has been compared; a directory of the same name keeps the name.
      const isHere = seen.has(names.nameOf(key.slice(prefix.length)));
      const isCompared = isHere && this.#isFileHere(directory, `${key}/`);
      if (isCompared || isAhead(key)) continue;
      // Its own marker that is known already; where there are bytes now, those are new.
      if (key === prefix && object.size === 0 && this.#context.tree.base(directory) !== '')
        continue;
      if (this.#context.isFresh(key)) this.#newcomers.object(directory, prefix, key);
      else this.#directories.addObject(directory, prefix, object);
    }
  }

  #isFileHere(directory: number, key: string): boolean {
    const name = this.#context.names.nameOf(
      key.slice(key.lastIndexOf('/', key.length - 2) + 1, -1),
    );
    const ino = this.#context.tree.child(directory, name);
    return ino !== 0 && this.#context.attributes(ino)?.kind !== Kind.directory;
  }

  #hasDeletionsBelow(prefix: string): boolean {
    for (const key of this.#deletions.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** The marker of the directory itself: its ETag tells whether its attributes have changed, or bytes replaced it. */
  #refreshMarker(relisting: Relisting): void {
    const { tree } = this.#context;
    const { directory, prefix } = relisting;
    const marker = relisting.objects.get(prefix);
    if (marker === undefined || this.#isOurs(relisting, directory, prefix)) return;
    const isWithout = marker.size > 0 && tree.base(directory) === '';
    if (!isWithout && tree.isKnown(directory)) this.#refreshChanged(directory, marker);
  }

  #refreshChanged(ino: number, { eTag, lastModified }: RemoteObject): void {
    const base = this.#context.base(ino);
    if (base?.eTag !== eTag || isModified(base, lastModified)) {
      this.#heads.refresh(ino, lastModified);
    }
  }

  /** Nothing is shown below the directory any more: when that is so, everything clean in it goes. */
  #confirmDirectory(directory: number, prefix: string): void {
    const startedAt = this.#context.listingStarts();
    let isEmpty = true;
    this.#active++;
    this.#context.outbox.send({ kind: 'list', prefix, recursive: true }, (result) => {
      if (result.kind === 'page') {
        if (result.objects.length > 0) isEmpty = false;
        if (!result.last) return;
      }
      this.#active--;
      const isConfirmed =
        result.kind === 'page' &&
        isEmpty &&
        this.#keys.moved.size === 0 &&
        this.#context.attributes(directory) !== undefined &&
        this.#keys.prefixOf(directory) === prefix;
      if (isConfirmed) this.#removeClean(directory, prefix, startedAt);
      this.#context.listingEnds();
    });
  }

  /** True when the directory is gone. */
  #removeClean(directory: number, prefix: string, startedAt: number): boolean {
    const { tree } = this.#context;
    const children: { ino: number; kind: Kind; key: string | undefined }[] = [];
    tree.children(directory, (name, ino, kind) => {
      children.push({ ino, kind, key: this.#keys.remoteKey(directory, name, kind) });
    });
    let isEmpty = true;
    for (const { ino, kind, key } of children) {
      const stays =
        key === undefined ||
        tree.dirty(ino) !== 0 ||
        this.#lanes.isBusy(key) ||
        this.#context.isOutdated(key, startedAt) ||
        (kind !== Kind.directory && this.#context.isFresh(key));
      if (stays) isEmpty = false;
      else if (kind === Kind.directory) {
        if (!this.#removeClean(ino, key, startedAt)) isEmpty = false;
      } else tree.removeRemote(ino);
    }
    const mayGo =
      isEmpty &&
      tree.dirty(directory) === 0 &&
      !this.#lanes.isBusy(prefix) &&
      !this.#context.isOutdated(prefix, startedAt) &&
      !this.#context.isFresh(prefix);
    if (mayGo) tree.removeRemote(directory);
    return mayGo;
  }
}
