/**
 * Makes the state out of the journal's records. Records of an execution change nothing else, so
 * they wait, as the bytes they are, until it is known whether it has ended: one that has needs its
 * last words only, and the rest when somebody looks at its history.
 */
import { apply, applyEnd } from './apply.ts';
import type { Execution } from './execution.ts';
import type { EndRecord, JournalRecord } from './records.ts';
import type { State } from './state.ts';

/** As every record begins. */
const HEAD = /^\{"k":"([a-z]+)","x":"([\w-]+)"/;
const HEAD_BYTES = 120;
const LINE_FEED = 0x0a;

export class Recovery {
  readonly #state: State;
  /** Of executions that have not ended so far. */
  readonly #waiting = new Map<string, Buffer[]>();

  constructor(state: State) {
    this.#state = state;
  }

  /** The next record, as JSON. */
  take(bytes: Buffer): void {
    const head = HEAD.exec(bytes.toString('latin1', 0, HEAD_BYTES));
    const [, kind, id = ''] = head ?? [];
    const execution = this.#state.executions.get(id);
    if (!execution || execution.status !== 'RUNNING' || kind === 'forget') {
      // Of one that had ended: an invocation that was still running when it was stopped.
      if (kind !== 'forget') execution?.catchUp();
      apply(this.#state, parsed(bytes));
      if (kind === 'forget') this.#waiting.delete(id);
      return;
    }
    const waiting = this.#waiting.get(id);
    if (waiting) waiting.push(bytes);
    else this.#waiting.set(id, [bytes]);
    if (kind === 'end') this.#ended(execution, parsed(bytes) as EndRecord);
  }

  /** To be called after the last record. */
  finish(): void {
    for (const [id, waiting] of this.#waiting) {
      for (const bytes of waiting) apply(this.#state, parsed(bytes));
      this.#waiting.delete(id);
    }
  }

  #ended(execution: Execution, end: EndRecord): void {
    const { id, sequence } = execution;
    if (end.n <= sequence) return;
    // One copy, so that the segment's bytes can go.
    const records = joined(this.#waiting.get(id)!);
    this.#waiting.delete(id);
    applyEnd(execution, end);
    execution.sequence = end.n;
    execution.catchUpLater(() => {
      execution.sequence = sequence;
      for (const bytes of lines(records)) apply(this.#state, parsed(bytes));
    });
  }
}

function parsed(bytes: Buffer): JournalRecord {
  return JSON.parse(bytes.toString()) as JournalRecord;
}

/** JSON holds no line feed of its own. */
function joined(records: readonly Buffer[]): Buffer {
  const all = Buffer.allocUnsafeSlow(records.reduce((sum, { length }) => sum + length + 1, 0));
  let at = 0;
  for (const bytes of records) {
    at += bytes.copy(all, at);
    all[at++] = LINE_FEED;
  }
  return all;
}

function* lines(records: Buffer): Iterable<Buffer> {
  for (let at = 0; at < records.length;) {
    const end = records.indexOf(LINE_FEED, at);
    yield records.subarray(at, end);
    at = end + 1;
  }
}
