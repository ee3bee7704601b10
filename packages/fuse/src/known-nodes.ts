/**
 * Which inodes the kernel holds, by view: references it got from LOOKUP and its kin minus what it gave
 * back with FORGET. Used to send invalidations only where something can be cached.
 *
 * After a restart on the same kernel session the counts are lost; then everything may be known.
 */
import { rootNode } from './wire.ts';

export class KnownNodes {
  readonly #byView: Map<number, number>[] = [new Map([[rootNode, Infinity]])];
  readonly #views: number[] = [0];
  /** The kernel session began with this process: nothing is known that was not counted. */
  readonly countsComplete: boolean;

  constructor(countsComplete: boolean) {
    this.countsComplete = countsComplete;
  }

  /** All views, the whole file system (0) first. */
  views(): readonly number[] {
    return this.#views;
  }

  /** The root of a view is known as long as the view exists. */
  addView(view: number, root: number): void {
    if (this.#byView[view] !== undefined) return;
    this.#byView[view] = new Map([[root, Infinity]]);
    this.#views.push(view);
  }

  referenced(view: number, ino: number): void {
    const counts = this.#byView[view];
    counts?.set(ino, (counts.get(ino) ?? 0) + 1);
  }

  /** True when no reference is known any more. */
  forgotten(view: number, ino: number, n: number): boolean {
    const counts = this.#byView[view];
    const left = (counts?.get(ino) ?? 0) - n;
    if (left > 0) {
      counts?.set(ino, left);
      return false;
    }
    counts?.delete(ino);
    return !this.holds(ino);
  }

  /** A reference is known, through any view. */
  holds(ino: number): boolean {
    for (const view of this.#views) if (this.#byView[view]!.has(ino)) return true;
    return false;
  }

  mayKnow(view: number, ino: number): boolean {
    return !this.countsComplete || this.#byView[view]?.has(ino) === true;
  }
}
