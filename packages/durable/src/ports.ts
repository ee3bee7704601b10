/**
 * What the service needs from outside: time, randomness, a log, the functions and someone who runs
 * them. Nothing else in this package touches the wall clock, timers or random numbers.
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

/** An invocation's error as Lambda reports it. */
export interface InvocationError {
  errorType: string;
  errorMessage: string;
  stackTrace?: readonly string[];
}

export interface InvokeRequest {
  functionName: string;
  /** The numeric version or `$LATEST`: what `DurableFunctions.resolve` answered. */
  version: string;
  payload: Uint8Array;
  /** Set for an invocation of a durable function. */
  executionArn?: string;
  requestId: string;
  /** Aborted when the service closes; the answer is ignored from then on. */
  signal: AbortSignal;
  tenantId?: string;
}

export interface InvokeReply {
  payload?: Uint8Array;
  error?: InvocationError;
}

/**
 * Runs one invocation of a durable function, or a chained invocation of a plain one. Enforces the
 * function's own timeout. A rejection counts as a crashed invocation.
 */
export interface Invoker {
  invoke(request: InvokeRequest): Promise<InvokeReply>;
}

export interface ResolvedFunction {
  functionName: string;
  /** The exact version; an execution keeps it to its end. */
  version: string;
  /** Without version: `arn:aws:lambda:region:account:function:name`. */
  functionArn: string;
  /** Absent for a plain function. */
  durable?: {
    executionTimeoutSeconds: number;
    /** Days a finished execution is kept; default 14. */
    retentionDays?: number;
  };
}

/** The functions that exist, by name, `name:qualifier`, partial or full ARN. */
export interface DurableFunctions {
  resolve(nameOrArn: string, qualifier?: string): ResolvedFunction | undefined;
}
