/** The part of `apply` that changes operations: checkpoint updates, timers, answers from outside. */
import type { ChainedTarget, Execution, HistoryEvent, Operation } from './execution.ts';
import { isOperationOpen } from './execution.ts';
import type { CheckpointRecord } from './records.ts';
import type {
  ErrorObject,
  EventType,
  OperationAction,
  OperationType,
  OperationUpdate,
} from './wire.ts';

/** Error types of callbacks that nobody answered in time. */
const CALLBACK_TIMEOUT: ErrorObject = {
  ErrorType: 'Callback.Timeout',
  ErrorMessage: 'Callback timed out',
};
const CALLBACK_HEARTBEAT: ErrorObject = {
  ErrorType: 'Callback.Heartbeat',
  ErrorMessage: 'Callback timed out on heartbeat',
};

export function applyUpdate(
  execution: Execution,
  update: OperationUpdate,
  action: OperationAction,
  record: CheckpointRecord,
): void {
  if (action !== 'START') execution.failures = 0;
  if (update.Type === 'EXECUTION') {
    execution.outcome =
      action === 'FAIL'
        ? { status: 'FAILED', error: update.Error ?? {} }
        : {
            status: 'SUCCEEDED',
            ...(update.Payload === undefined ? {} : { result: update.Payload }),
          };
    return;
  }
  const at = record.t;
  const operation = execution.operations.get(update.Id) ?? create(execution, update, at);
  switch (action) {
    case 'START':
      begin(execution, operation, update, record);
      return;
    case 'RETRY':
      retry(execution, operation, update, record);
      return;
    case 'CANCEL':
      settle(execution, operation, 'CANCELLED', { at, error: update.Error });
      return;
    case 'SUCCEED':
      if (update.ContextOptions?.ReplayChildren) operation.replayChildren = true;
      settle(execution, operation, 'SUCCEEDED', { at, payload: update.Payload });
      return;
    case 'FAIL':
      settle(execution, operation, 'FAILED', { at, error: update.Error ?? {} });
      return;
  }
}

/** Ends waits, readies steps and gives callbacks up, as far as they are due at `at`. */
export function fireTimers(execution: Execution, ids: readonly string[], at: number): void {
  for (const id of ids) {
    const operation = execution.operations.get(id);
    if (!operation || !isOperationOpen(operation)) continue;
    switch (operation.type) {
      case 'WAIT':
        settle(execution, operation, 'SUCCEEDED', { at });
        break;
      case 'STEP':
        operation.status = 'READY';
        break;
      case 'CALLBACK': {
        const overall = operation.dueAt !== undefined && operation.dueAt <= at;
        settle(execution, operation, 'TIMED_OUT', {
          at,
          error: overall ? CALLBACK_TIMEOUT : CALLBACK_HEARTBEAT,
        });
        break;
      }
      case 'EXECUTION':
      case 'CONTEXT':
      case 'CHAINED_INVOKE':
        continue;
    }
    execution.changed.add(id);
  }
}

/** Ends an operation and says so in the history. */
export function settle(
  execution: Execution,
  operation: Operation,
  status: 'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT' | 'STOPPED',
  o: { at: number; payload?: string | undefined; error?: ErrorObject | undefined },
): void {
  operation.status = status;
  operation.endedAt = o.at;
  delete operation.payload;
  delete operation.error;
  if (o.payload !== undefined) operation.payload = o.payload;
  if (o.error !== undefined) operation.error = o.error;
  if (operation.type === 'STEP') operation.attempt = (operation.attempt ?? 0) + 1;
  const type = END_EVENTS[operation.type][status];
  if (type === undefined) return;
  const event: HistoryEvent = { type, at: o.at, operationId: operation.id };
  if (o.payload !== undefined) event.payload = o.payload;
  if (o.error !== undefined) event.error = o.error;
  if (operation.type === 'STEP') event.attempt = operation.attempt!;
  if (operation.waitSeconds !== undefined) event.seconds = operation.waitSeconds;
  execution.events.push(event);
}

const END_EVENTS: Readonly<
  Record<
    OperationType,
    Partial<Record<'SUCCEEDED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT' | 'STOPPED', EventType>>
  >
