/**
 * Due times of many things behind one timer of the clock. Entries are never removed: one that is no
 * longer meant is recognised by whoever is called. A queue is empty again after a restart and
 * filled from the executions read from the journal.
 */
import type { Clock } from './ports.ts';

interface Entry {
  at: number;
  key: string;
}

export class TimerQueue {
  readonly #clock: Clock;
  readonly #fire: (key: string) => void;
  readonly #heap: Entry[] = [];
  #cancel: (() => void) | undefined;
  #armedFor = Infinity;
  #stopped = false;

  /** `fire` is called once for every entry, not before its time. */
  constructor(clock: Clock, fire: (key: string) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  add(at: number, key: string): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push({ at, key });
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (heap[parent]!.at <= heap[index]!.at) break;
      swap(heap, parent, index);
      index = parent;
    }
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first || this.#stopped || first.at >= this.#armedFor) return;
    this.#cancel?.();
    this.#armedFor = first.at;
    this.#cancel = this.#clock.after(Math.max(0, first.at - this.#clock.now()), () => {
      this.#armedFor = Infinity;
      this.#run();
    });
  }

  #run(): void {
    const now = this.#clock.now();
    while (this.#heap.length > 0 && this.#heap[0]!.at <= now && !this.#stopped) {
      this.#fire(this.#pop().key);
    }
    this.#arm();
  }

  #pop(): Entry {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let index = 0;
      for (;;) {
        const left = 2 * index + 1;
        let least = index;
        if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left;
        if (left + 1 < heap.length && heap[left + 1]!.at < heap[least]!.at) least = left + 1;
        if (least === index) break;
        swap(heap, least, index);
        index = least;
      }
    }
    return top;
  }
}

function swap(heap: Entry[], a: number, b: number): void {
  const entry = heap[a]!;
  heap[a] = heap[b]!;
  heap[b] = entry;
}
