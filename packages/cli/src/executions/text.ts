// How executions and their events are written for people.
import type { ErrorObject, HistoryEvent, ListedExecution } from './api.ts';

const ERROR_CHARS_MAX = 120;
/** The longest type, ChainedInvokeSucceeded; widths are fixed, for lines come one by one. */
const EVENT_CHARS = 22;
const DURATION_CHARS = 9;

/** Rows of equal columns, the last one ragged. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_cell, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** ISO 8601, UTC, of seconds since the epoch. */
export function timeText(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString();
}

export function durationText(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(2)} s`;
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}m${String(whole % 60).padStart(2, '0')}s`;
  return hours > 0 ? `${hours}h${rest}` : rest;
}

/** How long an execution took; empty while it runs. */
export function tookText({ StartTimestamp, EndTimestamp }: ListedExecution): string {
  return EndTimestamp === undefined ? '' : durationText(EndTimestamp - StartTimestamp);
}

/** The function's own name, out of its ARN. */
export function functionName(arn: string): string {
  return arn.split(':')[6] ?? arn;
}

/** `Type: message`, on one line of bounded length. */
export function errorText(error: ErrorObject | undefined): string {
  const text = [error?.ErrorType, error?.ErrorMessage].filter(Boolean).join(': ');
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > ERROR_CHARS_MAX ? `${line.slice(0, ERROR_CHARS_MAX - 1)}…` : line;
}

/** Writes events in their order, one line each, what is inside a context indented. */
export class HistoryLines {
  readonly #startedAt = new Map<string, number>();
  readonly #depth = new Map<string, number>();

  static readonly heading: string = [
    'TIME'.padEnd(24),
    'EVENT'.padEnd(EVENT_CHARS),
    'DURATION'.padStart(DURATION_CHARS),
    'NAME AND ERROR',
  ].join('  ');

  line(event: HistoryEvent): string {
    const { EventType: type, EventTimestamp: at, Id: id = '', Name: name, ParentId } = event;
    const details = event[`${type}Details`];
    const depth = ParentId === undefined ? 0 : (this.#depth.get(ParentId) ?? 0) + 1;
    this.#depth.set(id, depth);
    const startedAt = details?.StartTimestamp ?? this.#startedAt.get(id);
    // Each attempt of a step starts anew.
    if (type.endsWith('Started')) this.#startedAt.set(id, at);
    const took = type.endsWith('Started') || startedAt === undefined ? undefined : at - startedAt;
    const failure = errorText(details?.Error?.Payload);
    const what = [name ?? (type === 'InvocationCompleted' ? '' : id), failure].filter(Boolean);
    return [
      timeText(at),
      type.padEnd(EVENT_CHARS),
      (took === undefined ? '' : durationText(Math.max(0, took))).padStart(DURATION_CHARS),
      '  '.repeat(depth) + what.join('  '),
    ]
      .join('  ')
      .trimEnd();
  }
}
