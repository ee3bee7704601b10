/** Dirty inodes, and what the export knows of each: since when, how often it has failed, what a barrier wants. */
import type { JobId } from '../transfer/jobs.ts';
import type { Context } from './context.ts';
import type { PendingChange, SyncFailure } from './port.ts';

export interface Pending {
  ino: number;
  bits: number;
  since: number;
  last: number;
  /** Counts the changes. */
  generation: number;
  /** Not before this time: after a failure. */
  notBefore: number;
  tries: number;
  /** A barrier waits for it to be exported in this state: no quiet time. -1 = none does. */
  urgent: number;
  job: JobId | undefined;
  /** Uploads dropped because the file was written meanwhile. */
  drops: number;
  failure: SyncFailure | undefined;
}

export class PendingExports {
  readonly #context: Context;
  readonly #byIno = new Map<number, Pending>();

  constructor(context: Context) {
    this.#context = context;
  }

  get size(): number {
    return this.#byIno.size;
  }

  get(ino: number): Pending | undefined {
    return this.#byIno.get(ino);
  }

  values(): IterableIterator<Pending> {
    return this.#byIno.values();
  }

  /** An inode that has become dirty. */
  add(ino: number, bits: number): Pending {
    const now = this.#context.now();
    const pending: Pending = {
      ino,
      bits,
      since: now,
      last: now,
      generation: 0,
      notBefore: 0,
      tries: 0,
      urgent: -1,
      job: undefined,
      drops: 0,
      failure: undefined,
    };
    this.#byIno.set(ino, pending);
    return pending;
  }

  /** One that was taken off. */
  putBack(pending: Pending): void {
    this.#byIno.set(pending.ino, pending);
  }

  delete(ino: number): void {
    this.#byIno.delete(ino);
  }

  dueOf(pending: Pending): number {
    if (pending.urgent >= 0) return pending.notBefore;
    const { synchronization, tree } = this.#context;
    const { quietMs, maxAgeMs } = synchronization.exportRule(tree.parentOf(pending.ino));
    return Math.max(pending.notBefore, Math.min(pending.last + quietMs, pending.since + maxAgeMs));
  }

  failures(): SyncFailure[] {
    const found: SyncFailure[] = [];
    for (const { failure } of this.#byIno.values()) if (failure !== undefined) found.push(failure);
    return found;
  }

  failureOf(ino: number): SyncFailure | undefined {
    return this.#byIno.get(ino)?.failure;
  }

  /** Undefined: nothing of it waits. */
  stateOf(ino: number): PendingChange['state'] | undefined {
    const pending = this.#byIno.get(ino);
    if (pending === undefined) return undefined;
    if (pending.failure !== undefined) return 'failed';
    return pending.job === undefined ? 'pending' : 'exporting';
  }

  /** When the oldest of them became dirty; Infinity = there is none. */
  oldestMs(): number {
    let oldest = Infinity;
    for (const { since } of this.#byIno.values()) if (since < oldest) oldest = since;
    return oldest;
  }
}
