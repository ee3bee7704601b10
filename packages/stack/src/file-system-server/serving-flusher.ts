/**
 * The serving thread's way to a thread that does nothing but fdatasync(2). They share a few numbers: the serving
 * thread writes what is to be flushed and wakes the other, which writes the outcome and wakes the serving thread's
 * poll(2). No message passing: that would cost as much as a fast disk does.
 */
import { fdatasyncSync } from 'node:fs';
import type { Flusher } from '@moorage/file-system';

/** Indices of the shared numbers; the descriptors come last. */
export const FlushSlot = { state: 0, failed: 1, ready: 2, count: 3, first: 4 } as const;
export const FlushState = { idle: 0, asked: 1, done: 2 } as const;

/** Of one flush; beyond that (that many fsyncs at the same moment) the rest is flushed here. */
const descriptorsMax = 1020;

export class ServingFlusher implements Flusher {
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(
    4 * (FlushSlot.first + descriptorsMax),
  );
  readonly #numbers = new Int32Array(this.shared);
  readonly #wanted: () => void;
  readonly #flushed: (failed: boolean) => void;
  #isWanted = false;

  /** `wanted` starts the thread, at the first fsync: until it runs, flushing is done here. */
  constructor(wanted: () => void, flushed: (failed: boolean) => void) {
    this.#wanted = wanted;
    this.#flushed = flushed;
  }

  flush(descriptors: readonly number[]): void {
    const numbers = this.#numbers;
    if (Atomics.load(numbers, FlushSlot.ready) === 0) {
      if (!this.#isWanted) this.#wanted();
      this.#isWanted = true;
      return this.#flushed(!flushAll(descriptors));
    }
    const here = descriptors.slice(0, -descriptorsMax);
    if (!flushAll(here)) return this.#flushed(true);
    const there = descriptors.slice(-descriptorsMax);
    numbers.set(there, FlushSlot.first);
    numbers[FlushSlot.count] = there.length;
    Atomics.store(numbers, FlushSlot.state, FlushState.asked);
    Atomics.notify(numbers, FlushSlot.state);
  }

  /** Call when the poll was woken. */
  takeOutcome(): void {
    const numbers = this.#numbers;
    if (Atomics.load(numbers, FlushSlot.state) !== FlushState.done) return;
    Atomics.store(numbers, FlushSlot.state, FlushState.idle);
    this.#flushed(numbers[FlushSlot.failed] !== 0);
  }
}

/** False: some could not be flushed. All are tried. */
export function flushAll(descriptors: Iterable<number>): boolean {
  let flushed = true;
  for (const fd of descriptors) {
    try {
      fdatasyncSync(fd);
    } catch {
      flushed = false;
    }
  }
  return flushed;
}
