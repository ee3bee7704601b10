/**
 * Chained invokes. A durable target becomes an execution of its own whose id follows from its
 * parent and operation, so that however often a restart asks for it, it starts once. A plain target
 * is invoked at least once: again after a restart that cut it off.
 */
import { createHash } from 'node:crypto';
import { executionArn, functionNameOf } from './arn.ts';
import type { ChainedTarget, Execution, Operation } from './execution.ts';
import { isOperationOpen } from './execution.ts';
import { RETENTION_DAYS_DEFAULT } from './limits.ts';
import type { DurableFunctions, InvokeReply, ResolvedFunction } from './ports.ts';
import type { ChainedRecord } from './records.ts';
import type { Runner } from './runner.ts';
import type { OperationUpdate } from './wire.ts';

export class Chained {
  readonly #runner: Runner;
  readonly #functions: DurableFunctions;
  /** Plain functions being invoked. */
  busy = 0;

  constructor(runner: Runner, functions: DurableFunctions) {
    this.#runner = runner;
    this.#functions = functions;
  }

  /** What an update's chained invoke will run: decided once, recorded with the checkpoint. */
  target(execution: Execution, update: OperationUpdate): ChainedTarget {
    const asked = update.ChainedInvokeOptions!;
    const functionName = asked.FunctionName!;
    const tenant = asked.TenantId === undefined ? {} : { tenantId: asked.TenantId };
    const resolved = this.#functions.resolve(functionName);
    if (!resolved) return { functionName, version: '', ...tenant, unknown: true };
    const target: ChainedTarget = { functionName, version: resolved.version, ...tenant };
    if (resolved.durable) {
      const { id, name } = childName(execution, update.Id);
      target.executionArn = executionArn({ ...resolved, id, name });
    }
    return target;
  }

  /** Starts, or takes up after a restart, what the operation stands for. */
  start(execution: Execution, operation: Operation): void {
    const target = operation.chained!;
    const resolved = target.unknown
      ? undefined
      : this.#functions.resolve(functionNameOf(target.functionName).name, target.version);
    if (!resolved) {
      this.#ended(execution, operation, {
        status: 'FAILED',
        error: {
          ErrorType: 'ResourceNotFoundException',
          ErrorMessage: `Function not found: ${target.functionName}`,
        },
      });
    } else if (target.executionArn !== undefined && resolved.durable) {
      this.#startChild(execution, operation, resolved);
    } else {
      void this.#invokePlain(execution, operation, resolved);
    }
  }

  /** Hands a child's end to the operation that is waiting for it. */
  childEnded(child: Execution): void {
    if (!child.parent || child.status === 'RUNNING') return;
    const parent = this.#runner.options.store.state.executions.get(child.parent.executionId);
    const operation = parent?.operations.get(child.parent.operationId);
    if (!parent || !operation) return;
    this.#ended(parent, operation, {
      status: child.status,
      ...(child.result === undefined ? {} : { payload: child.result }),
      ...(child.error === undefined ? {} : { error: child.error }),
    });
  }

  #startChild(execution: Execution, operation: Operation, resolved: ResolvedFunction): void {
    const { clock, store } = this.#runner.options;
    const { id, name } = childName(execution, operation.id);
    const existing = store.state.executions.get(id);
    if (existing) {
      this.childEnded(existing);
      return;
    }
    const now = clock.now();
    const { executionTimeoutSeconds, retentionDays } = resolved.durable!;
    const payload = operation.chained!.payload;
    const child = store.commit({
      k: 'start',
      x: id,
      t: now,
      arn: operation.chained!.executionArn!,
      name,
      functionName: resolved.functionName,
      version: resolved.version,
      functionArn: resolved.functionArn,
      ...(payload === undefined ? {} : { input: payload }),
      timeoutSeconds: executionTimeoutSeconds,
      timeoutAt: now + executionTimeoutSeconds * 1000,
      retentionDays: retentionDays ?? RETENTION_DAYS_DEFAULT,
      parent: { executionId: execution.id, operationId: operation.id },
    });
    this.#runner.begin(child);
  }

  async #invokePlain(
    execution: Execution,
    operation: Operation,
    resolved: ResolvedFunction,
  ): Promise<void> {
    const { invoker, random, store } = this.#runner.options;
    const target = operation.chained!;
    let reply: InvokeReply;
    this.busy++;
    try {
      await store.journal.eventuallyDurable();
      reply = await invoker.invoke({
        functionName: resolved.functionName,
        version: resolved.version,
        payload: Buffer.from(target.payload ?? 'null'),
        requestId: random.uuid(),
        signal: this.#runner.signal,
        ...(target.tenantId === undefined ? {} : { tenantId: target.tenantId }),
      });
    } catch (error) {
      reply = {
        error: { errorType: 'Runtime.InvokeError', errorMessage: (error as Error).message },
      };
    } finally {
      this.busy--;
    }
    if (this.#runner.signal.aborted) return;
    if (reply.error) {
      const { errorType, errorMessage, stackTrace } = reply.error;
      this.#ended(execution, operation, {
        status: 'FAILED',
        error: {
          ErrorType: errorType,
          ErrorMessage: errorMessage,
          ...(stackTrace ? { StackTrace: [...stackTrace] } : {}),
        },
      });
    } else {
      const payload = Buffer.from(reply.payload ?? new Uint8Array()).toString('utf8');
      this.#ended(execution, operation, { status: 'SUCCEEDED', payload });
    }
  }

  #ended(
    execution: Execution,
    operation: Operation,
    how: Pick<ChainedRecord, 'status' | 'payload' | 'error'>,
  ): void {
    const { clock, store } = this.#runner.options;
    if (execution.status !== 'RUNNING') return;
    // As it is now: the history may have been put away meanwhile.
    if (!isOperationOpen(execution.operations.get(operation.id)!)) return;
    store.commit({
      k: 'chained',
      x: execution.id,
      t: clock.now(),
      operation: operation.id,
      ...how,
    });
    this.#runner.kick(execution);
  }
}

/** A child's id and name: the same whenever the same operation of the same execution asks. */
function childName(execution: Execution, operationId: string): { id: string; name: string } {
  const hash = createHash('sha256').update(`${execution.id} ${operationId}`).digest('hex');
  const id = [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `5${hash.slice(13, 16)}`,
    `8${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
  return { id, name: `${execution.name.slice(0, 43)}-${hash.slice(0, 20)}` };
}
