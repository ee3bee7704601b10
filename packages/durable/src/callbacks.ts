/** Answers from outside to callbacks that executions wait for. */
import { parseCallbackId } from './arn.ts';
import { DurableError } from './errors.ts';
import type { Execution, Operation } from './execution.ts';
import { isOperationOpen } from './execution.ts';
import type { Runner } from './runner.ts';
import type { ErrorObject } from './wire.ts';

export class Callbacks {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Ends the callback with a result, `undefined` being none. */
  async succeed(callbackId: string, result: string | undefined): Promise<void> {
    const { execution, operation } = this.#find(callbackId);
    const { store, clock, limits } = this.#runner.options;
    if (result !== undefined && Buffer.byteLength(result) > limits.callbackBytesMax)
      throw new DurableError(
        'RequestTooLargeException',
        `The result of a callback is at most ${limits.callbackBytesMax} bytes.`,
      );
    store.commit({
      k: 'callback',
      x: execution.id,
      t: clock.now(),
      operation: operation.id,
      answer: 'succeed',
      ...(result === undefined ? {} : { payload: result }),
    });
    await this.#answered(execution);
  }

  async fail(callbackId: string, error: ErrorObject): Promise<void> {
    const { execution, operation } = this.#find(callbackId);
    const { store, clock } = this.#runner.options;
    store.commit({
      k: 'callback',
      x: execution.id,
      t: clock.now(),
      operation: operation.id,
      answer: 'fail',
      error,
    });
    await this.#answered(execution);
  }

  /** Says that the callback is still being worked on: its heartbeat timeout starts again. */
  async heartbeat(callbackId: string): Promise<void> {
    const { execution, operation } = this.#find(callbackId);
    const { store, clock, secondMs } = this.#runner.options;
    if (operation.heartbeatSeconds !== undefined) {
      store.commit({
        k: 'callback',
        x: execution.id,
        t: clock.now(),
        operation: operation.id,
        answer: 'heartbeat',
        heartbeatDueAt: clock.now() + operation.heartbeatSeconds * secondMs,
      });
      this.#runner.arm(execution, operation.id);
    }
    await store.acknowledged();
  }

  async #answered(execution: Execution): Promise<void> {
    this.#runner.kick(execution);
    await this.#runner.options.store.acknowledged();
  }

  #find(callbackId: string): { execution: Execution; operation: Operation } {
    const { store } = this.#runner.options;
    store.assertWritable();
    const parsed = parseCallbackId(callbackId);
    const execution = parsed && store.state.executions.get(parsed.executionId);
    const operation = execution?.operations.get(parsed!.operationId);
    if (!execution || operation?.type !== 'CALLBACK')
      throw new DurableError('ResourceNotFoundException', `Callback not found: ${callbackId}`);
    this.#runner.fireDue(execution);
    if (execution.status !== 'RUNNING' || !isOperationOpen(operation)) {
      this.#runner.kick(execution);
      throw new DurableError(
        'CallbackTimeoutException',
        `The callback has ended already: it is ${isOperationOpen(operation) ? `part of an execution that is ${execution.status}` : operation.status}.`,
      );
    }
    return { execution, operation };
  }
}
