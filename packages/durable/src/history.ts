/** An execution's history as `GetDurableExecutionHistory` answers it: all 24 event types. */
import { callbackId } from './arn.ts';
import type { Execution, HistoryEvent, Operation } from './execution.ts';
import { epochSeconds } from './render.ts';
import type { Json } from './render.ts';

/**
 * Events `from` (0-based) on, `EventId` counting from 1. Without `data` payloads are left out and
 * marked as truncated.
 */
export function historyPage(
  execution: Execution,
  o: { from: number; itemsMax: number; reverse: boolean; data: boolean },
): { events: Json[]; next: string | undefined } {
  const total = execution.events.length;
  const events: Json[] = [];
  let at = o.from;
  for (; at < total && events.length < o.itemsMax; at++) {
    events.push(eventJson(execution, o.reverse ? total - 1 - at : at, o.data));
  }
  return { events, next: at < total ? String(at) : undefined };
}

/** The event at `index` of the execution's history. */
export function eventJson(execution: Execution, index: number, data: boolean): Json {
  const event = execution.events[index]!;
  const operation =
    event.operationId === undefined ? undefined : execution.operations.get(event.operationId);
  return {
    EventType: event.type,
    SubType: operation?.subType,
    EventId: index + 1,
    Id: event.operationId ?? (isOfExecution(event) ? execution.id : undefined),
    Name: operation ? operation.name : isOfExecution(event) ? execution.name : undefined,
    EventTimestamp: epochSeconds(event.at),
    ParentId: operation?.parentId,
    [`${event.type}Details`]: details(execution, event, operation, data),
  };
}

function isOfExecution(event: HistoryEvent): boolean {
  return event.type.startsWith('Execution');
}

function details(
  execution: Execution,
  event: HistoryEvent,
  operation: Operation | undefined,
  data: boolean,
): Json {
  const payload = data
    ? { Payload: event.payload, Truncated: false }
    : { Truncated: event.payload !== undefined };
  const error = data
    ? { Payload: event.error ?? {}, Truncated: false }
    : { Truncated: event.error !== undefined };
  switch (event.type) {
    case 'ExecutionStarted':
      return { Input: payload, ExecutionTimeout: event.seconds };
    case 'StepStarted':
    case 'ContextStarted':
      return {};
    case 'StepSucceeded':
      return { Result: payload, RetryDetails: retryDetails(event) };
    case 'StepFailed':
      return { Error: error, RetryDetails: retryDetails(event) };
    case 'WaitStarted':
      return {
        Duration: event.seconds,
        ScheduledEndTimestamp: epochSeconds(event.dueAt ?? event.at),
      };
    case 'WaitSucceeded':
      return { Duration: event.seconds };
    case 'WaitCancelled':
      return event.error ? { Error: error } : {};
    case 'CallbackStarted':
      return {
        CallbackId: callbackId(execution.id, event.operationId!),
        HeartbeatTimeout: event.heartbeatSeconds,
        Timeout: event.seconds,
      };
    case 'ChainedInvokeStarted': {
      const target = operation?.chained;
      return {
        FunctionName: target?.functionName,
        TenantId: target?.tenantId,
        Input: payload,
        ExecutedVersion: target?.version,
        DurableExecutionArn: target?.executionArn,
      };
    }
    case 'InvocationCompleted':
      return {
        StartTimestamp: epochSeconds(event.startedAt ?? event.at),
        EndTimestamp: epochSeconds(event.at),
        RequestId: event.requestId,
        Error: event.error ? error : undefined,
      };
    case 'ExecutionSucceeded':
    case 'ContextSucceeded':
    case 'CallbackSucceeded':
    case 'ChainedInvokeSucceeded':
      return { Result: payload };
    case 'ExecutionFailed':
    case 'ExecutionStopped':
    case 'ExecutionTimedOut':
    case 'ContextFailed':
    case 'CallbackFailed':
    case 'CallbackTimedOut':
    case 'ChainedInvokeFailed':
    case 'ChainedInvokeStopped':
    case 'ChainedInvokeTimedOut':
      return { Error: error };
  }
}

function retryDetails(event: HistoryEvent): Json {
  return { CurrentAttempt: event.attempt, NextAttemptDelaySeconds: event.seconds };
}
