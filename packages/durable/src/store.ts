/**
 * State and journal together. `commit` changes the state and queues the record in one step, so the
 * two never differ in order; nothing may be told to the outside before `journal.durable()` has
 * resolved, because only then would a restart tell the same.
 */
import { apply, stored } from './apply.ts';
import { DurableError } from './errors.ts';
import type { Execution } from './execution.ts';
import { Journal } from './journal.ts';
import type { JournalOptions } from './journal.ts';
import type { JournalRecord, NewRecord } from './records.ts';
import { Recovery } from './recovery.ts';
import { State } from './state.ts';

/** A journal below this is never compacted. */
const COMPACT_BYTES_MIN = 32 * 1024 * 1024;

export interface StoreOptions extends JournalOptions {
  compactBytesMin?: number;
}

export class Store {
  readonly state: State;
  readonly journal: Journal;
  readonly #options: StoreOptions;
  readonly #listeners = new Set<(execution: Execution, from: number) => void>();

  private constructor(state: State, journal: Journal, options: StoreOptions) {
    this.state = state;
    this.journal = journal;
    this.#options = options;
  }

  static async open(options: StoreOptions): Promise<Store> {
    const state = new State();
    const recovery = new Recovery(state);
    const journal = await Journal.open(options, (record) => recovery.take(record));
    recovery.finish();
    return new Store(state, journal, options);
  }

  /** Carries a record out and queues it for the disk. */
  commit(record: NewRecord): Execution {
    const before = this.state.executions.get(record.x);
    const numbered = { ...record, n: (before?.sequence ?? 0) + 1 } as JournalRecord;
    // The history of what is forgotten need not be built for that.
    const eventsBefore = record.k === 'forget' ? 0 : (before?.events.length ?? 0);
    const execution = apply(this.state, numbered);
    if (!execution) throw new Error(`record ${record.k} for an execution that does not exist`);
    this.journal.append(numbered);
    if (record.k !== 'forget' && execution.events.length > eventsBefore) {
      for (const listener of this.#listeners) listener(execution, eventsBefore);
    }
    if (this.journal.wantsCompaction(this.#options.compactBytesMin ?? COMPACT_BYTES_MIN)) {
      void this.compact();
    }
    return execution;
  }

  /** Resolves once everything committed is on the disk; refuses when the disk does. */
  async acknowledged(): Promise<void> {
    try {
      await this.journal.durable();
    } catch (error) {
      throw new DurableError('ServiceException', (error as Error).message, { cause: error });
    }
  }

  /** Refuses at once while the disk refuses, so that nothing more piles up. */
  assertWritable(): void {
    if (this.journal.stalled !== undefined)
      throw new DurableError('ServiceException', this.journal.stalled);
  }

  /** Tells of new history events, from the given index on. */
  watch(listener: (execution: Execution, from: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async compact(): Promise<void> {
    try {
      await this.journal.compact(this.#snapshot());
    } catch (error) {
      this.#options.log('error', `the journal was not compacted: ${(error as Error).message}`);
    }
  }

  *#snapshot(): Iterable<JournalRecord> {
    for (const execution of this.state.executions.values()) {
      yield {
        k: 'state',
        x: execution.id,
        t: this.#options.clock.now(),
        n: execution.sequence,
        execution: stored(execution),
      };
    }
  }
}
