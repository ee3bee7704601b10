/**
 * The two calls of the SDK: writing a checkpoint and reading the state.
 *
 * Order within a checkpoint: fence, deduplicate, fire timers that are due (the SDK polls at the very
 * instant a wait ends), check, commit, and answer once the record is on the disk. The answer is
 * rendered at the commit, so that it never shows what is not durable yet.
 */
import type { Chained } from './chained.ts';
import { checkUpdates } from './check-updates.ts';
import { checkpointToken } from './arn.ts';
import { DurableError } from './errors.ts';
import type { ChainedTarget, Execution } from './execution.ts';
import { epochSeconds, operationJson, operationPage } from './render.ts';
import type { LiveInvocation, Runner } from './runner.ts';
import type { RecordedUpdate } from './records.ts';
import type { OperationUpdate } from './wire.ts';

const STATE_ITEMS_MAX = 1000;
const STATE_BYTES_MAX = 4 * 1024 * 1024;

export interface CheckpointRequest {
  CheckpointToken: string;
  ClientToken?: string;
  Updates?: OperationUpdate[];
}

export class Checkpoints {
  readonly #runner: Runner;
  readonly #chained: Chained;

  constructor(runner: Runner, chained: Chained) {
    this.#runner = runner;
    this.#chained = chained;
  }

  /** Accepts a checkpoint; resolves with the JSON text of the answer once it is durable. */
  async checkpoint(execution: Execution, request: CheckpointRequest): Promise<string> {
    const { store } = this.#runner.options;
    const invocation = this.#runner.live(execution).invocation;
    const { last } = invocation ?? {};
    if (
      last !== undefined &&
      last.token === request.CheckpointToken &&
      last.clientToken !== undefined &&
      last.clientToken === request.ClientToken
    ) {
      await store.acknowledged();
      return last.body;
    }
    this.#fence(execution, invocation, request.CheckpointToken);
    store.assertWritable();
    const body = this.#commit(execution, invocation!, request);
    await store.acknowledged();
    return body;
  }

  /** One page of the operations a replay needs. */
  async state(
    execution: Execution,
    o: { token: string; marker: string | undefined; itemsMax: number | undefined },
  ): Promise<string> {
    this.#fence(execution, this.#runner.live(execution).invocation, o.token);
    const marker = Number(o.marker || '0');
    if (!Number.isInteger(marker) || marker < 0)
      throw new DurableError('InvalidParameterValueException', `Invalid Marker: ${o.marker}`);
    const page = operationPage(execution, {
      marker,
      itemsMax: Math.min(o.itemsMax || STATE_ITEMS_MAX, STATE_ITEMS_MAX),
      bytesMax: STATE_BYTES_MAX,
      time: epochSeconds,
    });
    const body = JSON.stringify({ Operations: page.operations, NextMarker: page.next });
    await this.#runner.options.store.acknowledged();
    return body;
  }

  #fence(execution: Execution, invocation: LiveInvocation | undefined, token: string): void {
    if (execution.status === 'RUNNING' && invocation && invocation.token === token) return;
    throw new DurableError(
      'InvalidParameterValueException',
      execution.status === 'RUNNING'
        ? 'Invalid Checkpoint Token: another invocation or a newer checkpoint holds the execution'
        : `Invalid Checkpoint Token: the execution is ${execution.status}`,
    );
  }

  #commit(execution: Execution, invocation: LiveInvocation, request: CheckpointRequest): string {
    const { clock, store, limits, secondMs } = this.#runner.options;
    const updates = request.Updates ?? [];
    this.#runner.fireDue(execution);
    const refused = checkUpdates(execution, updates, limits);
    if (refused !== undefined) throw new DurableError('InvalidParameterValueException', refused);
    const news = [...execution.changed];
    if (updates.length > 0 || news.length > 0) {
      const chained = this.#targets(execution, updates);
      store.commit({
        k: 'checkpoint',
        x: execution.id,
        t: clock.now(),
        updates: folded(updates),
        secondMs,
        ...(chained === undefined ? {} : { chained }),
      });
      for (const update of updates) {
        if (update.Type === 'EXECUTION') continue;
        this.#runner.arm(execution, update.Id);
      }
    }
    const touched = new Set<string>(news);
    for (const update of updates) if (update.Type !== 'EXECUTION') touched.add(update.Id);
    const token = checkpointToken(invocation.requestId, ++invocation.checkpoints);
    const body = JSON.stringify({
      CheckpointToken: token,
      NewExecutionState: {
        Operations: [...touched].map((id) =>
          operationJson(execution, execution.operations.get(id)!, epochSeconds),
        ),
      },
    });
    invocation.last = { token: invocation.token, clientToken: request.ClientToken, body };
    invocation.token = token;
    invocation.toldNews = news.length > 0;
    for (const update of updates) {
      if (update.Type === 'CHAINED_INVOKE' && update.Action === 'START')
        this.#chained.start(execution, execution.operations.get(update.Id)!);
    }
    return body;
  }

  #targets(
    execution: Execution,
    updates: readonly OperationUpdate[],
  ): Record<string, ChainedTarget> | undefined {
    let targets: Record<string, ChainedTarget> | undefined;
    for (const update of updates) {
      if (update.Type !== 'CHAINED_INVOKE' || update.Action !== 'START') continue;
      targets ??= {};
      targets[update.Id] = this.#chained.target(execution, update);
    }
    return targets;
  }
}

/**
 * Most steps begin and end in one checkpoint: folding the START into what follows it halves the
 * record, and the time to read it back.
 */
function folded(updates: readonly OperationUpdate[]): RecordedUpdate[] {
  const out: RecordedUpdate[] = [];
  for (const update of updates) {
    const before = out.at(-1);
    if (
      before?.Id === update.Id &&
      before.Action === 'START' &&
      before.Type === 'STEP' &&
      before.Payload === undefined
    ) {
      out[out.length - 1] = { ...before, ...update, started: true };
    } else {
      out.push(update);
    }
  }
  return out;
}
