/** Carries out deletions: after their quiet time, and only of what no name stands for any more. */
import type { Conflicts } from './conflicts.ts';
import type { Context } from './context.ts';
import type { Attempts, Deletions } from './deletions.ts';
import type { Lanes } from './lanes.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** A deletion that waits for an export is not looked at more often than this. */
const againMsMin = 1_000;

export class Deleter {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #lanes: Lanes;
  readonly #deletions: Deletions;
  readonly #attempts: Attempts;
  readonly #conflicts: Conflicts;
  /** Not before a time: after a failure, and how many there were. */
  readonly #failed = new Map<string, { tries: number; notBefore: number }>();
  /** A barrier waits for them: no quiet time. */
  readonly #urgent = new Set<string>();

  constructor(parts: {
    context: Context;
    keys: RemoteKeys;
    lanes: Lanes;
    deletions: Deletions;
    attempts: Attempts;
    conflicts: Conflicts;
  }) {
    this.#context = parts.context;
    this.#keys = parts.keys;
    this.#lanes = parts.lanes;
    this.#deletions = parts.deletions;
    this.#attempts = parts.attempts;
    this.#conflicts = parts.conflicts;
  }

  /** A deletion was noted or has become possible. */
  schedule(key: string): void {
    this.#lanes.push(this.#dueOf(key), key);
  }

  /** The inode that was moved away from this key has been exported, or needs no export any more. */
  release(key: string, ino: number): void {
    this.#deletions.release(key, ino);
    this.schedule(key);
  }

  hurry(key: string): void {
    this.#urgent.add(key);
    this.#failed.delete(key);
    this.#lanes.push(0, key);
  }

  start(key: string, now: number): void {
    const deletion = this.#deletions.get(key);
    if (deletion === undefined) {
      this.#urgent.delete(key);
      return;
    }
    const due = this.#dueOf(key);
    if (due > now) {
      this.#lanes.push(due, key);
      return;
    }
    if (deletion.ino !== undefined && this.#isStillNeeded(key, deletion.ino)) return;
    if (this.#lanes.waitFor(key, key)) return;
    const ino = this.#keys.resolve(key);
    if (ino !== 0 && this.#context.tree.dirty(ino) !== 0) {
      // Its export replaces the object; should that never come to pass, this is looked at again.
      const { maxAgeMs } = this.#context.synchronization.exportRuleOfKey(key);
      this.#lanes.push(now + Math.max(againMsMin, maxAgeMs), key);
      return;
    }
    if (ino !== 0 && this.#context.base(ino) !== undefined) this.#deletions.drop(key);
    else this.send(key);
  }

  /** Deletes at once; whoever is to use the key next can wait for it. */
  send(key: string): void {
    const { eTag, marks } = this.#deletions.get(key) ?? { marks: [] };
    const job = { kind: 'delete' as const, key, marks: [...marks, ...this.#attempts.of(key)] };
    this.#lanes.occupy(key);
    this.#context.outbox.send(eTag === undefined ? job : { ...job, eTag }, (result) => {
      this.#lanes.vacate(key);
      if (result.kind === 'failed') {
        this.#context.failed(result.code, result.message);
        const tries = this.#failed.get(key)?.tries ?? 0;
        const notBefore = this.#context.now() + this.#context.backoffMs(tries);
        this.#failed.set(key, { tries: tries + 1, notBefore });
        this.schedule(key);
        return;
      }
      this.#failed.delete(key);
      this.#urgent.delete(key);
      this.#attempts.settle(key);
      if (result.kind === 'conflict') this.#conflicts.undelete(key, result.head);
      this.#deletions.drop(key);
      this.#context.exported++;
    });
  }

  #dueOf(key: string): number {
    const { quietMs } = this.#context.synchronization.exportRuleOfKey(key);
    const quiet = (this.#deletions.since.get(key) ?? 0) + quietMs;
    return Math.max(this.#failed.get(key)?.notBefore ?? 0, this.#urgent.has(key) ? 0 : quiet);
  }

  /** The inode has not been exported to where it was moved to. */
  #isStillNeeded(key: string, ino: number): boolean {
    const { tree } = this.#context;
    return (
      tree.parentOf(ino) !== 0 && tree.dirty(ino) !== 0 && this.#context.base(ino)?.key === key
    );
  }
}
