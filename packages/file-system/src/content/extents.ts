/**
 * What each 64 KiB block of a large file is, as runs of blocks of the same state.
 *
 * Blocks in no run are holes. Runs are sorted, do not overlap, are not empty and neighbours of equal state are
 * one run.
 */

export const blockBytes = 65536;

export const BlockState = {
  /** Reads as zeros, and S3's object (if the block is below its end) has zeros there too. */
  hole: 0,
  /** Bytes in the cache file, the same as in S3. */
  clean: 1,
  /** Bytes in the cache file, changed since the last export. */
  dirty: 2,
  /** Bytes in S3 only. */
  remote: 3,
  /** Reads as zeros; S3's object has something else there. */
  dirtyHole: 4,
} as const;
export type BlockState = (typeof BlockState)[keyof typeof BlockState];

interface Run {
  /** First block and the one after the last. */
  first: number;
  end: number;
  state: BlockState;
}

export class Extents {
  #runs: Run[] = [];

  static parse(text: string): Extents {
    const extents = new Extents();
    const numbers = JSON.parse(text) as number[];
    for (let i = 0; i + 2 < numbers.length; i += 3) {
      extents.#runs.push({
        first: numbers[i]!,
        end: numbers[i + 1]!,
        state: numbers[i + 2]! as BlockState,
      });
    }
    return extents;
  }

  toString(): string {
    return JSON.stringify(this.#runs.flatMap(({ first, end, state }) => [first, end, state]));
  }

  stateAt(block: number): BlockState {
    const run = this.#runs[this.#search(block)];
    return run !== undefined && run.first <= block ? run.state : BlockState.hole;
  }

  /** The first block at or after `block` whose state is not that of `block`; Infinity = there is none. */
  endOfState(block: number): number {
    const state = this.stateAt(block);
    let at = block;
    for (let i = this.#search(block); ; i++) {
      const run = this.#runs[i];
      if (run === undefined) return state === BlockState.hole ? Infinity : at;
      if (run.first > at) {
        if (state !== BlockState.hole) return at;
        at = run.first;
      }
      if (run.state !== state) return Math.max(at, run.first);
      at = run.end;
    }
  }

  /** True when every block of [first, end) is in this state. */
  isAll(first: number, end: number, state: BlockState): boolean {
    return this.stateAt(first) === state && this.endOfState(first) >= end;
  }

  /** Calls `each` with the runs (holes left out) that reach into [first, end), cut to it. */
  each(
    first: number,
    end: number,
    each: (first: number, end: number, state: BlockState) => void,
  ): void {
    for (let i = this.#search(first); i < this.#runs.length; i++) {
      const run = this.#runs[i]!;
      if (run.first >= end) return;
      each(Math.max(run.first, first), Math.min(run.end, end), run.state);
    }
  }

  set(first: number, end: number, state: BlockState): void {
    if (end <= first) return;
    const runs = this.#runs;
    // Appending to a file is the common case: the last run grows.
    const last = runs[runs.length - 1];
    if (last !== undefined && last.state === state && last.first <= first && last.end >= first) {
      last.end = Math.max(last.end, end);
      return;
    }
    const from = this.#search(first);
    const fresh: Run[] = [];
    let to = from;
    for (; to < runs.length && runs[to]!.first < end; to++) {
      const run = runs[to]!;
      if (run.first < first) fresh.push({ first: run.first, end: first, state: run.state });
    }
    const cut = runs[to - 1];
    if (state !== BlockState.hole) fresh.push({ first, end, state });
    if (to > from && cut !== undefined && cut.end > end)
      fresh.push({ first: end, end: cut.end, state: cut.state });
    runs.splice(from, to - from, ...fresh);
    this.#join(Math.max(0, from - 1), from + fresh.length + 1);
  }

  /** Blocks in this state in all. */
  count(states: readonly BlockState[]): number {
    let blocks = 0;
    for (const run of this.#runs) if (states.includes(run.state)) blocks += run.end - run.first;
    return blocks;
  }

  replaceState(from: BlockState, to: BlockState): void {
    const old = this.#runs;
    this.#runs = [];
    for (const run of old) this.set(run.first, run.end, run.state === from ? to : run.state);
  }

  /** Index of the first run that ends after `block`. */
  #search(block: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#runs[middle]!.end <= block) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Joins equal neighbours among the runs from..to. */
  #join(from: number, to: number): void {
    const runs = this.#runs;
    for (let i = Math.min(to, runs.length - 1); i > from; i--) {
      const left = runs[i - 1]!;
      const right = runs[i]!;
      if (left.state === right.state && left.end === right.first) {
        left.end = right.end;
        runs.splice(i, 1);
      }
    }
  }
}
