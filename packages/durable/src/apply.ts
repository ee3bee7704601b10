/**
 * `apply(state, record)`: the only code that changes an execution. It is deterministic and takes
 * everything from the record, so that reading the journal from its start gives the same state as
 * having lived through it. Records are checked before they are written (`check-updates.ts`), never here.
 */
import { applyUpdate, fireTimers, settle } from './apply-operation.ts';
import type { Execution, HistoryEvent } from './execution.ts';
import { withHistory } from './kept-history.ts';
import type {
  CallbackRecord,
  ChainedRecord,
  EndRecord,
  InvokedRecord,
  JournalRecord,
  StartRecord,
  StoredExecution,
} from './records.ts';
import type { State } from './state.ts';
import type { EventType } from './wire.ts';

/**
 * Carries a record out. Returns the execution concerned, or undefined when the record is about one
 * that is gone, or is contained in the state already.
 */
export function apply(state: State, record: JournalRecord): Execution | undefined {
  if (record.k === 'start') {
    if (state.executions.has(record.x)) return undefined;
    const execution = started(record);
    state.add(execution);
    return execution;
  }
  if (record.k === 'state') {
    const execution = restored(record.execution);
    state.add(execution);
    return execution;
  }
  const execution = state.executions.get(record.x);
  if (!execution || record.n <= execution.sequence) return undefined;
  execution.sequence = record.n;
  switch (record.k) {
    case 'invoke':
      execution.invocation = { requestId: record.requestId, startedAt: record.t };
      execution.changed.clear();
      execution.due = false;
      delete execution.retryAt;
      break;
    case 'checkpoint':
      execution.changed.clear();
      execution.due = false;
      for (const update of record.updates) {
        execution.storedBytes += update.Payload?.length ?? 0;
        if (update.started) applyUpdate(execution, update, 'START', record);
        applyUpdate(execution, update, update.Action, record);
      }
      break;
    case 'timer':
      fireTimers(execution, record.operations, record.t);
      execution.due = true;
      break;
    case 'callback':
      answered(execution, record);
      break;
    case 'chained':
      chainedEnded(execution, record);
      break;
    case 'invoked':
      invoked(execution, record);
      break;
    case 'end':
      ended(execution, record);
      break;
    case 'forget':
      state.remove(execution);
      break;
  }
  return execution;
}

/** The execution as a snapshot holds it. */
export function stored(execution: Execution): StoredExecution {
  // First, for it may bring the rest up to date.
  const history = execution.historyText();
  return { ...execution, changed: [...execution.changed], history };
}

function restored({ history, ...from }: StoredExecution): Execution {
  return withHistory({ ...from, changed: new Set(from.changed) }, history);
}

function started(record: StartRecord): Execution {
  const fields = {
    id: record.x,
    arn: record.arn,
    name: record.name,
    functionName: record.functionName,
    version: record.version,
    functionArn: record.functionArn,
    ...(record.input === undefined ? {} : { input: record.input }),
    status: 'RUNNING' as const,
    startedAt: record.t,
    timeoutSeconds: record.timeoutSeconds,
    timeoutAt: record.timeoutAt,
    retentionDays: record.retentionDays,
    ...(record.parent === undefined ? {} : { parent: record.parent }),
    ...(record.fork === undefined ? {} : { forkedFrom: record.fork.from }),
    storedBytes: record.input?.length ?? 0,
    failures: 0,
    due: true,
    changed: new Set<string>(),
    sequence: record.n,
  };
  return withHistory(fields, {
    operations: new Map(
      (record.fork?.operations ?? []).map((operation) => [operation.id, { ...operation }]),
    ),
    events: [
      {
        type: 'ExecutionStarted',
        at: record.t,
        ...(record.input === undefined ? {} : { payload: record.input }),
        seconds: record.timeoutSeconds,
      },
      ...(record.fork?.events ?? []),
    ],
  });
}

function answered(execution: Execution, record: CallbackRecord): void {
  const operation = execution.operations.get(record.operation)!;
  if (record.answer === 'heartbeat') {
    if (record.heartbeatDueAt !== undefined) operation.heartbeatDueAt = record.heartbeatDueAt;
    return;
  }
  if (record.answer === 'succeed') {
    settle(execution, operation, 'SUCCEEDED', { at: record.t, payload: record.payload });
  } else {
    settle(execution, operation, 'FAILED', { at: record.t, error: record.error ?? {} });
  }
  execution.changed.add(operation.id);
  execution.due = true;
}

function chainedEnded(execution: Execution, record: ChainedRecord): void {
  const operation = execution.operations.get(record.operation)!;
  settle(execution, operation, record.status, {
    at: record.t,
    payload: record.payload,
    error: record.error,
  });
  execution.changed.add(operation.id);
  execution.due = true;
}

function invoked(execution: Execution, record: InvokedRecord): void {
  delete execution.invocation;
  if (record.counts) execution.failures++;
  if (record.again) execution.due = true;
  if (record.retryAt !== undefined) execution.retryAt = record.retryAt;
  execution.events.push({
    type: 'InvocationCompleted',
    at: record.t,
    requestId: record.requestId,
    startedAt: record.startedAt,
    ...(record.error === undefined
      ? {}
      : {
          error: {
            ErrorType: record.error.errorType,
            ErrorMessage: record.error.errorMessage,
            ...(record.error.stackTrace ? { StackTrace: [...record.error.stackTrace] } : {}),
          },
        }),
  });
}

const END_EVENT: Readonly<Record<EndRecord['status'], EventType>> = {
  SUCCEEDED: 'ExecutionSucceeded',
  FAILED: 'ExecutionFailed',
  TIMED_OUT: 'ExecutionTimedOut',
  STOPPED: 'ExecutionStopped',
};

function ended(execution: Execution, record: EndRecord): void {
  applyEnd(execution, record);
  const event: HistoryEvent = { type: END_EVENT[record.status], at: record.t };
  if (record.result !== undefined) event.payload = record.result;
  if (record.error !== undefined) event.error = record.error;
  execution.events.push(event);
}

/** All of an execution's end but the event of it. */
export function applyEnd(execution: Execution, record: EndRecord): void {
  execution.status = record.status;
  execution.endedAt = record.t;
  execution.due = false;
  if (record.result !== undefined) execution.result = record.result;
  if (record.error !== undefined) execution.error = record.error;
  delete execution.retryAt;
}
