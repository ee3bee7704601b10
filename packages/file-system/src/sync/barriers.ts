/** Waits until what is dirty at a moment is in S3, or has turned out not to get there. */
import type { WaitId } from '../operations.ts';
import type { Context } from './context.ts';
import type { SyncFailure } from './port.ts';

interface Barrier {
  /** Inodes and the state of each that has to be in S3. */
  inodes: Map<number, number>;
  /** Keys that have to be deleted. */
  keys: Set<string>;
  failures: SyncFailure[];
}

export class Barriers {
  readonly #context: Context;
  readonly #open = new Map<WaitId, Barrier>();
  readonly #done = new Map<WaitId, SyncFailure[]>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Ready at once (but not before this returns) when there is nothing to wait for. */
  add(inodes: Map<number, number>, keys: Set<string>, failures: SyncFailure[]): WaitId {
    const waitId = this.#context.tree.newWait();
    const barrier = { inodes, keys, failures };
    this.#open.set(waitId, barrier);
    this.#context.timers.push(0, () => this.#check(waitId, barrier));
    return waitId;
  }

  /** The inode is in S3 in (at least) this state; Infinity = it needs no export any more. */
  exported(ino: number, generation: number): void {
    for (const [waitId, barrier] of this.#open) {
      const wanted = barrier.inodes.get(ino);
      if (wanted === undefined || generation < wanted) continue;
      barrier.inodes.delete(ino);
      this.#check(waitId, barrier);
    }
  }

  deleted(key: string): void {
    for (const [waitId, barrier] of this.#open) {
      if (barrier.keys.delete(key)) this.#check(waitId, barrier);
    }
  }

  failed(ino: number, failure: SyncFailure): void {
    for (const [waitId, barrier] of this.#open) {
      if (!barrier.inodes.delete(ino)) continue;
      barrier.failures.push(failure);
      this.#check(waitId, barrier);
    }
  }

  /** The key could not be deleted: it holds somebody else's object. */
  keyFailed(key: string, failure: SyncFailure): void {
    for (const [waitId, barrier] of this.#open) {
      if (!barrier.keys.delete(key)) continue;
      barrier.failures.push(failure);
      this.#check(waitId, barrier);
    }
  }

  /** What did not make it; told once, and then the barrier is forgotten, also one that is not ready. */
  failures(waitId: WaitId): SyncFailure[] {
    this.#open.delete(waitId);
    const failures = this.#done.get(waitId) ?? [];
    this.#done.delete(waitId);
    return failures;
  }

  #check(waitId: WaitId, barrier: Barrier): void {
    if (barrier.inodes.size > 0 || barrier.keys.size > 0 || !this.#open.delete(waitId)) return;
    this.#done.set(waitId, barrier.failures);
    this.#context.tree.ready(waitId);
  }
}
