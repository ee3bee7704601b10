/**
 * One durable execution in memory: exactly what the journal's records add up to. `apply.ts` is its
 * only writer.
 */
import type { KeptHistory } from './kept-history.ts';
import type {
  ErrorObject,
  EventType,
  ExecutionStatus,
  OperationStatus,
  OperationType,
} from './wire.ts';

/** One operation. Which of the optional fields are set depends on its type. */
export interface Operation {
  id: string;
  type: OperationType;
  status: OperationStatus;
  startedAt: number;
  parentId?: string;
  name?: string;
  subType?: string;
  endedAt?: number;
  /** Result of the operation; a step's state while it waits for its next attempt. */
  payload?: string;
  error?: ErrorObject;
  /** STEP: attempts that have ended. */
  attempt?: number;
  /** When its timer fires: end of a WAIT, next attempt of a STEP, timeout of a CALLBACK. */
  dueAt?: number;
  /** WAIT: what was asked for, in seconds, whatever the time scale. */
  waitSeconds?: number;
  /** CALLBACK: seconds between heartbeats, and when the next one is due. */
  heartbeatSeconds?: number;
  heartbeatDueAt?: number;
  /** CONTEXT: its children are sent to a replay although it has ended. */
  replayChildren?: boolean;
  /** CHAINED_INVOKE. */
  chained?: ChainedTarget;
}

/** What a chained invoke runs. `executionArn` is set when the target is durable. */
export interface ChainedTarget {
  functionName: string;
  version: string;
  payload?: string;
  tenantId?: string;
  executionArn?: string;
  /** The name asked for does not exist: the operation fails as soon as it has started. */
  unknown?: boolean;
}

/** One event of the history, `EventId` being its position plus one. */
export interface HistoryEvent {
  type: EventType;
  at: number;
  /** The operation it is about; absent for events of the execution and of invocations. */
  operationId?: string;
  payload?: string;
  error?: ErrorObject;
  attempt?: number;
  /** Until a step's next attempt, or the duration of a wait. */
  seconds?: number;
  dueAt?: number;
  heartbeatSeconds?: number;
  /** InvocationCompleted. */
  requestId?: string;
  startedAt?: number;
}

export type Execution = ExecutionFields & KeptHistory;

/** All of an execution but its operations and events. */
export interface ExecutionFields {
  /** Last part of the ARN; records name the execution by it. */
  id: string;
  arn: string;
  name: string;
  functionName: string;
  version: string;
  functionArn: string;
  input?: string;
  status: ExecutionStatus;
  startedAt: number;
  endedAt?: number;
  result?: string;
  error?: ErrorObject;
  timeoutSeconds: number;
  timeoutAt: number;
  retentionDays: number;
  /** The operation whose chained invoke this execution is. */
  parent?: { executionId: string; operationId: string };
  /** The execution this one was forked from. */
  forkedFrom?: string;
  /** Bytes of payloads written so far, against the storage limit. */
  storedBytes: number;
  /** The invocation that was begun and has not ended. */
  invocation?: { requestId: string; startedAt: number };
  /** Invocations that crashed since the last one that got anywhere. */
  failures: number;
  /** Not before this may the next invocation begin (backoff after a crash). */
  retryAt?: number;
  /** EXECUTION operation checkpointed: the outcome once the invocation has ended. */
  outcome?: { status: 'SUCCEEDED' | 'FAILED'; result?: string; error?: ErrorObject };
  /** An invocation is called for: the function has not been told of all there is. */
  due: boolean;
  /** Operations that ended from outside since the function was last told. */
  changed: Set<string>;
  /** Sequence number of the last record applied; makes a snapshot taken in slices exact. */
  sequence: number;
}

export function isOperationOpen(operation: Operation): boolean {
  return (
    operation.status === 'STARTED' || operation.status === 'PENDING' || operation.status === 'READY'
  );
}

/** When the next of the operation's timers fires, or undefined. */
export function operationDueAt(operation: Operation): number | undefined {
  if (!isOperationOpen(operation) || operation.status === 'READY') return undefined;
  const { dueAt, heartbeatDueAt } = operation;
  if (dueAt === undefined) return heartbeatDueAt;
  return heartbeatDueAt === undefined ? dueAt : Math.min(dueAt, heartbeatDueAt);
}
