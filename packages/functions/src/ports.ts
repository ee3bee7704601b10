/**
 * What the host needs from outside: time, randomness and a log. Nothing else in this package
 * touches the wall clock, timers or random numbers; the worker side runs in its own process and
 * lives on that process's clock.
 */

/** Milliseconds since the epoch, and one-shot timers on the same time line. */
export interface Clock {
  now(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** Unguessable identifiers. */
export interface Random {
  /** A version 4 UUID. */
  uuid(): string;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** One line: the message and its fields, both for people. */
export type Log = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;
