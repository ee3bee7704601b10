/**
 * What a checkpoint may ask for. A refusal names the operation and the rule; AWS answers the same
 * cases with InvalidParameterValueException and fails the execution.
 */
import type { Execution, Operation } from './execution.ts';
import { isOperationOpen } from './execution.ts';
import type { Limits } from './limits.ts';
import { WAIT_SECONDS_MAX } from './limits.ts';
import type { OperationAction, OperationType, OperationUpdate } from './wire.ts';

const ACTIONS: Readonly<Record<OperationType, readonly OperationAction[]>> = {
  EXECUTION: ['SUCCEED', 'FAIL'],
  CONTEXT: ['START', 'SUCCEED', 'FAIL'],
  STEP: ['START', 'SUCCEED', 'FAIL', 'RETRY'],
  WAIT: ['START', 'CANCEL'],
  CALLBACK: ['START', 'CANCEL'],
  CHAINED_INVOKE: ['START', 'CANCEL'],
};

/** Why these updates are refused, or undefined when they may be written. */
export function checkUpdates(
  execution: Execution,
  updates: readonly OperationUpdate[],
  limits: Limits,
): string | undefined {
  if (updates.length > limits.updatesMax)
    return `A checkpoint holds at most ${limits.updatesMax} updates, got ${updates.length}.`;
  const batch = new Map<string, OperationUpdate>();
  let created = 0;
  let bytes = execution.storedBytes;
  for (const [index, update] of updates.entries()) {
    const reason =
      checkShape(update) ??
      checkSizes(update, limits) ??
      (update.Type === 'EXECUTION'
        ? checkExecution(execution, update, index === updates.length - 1)
        : (checkParent(execution, update, batch) ?? checkOrder(execution, update, batch)));
    if (reason !== undefined) return reason;
    if (update.Type === 'EXECUTION') continue;
    if (!execution.operations.has(update.Id) && !batch.has(update.Id)) created++;
    bytes += update.Payload?.length ?? 0;
    batch.set(update.Id, update);
  }
  if (execution.operations.size + created > limits.operationsMax)
    return `An execution has at most ${limits.operationsMax} operations.`;
  if (bytes > limits.storageBytesMax)
    return `An execution stores at most ${limits.storageBytesMax} bytes of payload.`;
  return undefined;
}

function checkShape(update: OperationUpdate): string | undefined {
  if (typeof update !== 'object' || update === null) return 'An update must be an object.';
  if (typeof update.Id !== 'string' || !/^[\w-]{1,64}$/.test(update.Id))
    return `Operation id ${JSON.stringify(update.Id)} does not match [A-Za-z0-9_-]{1,64}.`;
  const actions = Object.hasOwn(ACTIONS, update.Type) ? ACTIONS[update.Type] : undefined;
  if (!actions) return `Operation ${update.Id}: unknown type ${JSON.stringify(update.Type)}.`;
  if (!actions.includes(update.Action))
    return `Operation ${update.Id}: a ${update.Type} has no action ${JSON.stringify(update.Action)}.`;
  if (update.Name !== undefined && !/^[\x20-\x7e]{1,256}$/.test(update.Name))
    return `Operation ${update.Id}: a name is 1 to 256 printable ASCII characters.`;
  if (update.SubType !== undefined && !/^[a-zA-Z-]{1,32}$/.test(update.SubType))
    return `Operation ${update.Id}: a subtype is 1 to 32 letters.`;
  if (update.Payload !== undefined && typeof update.Payload !== 'string')
    return `Operation ${update.Id}: a payload is a string.`;
  switch (update.Action) {
    case 'SUCCEED':
      return update.Error === undefined
        ? undefined
        : `Operation ${update.Id}: SUCCEED carries no error.`;
    case 'FAIL':
      return update.Payload === undefined
        ? undefined
        : `Operation ${update.Id}: FAIL carries no payload.`;
    case 'RETRY':
      return checkRetry(update);
    case 'START':
      return checkStart(update);
    case 'CANCEL':
      return undefined;
  }
}

function checkRetry(update: OperationUpdate): string | undefined {
  if ((update.Error === undefined) === (update.Payload === undefined))
    return `Operation ${update.Id}: RETRY carries either an error or a payload.`;
  return checkSeconds(
    update.Id,
    'NextAttemptDelaySeconds',
    update.StepOptions?.NextAttemptDelaySeconds,
    1,
  );
}

