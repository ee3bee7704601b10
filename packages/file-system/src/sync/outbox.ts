/** Jobs on their way to the transfer side, and who is to hear of their results. */
import type { JobId, TransferJob, TransferResult } from '../transfer/jobs.ts';

type WithoutId<J> = J extends TransferJob ? Omit<J, 'id'> : never;

/** A job that gets a result; its number is given here. */
export type NewJob = WithoutId<Exclude<TransferJob, { kind: 'commit' | 'cancel' | 'proceed' }>>;

const none: readonly TransferJob[] = [];

export class Outbox {
  #jobs: TransferJob[] = [];
  #lastId: JobId = 0;
  readonly #listeners = new Map<JobId, (result: TransferResult) => void>();

  send(job: NewJob, listener: (result: TransferResult) => void): JobId {
    const id = ++this.#lastId;
    this.#jobs.push({ ...job, id } as TransferJob);
    this.#listeners.set(id, listener);
    return id;
  }

  /** Tells an upload that has sent `began` or `ready` to go on, or any upload to stop. */
  decide(kind: 'commit' | 'cancel' | 'proceed', id: JobId): void {
    this.#jobs.push({ kind, id });
  }

  take(): readonly TransferJob[] {
    if (this.#jobs.length === 0) return none;
    const jobs = this.#jobs;
    this.#jobs = [];
    return jobs;
  }

  receive(result: TransferResult): void {
    const listener = this.#listeners.get(result.id);
    const goesOn =
      result.kind === 'began' ||
      result.kind === 'ready' ||
      result.kind === 'changes' ||
      (result.kind === 'page' && !result.last);
    if (!goesOn) this.#listeners.delete(result.id);
    listener?.(result);
  }
}
