/**
 * The serving thread's way to a thread that does nothing but wait for the disk: fdatasync(2), and beginning to write
 * what will be flushed later. They share a few numbers: the serving thread writes what is to be flushed and wakes the
 * other, which writes the outcome and wakes the serving thread's poll(2). No message passing: that would cost as much
 * as a fast disk does.
 */
import { fdatasyncSync } from 'node:fs';
import type { Flusher } from '@moorage/file-system';

/** Indices of the shared numbers; the descriptors come last. */
export const FlushSlot = {
  state: 0,
  failed: 1,
  ready: 2,
  /** What to write back: a descriptor and whole blocks. */
  behindFd: 3,
  behindBlock: 4,
  behindBlocks: 5,
  count: 6,
  first: 7,
} as const;
/** `behind`: to be written back. A flush may be asked for meanwhile, nothing else. */
export const FlushState = { idle: 0, asked: 1, done: 2, behind: 3 } as const;
/** Offsets of large files do not fit into the numbers. */
export const behindBlockBytes = 65_536;

/** Of one flush; beyond that (that many fsyncs at the same moment) the rest is flushed here. */
const descriptorsMax = 1020;
/** A flush this short may be done here, if so many before it came and went with nobody else asking for anything. */
const shortMs = 5;
const calmFlushes = 8;

export interface ServingFlusherOptions {
  /** Starts the thread, at the first fsync: until it runs, flushing is done here. */
  wanted(): void;
  flushed(failed: boolean): void;
  /** Requests of the kernel handled so far. */
  handled(): number;
  /** Whether the kernel has a request for us. */
  isAsked(): boolean;
  /** Milliseconds with a fraction. */
  now(): number;
}

/**
 * Waking the other thread and being woken costs a single writer on a fast disk more than it saves anybody. So where
 * flushes are short and nobody was kept waiting by the last ones, the next is done here; the first that takes long, or
 * behind which somebody waits, ends that.
 */
export class ServingFlusher implements Flusher {
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(
    4 * (FlushSlot.first + descriptorsMax),
  );
  readonly #numbers = new Int32Array(this.shared);
  readonly #o: ServingFlusherOptions;
  #isWanted = false;
  /** Flushes in a row that were short and kept nobody waiting. */
  #calm = 0;
  #startedMs = 0;
  #handledBefore = 0;

  constructor(options: ServingFlusherOptions) {
    this.#o = options;
  }

  flush(descriptors: readonly number[]): void {
    const numbers = this.#numbers;
    this.#startedMs = this.#o.now();
    const isReady = Atomics.load(numbers, FlushSlot.ready) !== 0;
    if (!isReady || this.#calm >= calmFlushes) {
      if (!this.#isWanted) this.#o.wanted();
      this.#isWanted = true;
      const flushed = flushAll(descriptors);
      if (isReady) this.#note(this.#o.isAsked());
      return this.#o.flushed(!flushed);
    }
    const here = descriptors.slice(0, -descriptorsMax);
    if (!flushAll(here)) return this.#o.flushed(true);
    const there = descriptors.slice(-descriptorsMax);
    this.#handledBefore = this.#o.handled();
    numbers.set(there, FlushSlot.first);
    numbers[FlushSlot.count] = there.length;
    Atomics.store(numbers, FlushSlot.state, FlushState.asked);
    Atomics.notify(numbers, FlushSlot.state);
  }

  /** Who never calls fsync has no thread for that, and nothing to gain by it. */
  writeBack(descriptor: number, offset: number, length: number): boolean {
    const numbers = this.#numbers;
    const isReady = Atomics.load(numbers, FlushSlot.ready) !== 0;
    if (!isReady || Atomics.load(numbers, FlushSlot.state) !== FlushState.idle) return false;
    const block = Math.floor(offset / behindBlockBytes);
    numbers[FlushSlot.behindFd] = descriptor;
    numbers[FlushSlot.behindBlock] = block;
    numbers[FlushSlot.behindBlocks] = Math.ceil((offset + length) / behindBlockBytes) - block;
    Atomics.store(numbers, FlushSlot.state, FlushState.behind);
    Atomics.notify(numbers, FlushSlot.state);
    return true;
  }

  /** Call when the poll was woken. */
  takeOutcome(): void {
    const numbers = this.#numbers;
    if (Atomics.load(numbers, FlushSlot.state) !== FlushState.done) return;
    Atomics.store(numbers, FlushSlot.state, FlushState.idle);
    this.#note(this.#o.handled() !== this.#handledBefore || this.#o.isAsked());
    this.#o.flushed(numbers[FlushSlot.failed] !== 0);
  }

  /** How long it took, and whether somebody else asked for something meanwhile. */
  #note(isBusy: boolean): void {
    const isShort = this.#o.now() - this.#startedMs < shortMs;
    this.#calm = isShort && !isBusy ? this.#calm + 1 : 0;
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
