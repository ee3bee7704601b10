/**
 * Executions that have ended keep their operations and events as one JSON text until somebody asks:
 * a quarter of the memory, and a restart reads them back without building them.
 *
 * A cold execution has accessors in place of `operations` and `events`; the first use makes it an
 * ordinary one again. They are not enumerable, so that copying an execution does not warm it.
 */
import type { Execution, HistoryEvent, Operation } from './execution.ts';

interface History {
  operations: Operation[];
  events: HistoryEvent[];
}

const texts = new WeakMap<Execution, string>();

/** Operations and events as text, whatever state the execution is in. */
export function historyText(execution: Execution): string {
  const text = texts.get(execution);
  if (text !== undefined) return text;
  const history: History = {
    operations: [...execution.operations.values()],
    events: execution.events,
  };
  return JSON.stringify(history);
}

/** Puts operations and events away. */
export function cool(execution: Execution): void {
  coolAs(execution, historyText(execution));
}

/** Makes an execution of everything else and the text of its history. */
export function withHistory(
  rest: Omit<Execution, 'operations' | 'events'>,
  text: string,
): Execution {
  const execution = rest as Execution;
  coolAs(execution, text);
  if (execution.status === 'RUNNING') warm(execution);
  return execution;
}

function coolAs(execution: Execution, text: string): void {
  texts.set(execution, text);
  for (const field of ['operations', 'events'] as const) {
    Object.defineProperty(execution, field, {
      configurable: true,
      enumerable: false,
      get: () => warm(execution)[field],
    });
  }
}

function warm(execution: Execution): Execution {
  const { operations, events } = JSON.parse(texts.get(execution)!) as History;
  texts.delete(execution);
  const field = { configurable: true, enumerable: true, writable: true };
  Object.defineProperty(execution, 'operations', {
    ...field,
    value: new Map(operations.map((operation) => [operation.id, operation])),
  });
  Object.defineProperty(execution, 'events', { ...field, value: events });
  return execution;
}