function checkStart(update: OperationUpdate): string | undefined {
  switch (update.Type) {
    case 'WAIT':
      return checkSeconds(update.Id, 'WaitSeconds', update.WaitOptions?.WaitSeconds, 1);
    case 'CALLBACK': {
      const { TimeoutSeconds, HeartbeatTimeoutSeconds } = update.CallbackOptions ?? {};
      return (
        checkSeconds(update.Id, 'TimeoutSeconds', TimeoutSeconds ?? 0, 0) ??
        checkSeconds(update.Id, 'HeartbeatTimeoutSeconds', HeartbeatTimeoutSeconds ?? 0, 0)
      );
    }
    case 'CHAINED_INVOKE':
      return update.ChainedInvokeOptions?.FunctionName
        ? undefined
        : `Operation ${update.Id}: a chained invoke names a function.`;
    case 'STEP':
    case 'CONTEXT':
    case 'EXECUTION':
      return undefined;
  }
}

function checkSeconds(
  id: string,
  field: string,
  value: number | undefined,
  min: number,
): string | undefined {
  return Number.isInteger(value) && value! >= min && value! <= WAIT_SECONDS_MAX
    ? undefined
    : `Operation ${id}: ${field} is a whole number from ${min} to ${WAIT_SECONDS_MAX}, got ${value}.`;
}

function checkSizes(update: OperationUpdate, limits: Limits): string | undefined {
  const max =
    update.Type === 'EXECUTION' ? limits.executionPayloadBytesMax : limits.payloadBytesMax;
  if (tooLong(update.Payload, max))
    return `Operation ${update.Id}: a payload of a ${update.Type} is at most ${max} bytes.`;
  if (update.Error !== undefined && tooLong(JSON.stringify(update.Error), limits.errorBytesMax))
    return `Operation ${update.Id}: an error is at most ${limits.errorBytesMax} bytes.`;
  return undefined;
}

function tooLong(text: string | undefined, bytesMax: number): boolean {
  // A UTF-16 unit is at most three bytes: most strings need no counting.
  if (text === undefined || text.length * 3 <= bytesMax) return false;
  return Buffer.byteLength(text) > bytesMax;
}

function checkExecution(
  execution: Execution,
  update: OperationUpdate,
  last: boolean,
): string | undefined {
  if (!last) return 'An update of the EXECUTION is the last one of its checkpoint.';
  if (execution.outcome) return 'The execution has an outcome already.';
  return update.ParentId === undefined ? undefined : 'The EXECUTION has no parent.';
}

function checkParent(
  execution: Execution,
  update: OperationUpdate,
  batch: ReadonlyMap<string, OperationUpdate>,
): string | undefined {
  const known = execution.operations.get(update.Id);
  if (known && known.type !== update.Type)
    return `Operation ${update.Id} is a ${known.type}, not a ${update.Type}.`;
  const id = update.ParentId;
  if (id === undefined || known) return undefined;
  const parent = execution.operations.get(id);
  const type = parent?.type ?? batch.get(id)?.Type;
  if (type === undefined) return `Operation ${update.Id}: its parent ${id} does not exist.`;
  if (type !== 'CONTEXT') return `Operation ${update.Id}: its parent ${id} is not a CONTEXT.`;
  return undefined;
}

function checkOrder(
  execution: Execution,
  update: OperationUpdate,
  batch: ReadonlyMap<string, OperationUpdate>,
): string | undefined {
  const known = execution.operations.get(update.Id);
  const earlier = batch.get(update.Id);
  if (earlier) {
    const allowed =
      earlier.Action === 'START' &&
      update.Action !== 'START' &&
      earlier.Type === update.Type &&
      (update.Type === 'STEP' || update.Type === 'CONTEXT');
    return allowed
      ? undefined
      : `Operation ${update.Id} is in the checkpoint twice: only START and then its end may be.`;
  }
  if (update.Action === 'START') {
    if (!known || (known.type === 'STEP' && known.status === 'READY')) return undefined;
    return `Operation ${update.Id} has been started already.`;
  }
  if (!known) {
    return update.Type === 'STEP' || update.Type === 'CONTEXT'
      ? undefined
      : `Operation ${update.Id} does not exist.`;
  }
  return mayEnd(known)
    ? undefined
    : `Operation ${update.Id} is ${known.status}: ${update.Action} is too late or too early.`;
}

function mayEnd(operation: Operation): boolean {
  return isOperationOpen(operation) && operation.status !== 'PENDING';
}
