/**
 * What a case expects, and whether a run meets it.
 *
 * A history is a list of lines, one an event, beginning at event 2 (event 1 is ExecutionStarted):
 * `KIND MARK [LABEL] [<PARENT] [FIELD=VALUE…]`. Kinds: step, context, wait, callback, invoke,
 * invocation, execution. Marks: `+` started, `.` succeeded or completed, `!` failed, `~` timed out,
 * `x` stopped or cancelled. A label stands for an operation id: the same label, the same id. Values
 * are JSON, `*` (anything, but there), `/regular expression/`, or `@label` (the same value wherever
 * the label is used). The line `any` stands for an event nothing is said about.
 */
export interface Expectation {
  /** What the handler finds in its event's `Input`. */
  input: unknown;
  /** RUNNING: the history is looked at while the execution sleeps. */
  status: 'SUCCEEDED' | 'FAILED' | 'RUNNING';
  /** What the handler returns; absent when nothing is said about it. */
  result?: unknown;
  /** Answers from outside; a callback takes the first unused one whose name fits (`*`: any). */
  callbacks?: readonly CallbackAnswer[];
  /** How often a regular expression matches a line of the log. */
  logs?: readonly (readonly [string, number])[];
  history: readonly string[];
}

export interface CallbackAnswer {
  name: string;
  answer: 'succeed' | 'fail' | 'heartbeat';
  payload?: unknown;
  delaySeconds?: number;
}

/** A history event as the AWS SDK gives it, dates and all. */
export type Event = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, string>> = {
  step: 'Step',
  context: 'Context',
  wait: 'Wait',
  callback: 'Callback',
  invoke: 'ChainedInvoke',
  execution: 'Execution',
  invocation: 'Invocation',
};
const MARKS: Readonly<Record<string, string>> = {
  '+': 'Started',
  '.': 'Succeeded',
  '!': 'Failed',
  '~': 'TimedOut',
  x: 'Stopped',
};

/** What differs between a history and what is expected of it; empty when nothing does. */
export function differences(history: readonly Event[], expected: readonly string[]): string[] {
  const labels = new Map<string, unknown>();
  const found: string[] = [];
  for (const [index, line] of expected.entries()) {
    if (line === 'any') continue;
    const event = history.find((candidate) => candidate.EventId === index + 2);
    if (!event) {
      found.push(`event ${index + 2}: none, expected "${line}"`);
      continue;
    }
    for (const difference of eventDifferences(event, line, labels))
      found.push(`event ${index + 2}: ${difference}, expected "${line}"`);
  }
  return found;
}

function eventDifferences(event: Event, line: string, labels: Map<string, unknown>): string[] {
  const { type, label, parent, fields } = parseLine(line);
  if (event.EventType !== type) return [`is ${String(event.EventType)}`];
  const found: string[] = [];
  const details = (event[`${type}Details`] ?? {}) as Event;
  const same = (name: string, value: unknown): void => {
    if (labels.has(name) && labels.get(name) !== value) found.push(`${name} is another id`);
    labels.set(name, value);
  };
  if (label !== undefined) same(label, event.Id);
  if (parent !== undefined) same(parent, event.ParentId);
  for (const [field, value] of fields) {
    const actual = fieldOf(event, details, field);
    if (value.startsWith('@')) same(value, actual);
    else if (!fits(actual, value)) found.push(`${field} is ${JSON.stringify(actual)}`);
  }
  return found;
}

function fieldOf(event: Event, details: Event, field: string): unknown {
  const error = (details.Error as { Payload?: Event } | undefined)?.Payload;
  const retry = details.RetryDetails as Event | undefined;
  switch (field) {
    case 'name':
      return event.Name;
    case 'subType':
      return event.SubType;
    case 'errorType':
      return error?.ErrorType;
    case 'errorMessage':
      return error?.ErrorMessage;
    case 'attempt':
      return retry?.CurrentAttempt;
    case 'delay':
      return retry?.NextAttemptDelaySeconds;
    case 'Error':
      return details.Error;
    case 'Result':
    case 'Input':
      return (details[field] as { Payload?: unknown } | undefined)?.Payload ?? details[field];
    default:
      return details[field];
  }
}

function fits(actual: unknown, value: string): boolean {
  if (value === '*') return actual !== undefined;
  if (value.startsWith('/')) return new RegExp(value.slice(1, -1)).test(String(actual));
  return actual === JSON.parse(value);
}

interface Line {
  type: string;
  label?: string;
  parent?: string;
  fields: [string, string][];
}

function parseLine(line: string): Line {
  const head = /^([a-z]+)([+.!~x])/.exec(line);
  if (!head) throw new Error(`not an event: ${line}`);
  const kind = KINDS[head[1]!]!;
  const parsed: Line = {
    type: kind === 'Invocation' ? 'InvocationCompleted' : `${kind}${MARKS[head[2]!]!}`,
    fields: [],
  };
  const tokens = line
    .slice(head[0].length)
    .matchAll(/(?:(\w+)=(\/.*?\/|"(?:[^"\\]|\\.)*"|\S+))|(\S+)/g);
  for (const [, field, value, word] of tokens) {
    if (field !== undefined) parsed.fields.push([field, value!]);
    else if (word!.startsWith('<')) parsed.parent = word!.slice(1);
    else parsed.label = word!;
  }
  return parsed;
}
