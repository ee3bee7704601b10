/**
 * Directories whose names the kernel keeps after it has listed them, by view, and since when. It lists them again
 * from there when an OPENDIR is answered so. What is changed through a view its own kernel side knows of; when
 * anything else changes a name, the listing is out of date here at once, so that the next OPENDIR drops it.
 *
 * A listing is kept no longer than the names in it (cache-lifetimes.ts): listed anew, they come with their attributes
 * in a few requests, where an old listing would have the kernel ask for each of them.
 */
import { cacheSeconds } from './cache-lifetimes.ts';

export class KeptListings {
  readonly #sinceMs: (Map<number, number> | undefined)[] = [];
  readonly #isComplete: boolean;

  /** `isComplete`: nothing is kept that was not noted here. */
  constructor(isComplete: boolean) {
    this.#isComplete = isComplete;
  }

  /** The directory is listed from its beginning. */
  begun(view: number, ino: number, nowMs: number): void {
    (this.#sinceMs[view] ??= new Map()).set(ino, nowMs);
  }

  /** Whether what the kernel has may be shown to who opens the directory now. */
  mayStay(view: number, ino: number, nowMs: number): boolean {
    const sinceMs = this.#sinceMs[view]?.get(ino);
    return sinceMs !== undefined && nowMs - sinceMs < cacheSeconds * 1000;
  }

  /** The listing is out of date. False: the kernel has none. */
  drop(view: number, ino: number): boolean {
    return this.#sinceMs[view]?.delete(ino) === true || !this.#isComplete;
  }
}
