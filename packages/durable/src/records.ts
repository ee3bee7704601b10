/**
 * The journal's records. Each says what happened to one execution (`x`), when (`t`, milliseconds)
 * and as which record of that execution (`n`, counting up): a snapshot holds states up to some `n`,
 * and records up to it are skipped.
 */
import type { ChainedTarget, ExecutionFields, HistoryEvent, Operation } from './execution.ts';
import type { InvocationError } from './ports.ts';
import type { ErrorObject, ExecutionStatus, OperationUpdate } from './wire.ts';

interface RecordBase {
  x: string;
  t: number;
  n: number;
}

/** An execution began. */
export interface StartRecord extends RecordBase {
  k: 'start';
  arn: string;
  name: string;
  functionName: string;
  version: string;
  functionArn: string;
  input?: string;
  timeoutSeconds: number;
  timeoutAt: number;
  retentionDays: number;
  parent?: { executionId: string; operationId: string };
  /** Operations taken over from another execution, all of them ended. */
  fork?: { from: string; operations: Operation[]; events: HistoryEvent[] };
}

/** An invocation was handed to a worker. */
export interface InvokeRecord extends RecordBase {
  k: 'invoke';
  requestId: string;
}

/** A checkpoint was accepted. */
export interface CheckpointRecord extends RecordBase {
  k: 'checkpoint';
  updates: RecordedUpdate[];
  /** Milliseconds a second of waiting takes: 1000 unless time is scaled. */
  secondMs: number;
  /** What the chained invokes among the updates run, by operation. */
  chained?: Record<string, ChainedTarget>;
}

/** An update as it came, or with the START that came right before it folded in. */
export type RecordedUpdate = OperationUpdate & { started?: true };

/** Timers of these operations were due. */
export interface TimerRecord extends RecordBase {
  k: 'timer';
  operations: string[];
}

/** Somebody answered a callback. */
export interface CallbackRecord extends RecordBase {
  k: 'callback';
  operation: string;
  answer: 'succeed' | 'fail' | 'heartbeat';
  payload?: string;
  error?: ErrorObject;
  heartbeatDueAt?: number;
}

/** A chained invoke ended. */
export interface ChainedRecord extends RecordBase {
  k: 'chained';
  operation: string;
  status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'STOPPED';
  payload?: string;
  error?: ErrorObject;
}

/** An invocation ended, with `error` when it crashed; `retryAt` is when the next may begin. */
export interface InvokedRecord extends RecordBase {
  k: 'invoked';
  requestId: string;
  startedAt: number;
  error?: InvocationError;
  /** The crash counts against the limit of crashes in a row. */
  counts?: boolean;
  /** Another invocation is called for. */
  again?: boolean;
  retryAt?: number;
}

/** The execution ended. */
export interface EndRecord extends RecordBase {
  k: 'end';
  status: Exclude<ExecutionStatus, 'RUNNING'>;
  result?: string;
  error?: ErrorObject;
}

/** The execution's retention is over. */
export interface ForgetRecord extends RecordBase {
  k: 'forget';
}

/** A whole execution as of record `n`: what a snapshot is made of. */
export interface StateRecord extends RecordBase {
  k: 'state';
  execution: StoredExecution;
}

/** An `Execution` with its operations and events as text, so that they need not be read at once. */
export type StoredExecution = Omit<ExecutionFields, 'changed'> & {
  changed: string[];
  history: string;
};

export type JournalRecord =
  | StartRecord
  | InvokeRecord
  | CheckpointRecord
  | TimerRecord
  | CallbackRecord
  | ChainedRecord
  | InvokedRecord
  | EndRecord
  | ForgetRecord
  | StateRecord;

/** A record before it is numbered. */
export type NewRecord = JournalRecord extends infer R
  ? R extends JournalRecord
    ? Omit<R, 'n'>
    : never
  : never;
