/**
 * Operations and executions as JSON. Time stamps are epoch seconds in API answers (rest-json's
 * default) and ISO 8601 text in the event of an invocation, where the SDK reads a number as
 * milliseconds.
 */
import { callbackId } from './arn.ts';
import type { Execution, Operation } from './execution.ts';

export type Json = Record<string, unknown>;
export type TimeStyle = (ms: number) => string | number;

export const epochSeconds: TimeStyle = (ms) => ms / 1000;

/** Times of one event are close together: all of a second but its milliseconds is written once. */
let second = NaN;
let untilSecond = '';
export const isoText: TimeStyle = (ms) => {
  const seconds = Math.floor(ms / 1000);
  if (seconds !== second) {
    second = seconds;
    untilSecond = new Date(seconds * 1000).toISOString().slice(0, -4);
  }
  return `${untilSecond}${String(Math.floor(ms - seconds * 1000)).padStart(3, '0')}Z`;
};

/** An operation as the SDK replays it. */
export function operationJson(execution: Execution, operation: Operation, time: TimeStyle): Json {
  const json: Json = {
    Id: operation.id,
    ParentId: operation.parentId,
    Name: operation.name,
    Type: operation.type,
    SubType: operation.subType,
    StartTimestamp: time(operation.startedAt),
    EndTimestamp: operation.endedAt === undefined ? undefined : time(operation.endedAt),
    Status: operation.status,
  };
  const outcome = { Result: operation.payload, Error: operation.error };
  const dueAt = operation.dueAt === undefined ? undefined : time(operation.dueAt);
  switch (operation.type) {
    case 'CONTEXT':
      json.ContextDetails = { ...outcome, ReplayChildren: operation.replayChildren };
      break;
    case 'STEP':
      json.StepDetails = {
        ...outcome,
        Attempt: operation.attempt ?? 0,
        NextAttemptTimestamp: operation.status === 'PENDING' ? dueAt : undefined,
      };
      break;
    case 'WAIT':
      json.WaitDetails = { ScheduledEndTimestamp: dueAt };
      break;
    case 'CALLBACK':
      json.CallbackDetails = { ...outcome, CallbackId: callbackId(execution.id, operation.id) };
      break;
    case 'CHAINED_INVOKE':
      json.ChainedInvokeDetails = outcome;
      break;
    case 'EXECUTION':
      break;
  }
  return json;
}

/** The EXECUTION operation: always the first one a function gets; it carries the input. */
export function executionOperationJson(execution: Execution, time: TimeStyle): Json {
  return {
    Id: execution.id,
    Name: execution.name,
    Type: 'EXECUTION',
    StartTimestamp: time(execution.startedAt),
    Status: 'STARTED',
    ExecutionDetails: { InputPayload: execution.input },
  };
}

/**
 * The operations a replay needs, in the order they were started: what is below a context that has
 * ended is left out, unless the context asked to have its children replayed.
 */
export function replayOperations(execution: Execution): Operation[] {
  const hidden = new Set<string>();
  const visible: Operation[] = [];
  for (const operation of execution.operations.values()) {
    const below = operation.parentId !== undefined && hidden.has(operation.parentId);
    const closed =
      operation.type === 'CONTEXT' &&
      operation.endedAt !== undefined &&
      operation.replayChildren !== true;
    if (below || closed) hidden.add(operation.id);
    if (!below) visible.push(operation);
  }
  return visible;
}

/** One page of operations. The marker is the position of the next one, as text. */
export function operationPage(
  execution: Execution,
  o: { marker: number; itemsMax: number; bytesMax: number; time: TimeStyle },
): { operations: Json[]; next: string } {
  const all = replayOperations(execution);
  const operations: Json[] = [];
  let bytes = 0;
  let at = o.marker;
  for (; at <= all.length && operations.length < o.itemsMax; at++) {
    // Position 0 is the EXECUTION itself.
    const operation = at === 0 ? undefined : all[at - 1]!;
    const size =
      300 +
      (operation
        ? (operation.payload?.length ?? 0) +
          (operation.error === undefined ? 0 : JSON.stringify(operation.error).length)
        : (execution.input?.length ?? 0));
    if (operations.length > 0 && bytes + size > o.bytesMax) break;
    bytes += size;
    operations.push(
      operation
        ? operationJson(execution, operation, o.time)
        : executionOperationJson(execution, o.time),
    );
  }
  return { operations, next: at <= all.length ? String(at) : '' };
}
