/**
 * What a new execution may take over from an old one, so that its handler replays up to a point and
 * goes on from there: `forkFrom` up to the start of an operation, `retryFrom` up to the failure.
 *
 * Whatever is taken over has ended, except the contexts that lead to the point, which are open
 * again. An operation is taken over only together with its parent.
 */
import type { Execution, HistoryEvent, Operation } from './execution.ts';
import { isOperationOpen } from './execution.ts';

export interface Taken {
  operations: Operation[];
  events: HistoryEvent[];
}

/**
 * Everything that had ended when the operation named (or identified by) `step` was first started.
 * Undefined when there is no such operation.
 */
export function forkFrom(execution: Execution, step: string): Taken | undefined {
  const target =
    execution.operations.get(step) ??
    [...execution.operations.values()].find((operation) => operation.name === step);
  if (!target) return undefined;
  const span = spans(execution);
  const startOfTarget = span.get(target.id)!.start;
  const reopened = new Set<string>();
  for (let id = target.parentId; id !== undefined;) {
    reopened.add(id);
    id = execution.operations.get(id)?.parentId;
  }
  return take(execution, reopened, (operation) => span.get(operation.id)!.end < startOfTarget);
}

/**
 * Everything but what failed last or never ended: in a parallel or a map that of every branch.
 * Failures the handler got over, and went on from, stay.
 */
export function retryFrom(execution: Execution): Taken {
  const span = spans(execution);
  const reopened = new Set<string>();
  const dropped = new Set<string>();
  const children = new Map<string | undefined, Operation[]>();
  for (const operation of execution.operations.values()) {
    const siblings = children.get(operation.parentId);
    if (siblings) siblings.push(operation);
    else children.set(operation.parentId, [operation]);
  }
  const hasFailed = (operation: Operation): boolean =>
    operation.status !== 'SUCCEEDED' ||
    // A batch with failed branches succeeds itself; it is the handler that fails over its result.
    (isBatch(operation) && (children.get(operation.id) ?? []).some(hasFailed));
  const reopenWithin = (parent: Operation | undefined): void => {
    const inside = children.get(parent?.id) ?? [];
    const concurrent = parent !== undefined && isBatch(parent);
    const ended = inside.filter((operation) => !isOperationOpen(operation));
    const failed = ended
      .filter(hasFailed)
      .sort((a, b) => span.get(a.id)!.end - span.get(b.id)!.end);
    const again = concurrent ? failed : failed.slice(-1);
    const cut = concurrent || again.length === 0 ? Infinity : span.get(again[0]!.id)!.end;
    for (const operation of inside) {
      const open = isOperationOpen(operation);
      if (span.get(operation.id)!.start > cut) dropped.add(operation.id);
      else if (!open && !again.includes(operation)) continue;
      else if (operation.type !== 'CONTEXT') dropped.add(operation.id);
      else {
        reopened.add(operation.id);
        reopenWithin(operation);
      }
    }
  };
  reopenWithin(undefined);
  return take(execution, reopened, (operation) => !dropped.has(operation.id));
}

function isBatch(operation: Operation): boolean {
  return operation.subType === 'Parallel' || operation.subType === 'Map';
}

interface Span {
  start: number;
  end: number;
}

/** Between which events of the history an operation ran; one that is open ends at infinity. */
function spans(execution: Execution): Map<string, Span> {
  const found = new Map<string, Span>();
  for (const [index, { operationId }] of execution.events.entries()) {
    if (operationId === undefined) continue;
    const span = found.get(operationId);
    if (span) span.end = index;
    else found.set(operationId, { start: index, end: index });
  }
  for (const operation of execution.operations.values()) {
    const span = found.get(operation.id);
    if (!span) found.set(operation.id, { start: Infinity, end: Infinity });
    else if (isOperationOpen(operation)) span.end = Infinity;
  }
  return found;
}

function take(
  execution: Execution,
  reopened: ReadonlySet<string>,
  keeps: (operation: Operation) => boolean,
): Taken {
  const kept = new Map<string, Operation>();
  for (const operation of execution.operations.values()) {
    if (operation.parentId !== undefined && !kept.has(operation.parentId)) continue;
    if (reopened.has(operation.id)) kept.set(operation.id, reopen(operation));
    else if (keeps(operation)) kept.set(operation.id, operation);
  }
  const events = execution.events.filter(
    ({ operationId, type }) =>
      operationId !== undefined &&
      kept.has(operationId) &&
      !(reopened.has(operationId) && type !== 'ContextStarted'),
  );
  return { operations: [...kept.values()], events };
}

function reopen(context: Operation): Operation {
  const { id, type, startedAt, parentId, name, subType } = context;
  return {
    id,
    type,
    status: 'STARTED',
    startedAt,
    ...(parentId === undefined ? {} : { parentId }),
    ...(name === undefined ? {} : { name }),
    ...(subType === undefined ? {} : { subType }),
  };
}