> = {
  EXECUTION: {},
  CONTEXT: { SUCCEEDED: 'ContextSucceeded', FAILED: 'ContextFailed' },
  STEP: { SUCCEEDED: 'StepSucceeded', FAILED: 'StepFailed' },
  WAIT: { SUCCEEDED: 'WaitSucceeded', CANCELLED: 'WaitCancelled' },
  CALLBACK: {
    SUCCEEDED: 'CallbackSucceeded',
    FAILED: 'CallbackFailed',
    TIMED_OUT: 'CallbackTimedOut',
  },
  CHAINED_INVOKE: {
    SUCCEEDED: 'ChainedInvokeSucceeded',
    FAILED: 'ChainedInvokeFailed',
    TIMED_OUT: 'ChainedInvokeTimedOut',
    STOPPED: 'ChainedInvokeStopped',
  },
};

function create(execution: Execution, update: OperationUpdate, at: number): Operation {
  const operation: Operation = {
    id: update.Id,
    type: update.Type,
    status: 'STARTED',
    startedAt: at,
  };
  if (update.ParentId !== undefined) operation.parentId = update.ParentId;
  if (update.Name !== undefined) operation.name = update.Name;
  if (update.SubType !== undefined) operation.subType = update.SubType;
  execution.operations.set(operation.id, operation);
  return operation;
}

function begin(
  execution: Execution,
  operation: Operation,
  update: OperationUpdate,
  record: CheckpointRecord,
): void {
  const at = record.t;
  operation.status = 'STARTED';
  delete operation.dueAt;
  const event: HistoryEvent = { type: 'StepStarted', at, operationId: operation.id };
  switch (operation.type) {
    case 'STEP':
    case 'EXECUTION':
      break;
    case 'CONTEXT':
      event.type = 'ContextStarted';
      break;
    case 'WAIT': {
      event.type = 'WaitStarted';
      const seconds = update.WaitOptions?.WaitSeconds ?? 0;
      operation.waitSeconds = seconds;
      operation.dueAt = at + seconds * record.secondMs;
      event.seconds = seconds;
      event.dueAt = operation.dueAt;
      break;
    }
    case 'CALLBACK': {
      event.type = 'CallbackStarted';
      const timeout = update.CallbackOptions?.TimeoutSeconds ?? 0;
      const heartbeat = update.CallbackOptions?.HeartbeatTimeoutSeconds ?? 0;
      if (timeout > 0) {
        operation.dueAt = at + timeout * record.secondMs;
        event.seconds = timeout;
      }
      if (heartbeat > 0) {
        operation.heartbeatSeconds = heartbeat;
        operation.heartbeatDueAt = at + heartbeat * record.secondMs;
        event.heartbeatSeconds = heartbeat;
      }
      break;
    }
    case 'CHAINED_INVOKE': {
      event.type = 'ChainedInvokeStarted';
      const target: ChainedTarget = { ...record.chained![operation.id]! };
      if (update.Payload !== undefined) target.payload = update.Payload;
      operation.chained = target;
      if (target.payload !== undefined) event.payload = target.payload;
      break;
    }
  }
  execution.events.push(event);
}

/** A step ended an attempt and asks for another: with an error, or with a state to go on from. */
function retry(
  execution: Execution,
  operation: Operation,
  update: OperationUpdate,
  record: CheckpointRecord,
): void {
  const at = record.t;
  const seconds = update.StepOptions?.NextAttemptDelaySeconds ?? 0;
  operation.status = 'PENDING';
  operation.attempt = (operation.attempt ?? 0) + 1;
  operation.dueAt = at + seconds * record.secondMs;
  const event: HistoryEvent = {
    type: update.Error === undefined ? 'StepSucceeded' : 'StepFailed',
    at,
    operationId: operation.id,
    attempt: operation.attempt,
    seconds,
  };
  delete operation.error;
  if (update.Payload !== undefined) event.payload = operation.payload = update.Payload;
  if (update.Error !== undefined) event.error = operation.error = update.Error;
  execution.events.push(event);
}
