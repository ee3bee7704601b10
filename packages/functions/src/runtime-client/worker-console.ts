/**
 * `console` of a worker: Lambda's text lines (`time<TAB>request id<TAB>level<TAB>message`, with a
 * carriage return for each line break inside one message) or its JSON objects, by
 * AWS_LAMBDA_LOG_FORMAT; below AWS_LAMBDA_LOG_LEVEL nothing is written.
 */
import { writeSync } from 'node:fs';
import { format } from 'node:util';

import { errorObject } from './runtime-errors.ts';

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type Level = (typeof LEVELS)[number];

export interface ConsoleOptions {
  json: boolean;
  /** Undefined outside an invocation. */
  requestId: () => string | undefined;
  tenantId: () => string | undefined;
  minimum: Level;
}

export type WriteLog = (level: Level, args: readonly unknown[]) => void;

/** Replaces the logging methods of `console`; answers the function behind them. */
export function patchConsole(options: ConsoleOptions): WriteLog {
  const write: WriteLog = (level, args) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(options.minimum)) return;
    const line = options.json ? jsonLine(level, args, options) : textLine(level, args, options);
    writeAll(`${line}\n`);
  };
  const methods = {
    trace: 'TRACE',
    debug: 'DEBUG',
    log: 'INFO',
    info: 'INFO',
    warn: 'WARN',
    error: 'ERROR',
    fatal: 'FATAL',
  } as const;
  for (const [name, level] of Object.entries(methods))
    Object.assign(console, { [name]: (...args: unknown[]) => write(level, args) });
  return write;
}

export function levelOf(text: string | undefined): Level {
  return LEVELS.find((level) => level === text?.toUpperCase()) ?? 'TRACE';
}

function textLine(level: Level, args: readonly unknown[], options: ConsoleOptions): string {
  const message = format(...args).replaceAll('\n', '\r');
  const fields = [new Date().toISOString(), options.requestId() ?? 'undefined', level, message];
  const tenantId = options.tenantId();
  if (tenantId !== undefined) fields.splice(2, 0, tenantId);
  return fields.join('\t');
}

function jsonLine(level: Level, args: readonly unknown[], options: ConsoleOptions): string {
  const [first] = args;
  const message = args.length === 1 && typeof first === 'object' && first !== null;
  const error = args.find((arg) => arg instanceof Error);
  const tenantId = options.tenantId();
  const record = {
    timestamp: new Date().toISOString(),
    level,
    requestId: options.requestId(),
    ...(tenantId === undefined ? {} : { tenantId }),
    message: message && error === undefined ? first : format(...args),
    ...(error === undefined ? {} : withTrace(error)),
  };
  try {
    return JSON.stringify(record);
  } catch {
    // A cycle or a BigInt: as text then.
    return JSON.stringify({ ...record, message: format(...args) });
  }
}

function withTrace(error: Error): Record<string, unknown> {
  const { errorType, errorMessage, trace } = errorObject(error);
  return { errorType, errorMessage, stackTrace: trace.slice(1).map((line) => line.trim()) };
}

/** The pipe blocks, but a handler may have switched that off: try again until all is written. */
function writeAll(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.byteLength;) {
    try {
      at += writeSync(1, bytes, at);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(WAIT, 0, 0, 1);
    }
  }
}

const WAIT = new Int32Array(new SharedArrayBuffer(4));
