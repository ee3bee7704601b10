/**
 * Directories listed before anybody looks into them. Who reads one directory after the other (`grep -r`, `find`,
 * a backup) would wait for a listing in each of them, and again for its first files.
 *
 * A walk is recognised when a directory is read soon after the one above it or one beside it. Then the next ones
 * beside it, in the order in which they are shown, are listed ahead, and `Prefetch` brings a part of their small
 * files: a few directories at first, twice as many each time one of them is read. A listing ahead is one page: a
 * directory that has more is left as it is. What was listed long before it is read is listed again then.
 */
import { Kind } from '../operations.ts';
import type { Context } from './context.ts';
import type { Directories } from './directories.ts';
import type { Prefetch } from './prefetch.ts';
import type { Relister } from './relisting.ts';

/** Not more than so long may be between two directories of a walk, unless the second was listed ahead. */
const pauseMsMax = 2_000;
/** Directories beside the one that is read that are listed ahead. */
const windowMin = 4;
const windowMax = 32;
const listingsMax = 8;
/** Names that are looked at to find them. */
const namesMax = 1_024;
/** A listing made ahead counts as made at the first look for this long. */
const freshMs = 1_000;
/** Directories that are remembered: those last read, and those listed ahead. */
const rememberedMax = 4_096;

interface Walk {
  readMs: number;
  window: number;
}

export class Walks {
  readonly #context: Context;
  readonly #directories: Directories;
  readonly #prefetch: Prefetch;
  readonly #relister: Relister;
  /** Of what is below a directory, or beside something in it; the one that went on last is the last. */
  readonly #walks = new Map<number, Walk>();
  /** Listed ahead and not read yet: when they were listed. */
  readonly #ahead = new Map<number, number>();
  /** To be listed ahead. */
  #wanted: number[] = [];
  #listings = 0;
  /** A directory is read in several parts. */
  #last = 0;

  constructor(parts: {
    context: Context;
    directories: Directories;
    prefetch: Prefetch;
    relister: Relister;
  }) {
    this.#context = parts.context;
    this.#directories = parts.directories;
    this.#prefetch = parts.prefetch;
    this.#relister = parts.relister;
  }

  /** Somebody reads this directory, which has been listed. */
  read(directory: number): void {
    if (directory === this.#last) return;
    this.#last = directory;
    const now = this.#context.now();
    const listedMs = this.#ahead.get(directory);
    if (listedMs !== undefined) {
      this.#ahead.delete(directory);
      this.#prefetch.listed(directory);
      if (now - listedMs > freshMs) this.#relister.soon(directory);
    }
    const above = this.#context.tree.parentOf(directory);
    if (above !== 0) {
      const walk = this.#walks.get(above);
      const goesOn =
        walk !== undefined && (listedMs !== undefined || now - walk.readMs <= pauseMsMax);
      const windowBefore = goesOn ? walk.window : 0;
      const window = Math.min(windowMax, Math.max(windowMin, windowBefore * 2));
      this.#note(above, { readMs: now, window: goesOn ? window : 0 });
      if (goesOn) this.#lookAhead(above, directory, window);
    }
    this.#note(directory, { readMs: now, window: 0 });
  }

  #note(directory: number, walk: Walk): void {
    this.#walks.delete(directory);
    this.#walks.set(directory, walk);
    if (this.#walks.size > rememberedMax) forgetFirst(this.#walks);
  }

  /** The directories behind this one. */
  #lookAhead(above: number, directory: number, window: number): void {
    const { tree } = this.#context;
    const wanted: number[] = [];
    let names = 0;
    let left = window;
    tree.childrenAfter(above, directory, (_, ino, kind) => {
      if (kind === Kind.directory) {
        if (!tree.isListed(ino)) wanted.push(ino);
        left--;
      }
      return left > 0 && ++names < namesMax;
    });
    this.#wanted = wanted;
    this.#send();
  }

  #send(): void {
    while (this.#listings < listingsMax) {
      const directory = this.#wanted.shift();
      if (directory === undefined) return;
      const done = (isListed: boolean): void => {
        this.#listings--;
        if (isListed) this.#listed(directory);
        this.#send();
      };
      if (this.#directories.ahead(directory, done)) this.#listings++;
    }
  }

  #listed(directory: number): void {
    this.#ahead.set(directory, this.#context.now());
    if (this.#ahead.size > rememberedMax) forgetFirst(this.#ahead);
    this.#prefetch.listedAhead(directory);
  }
}

function forgetFirst(map: Map<number, unknown>): void {
  for (const first of map.keys()) {
    map.delete(first);
    return;
  }
}
