/**
 * Operations and events of an execution, kept in one of three ways until somebody asks for them:
 * - built: as objects, of executions that run;
 * - as one JSON text, a quarter of the memory: of executions that have ended or sleep for long;
 * - as the journal's records that follow what is built, for executions that had ended when the journal
 *   was read: most are never looked at again.
 */
import type { ExecutionFields, HistoryEvent, Operation } from './execution.ts';

interface Built {
  operations: Map<string, Operation>;
  events: HistoryEvent[];
}

interface HistoryText {
  operations: Operation[];
  events: HistoryEvent[];
}

export class KeptHistory {
  #built: Built | undefined;
  #text: string | undefined;
  /** Brings what is built up to date. */
  #catchUp: (() => void) | undefined;

  constructor(history: Built | string) {
    if (typeof history === 'string') this.#text = history;
    else this.#built = history;
  }

  /** In the order they were started. */
  get operations(): Map<string, Operation> {
    return this.#build().operations;
  }

  get events(): HistoryEvent[] {
    return this.#build().events;
  }

  /** Operations and events as text, whichever way they are kept. */
  historyText(): string {
    if (this.#text !== undefined) return this.#text;
    const { operations, events } = this.#build();
    const history: HistoryText = { operations: [...operations.values()], events };
    return JSON.stringify(history);
  }

  /** Puts operations and events away. What was taken from them before is no longer part of it. */
  putAway(): void {
    this.#text = this.historyText();
    this.#built = undefined;
  }

  /** Leaves it to the first who asks to bring the history up to date. */
  catchUpLater(catchUp: () => void): void {
    this.#catchUp = catchUp;
  }

  /** Now, because more is to follow. */
  catchUp(): void {
    const catchUp = this.#catchUp;
    this.#catchUp = undefined;
    catchUp?.();
  }

  #build(): Built {
    this.catchUp();
    if (this.#built) return this.#built;
    const { operations, events } = JSON.parse(this.#text!) as HistoryText;
    this.#text = undefined;
    this.#built = { operations: new Map(operations.map((one) => [one.id, one])), events };
    return this.#built;
  }
}

/** An execution of its fields and its history. */
export function withHistory(
  fields: ExecutionFields,
  history: Built | string,
): ExecutionFields & KeptHistory {
  return Object.assign(new KeptHistory(history), fields);
}
