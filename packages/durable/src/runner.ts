/**
 * Runs executions: one invocation at a time, again whenever something changed while the function
 * was suspended, again after a crash, until the function says how it ended.
 *
 * Fencing: a token names the invocation and the checkpoint it may write next. Only the token in
 * `live.invocation` is accepted, so an invocation that was given up (its worker stopped and came
 * back, its host restarted, its execution stopped) can never write.
 */
import type { Chained } from './chained.ts';
import { checkpointToken } from './arn.ts';
import type { Execution } from './execution.ts';
import { isOperationOpen, operationDueAt } from './execution.ts';
import type { Limits } from './limits.ts';
import { explainNonDeterminism } from './nondeterminism.ts';
import type { Clock, InvocationError, Invoker, InvokeReply, Log, Random } from './ports.ts';
import { isoText, operationPage } from './render.ts';
import type { EndRecord } from './records.ts';
import type { Store } from './store.ts';
import { TimerQueue } from './timer-queue.ts';
import type { ErrorObject } from './wire.ts';

const DAY_MS = 86_400_000;
const BACKOFF_SECONDS_MAX = 60;
/** Who sleeps longer than this has its history put away. */
const NAP_MS_MAX = 60_000;

/** An invocation in flight. */
export interface LiveInvocation {
  requestId: string;
  /** The token the next checkpoint must bring. */
  token: string;
  checkpoints: number;
  /** The last checkpoint, to answer a repeated request the same. */
  last?: { token: string; clientToken: string | undefined; body: string };
  /** The last answer told the function of something new. */
  toldNews: boolean;
}

/** What this process knows of an execution beyond its state. */
export interface Live {
  invocation?: LiveInvocation;
  /** Operations with a timer. */
  timed: Set<string>;
  waiting: (() => void)[];
}

export interface RunnerOptions {
  clock: Clock;
  random: Random;
  log: Log;
  store: Store;
  invoker: Invoker;
  limits: Limits;
  /** Milliseconds that a second of waiting takes. */
  secondMs: number;
}

/** How a durable function's invocation ended. */
type Outcome =
  | { status: 'SUCCEEDED'; result?: string }
  | { status: 'FAILED'; error: ErrorObject }
  | { status: 'PENDING' }
  | { status: 'CRASHED'; error: InvocationError };

export class Runner {
  readonly options: RunnerOptions;
  /** Set once by the service: runner and chained invokes need each other. */
  chained!: Chained;
  readonly #live = new Map<string, Live>();
  readonly #timers: TimerQueue;
  readonly #abort = new AbortController();
  #announcing = 0;

  constructor(options: RunnerOptions) {
    this.options = options;
    this.#timers = new TimerQueue(options.clock, (key) => this.#timerFired(key));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Invocations in flight and ends on their way, chained invocations ones of plain functions among them. */
  get busy(): number {
    let busy = this.chained.busy + this.#announcing;
    for (const live of this.#live.values()) if (live.invocation) busy++;
    return busy;
  }

  live(execution: Execution): Live {
    let live = this.#live.get(execution.id);
    if (!live) {
      const timed = execution.status === 'RUNNING' ? operationsWithTimers(execution) : [];
      this.#live.set(execution.id, (live = { timed: new Set(timed), waiting: [] }));
    }
    return live;
  }

  /** Takes up an execution read from the journal. */
  resume(execution: Execution): void {
    const { clock, store } = this.options;
    if (execution.status !== 'RUNNING') {
      this.#timers.add(this.#forgetAt(execution), execution.id);
      return;
    }
    if (execution.invocation) {
      store.commit({
        k: 'invoked',
        x: execution.id,
        t: clock.now(),
        requestId: execution.invocation.requestId,
        startedAt: execution.invocation.startedAt,
        error: {
          errorType: 'Runtime.ExitError',
          errorMessage: 'The host stopped during this invocation; it is run again.',
        },
        again: true,
      });
    }
    this.#timers.add(execution.timeoutAt, execution.id);
    for (const operation of execution.operations.values()) {
      this.arm(execution, operation.id);
      if (operation.type === 'CHAINED_INVOKE' && isOperationOpen(operation))
        this.chained.start(execution, operation);
    }
    if (execution.outcome) this.end(execution, endOf(execution.outcome));
    else this.#timerFired(execution.id);
    this.#rest(execution);
  }

  /** Sets the clock for an execution that has just begun, and runs it. */
  begin(execution: Execution): void {
    this.#timers.add(execution.timeoutAt, execution.id);
    this.kick(execution);
  }

  /** Starts an invocation if one is called for and none is running. */
  kick(execution: Execution): void {
    const live = this.live(execution);
    if (execution.status !== 'RUNNING' || !execution.due) return;
    if (live.invocation || this.#abort.signal.aborted) return;
    if (execution.retryAt !== undefined && execution.retryAt > this.options.clock.now()) {
      this.#timers.add(execution.retryAt, execution.id);
      return;
    }
    void this.#invoke(execution, live);
  }

  /** Watches the operation's timer, if it has one. */
  arm(execution: Execution, operationId: string): void {
    const dueAt = operationDueAt(execution.operations.get(operationId)!);
    const { timed } = this.live(execution);
    if (dueAt === undefined) {
      timed.delete(operationId);
    } else {
      timed.add(operationId);
      this.#timers.add(dueAt, execution.id);
    }
  }

  /** Lets the operations go on whose time has come; true if there were any. */
  fireDue(execution: Execution): boolean {
    const { clock, store } = this.options;
    const now = clock.now();
    const { timed } = this.live(execution);
    const due = [...timed].filter((id) => {
      const at = operationDueAt(execution.operations.get(id)!);
      return at !== undefined && at <= now;
    });
    if (due.length === 0) return false;
    for (const id of due) timed.delete(id);
    store.commit({ k: 'timer', x: execution.id, t: now, operations: due });
    return true;
  }

  /** Ends an execution and tells whoever waits for it. */
  end(execution: Execution, how: Pick<EndRecord, 'status' | 'result' | 'error'>): void {
    const { clock, store } = this.options;
    store.commit({ k: 'end', x: execution.id, t: clock.now(), ...how });
    this.live(execution).timed.clear();
    this.#timers.add(this.#forgetAt(execution), execution.id);
    this.chained.childEnded(execution);
    void this.#announceEnd(execution);
  }

  close(): void {
    this.#abort.abort();
    this.#timers.stop();
  }

  async #announceEnd(execution: Execution): Promise<void> {
    const live = this.live(execution);
    this.#announcing++;
    await this.options.store.journal.eventuallyDurable().catch(() => {});
    this.#announcing--;
    for (const wake of live.waiting.splice(0)) wake();
    if (!live.invocation) this.#live.delete(execution.id);
    execution.putAway();
  }

  #forgetAt(execution: Execution): number {
    return (execution.endedAt ?? 0) + execution.retentionDays * DAY_MS;
  }

  #timerFired(executionId: string): void {
    const { clock, store } = this.options;
    const execution = store.state.executions.get(executionId);
    if (!execution || this.#abort.signal.aborted) return;
    const now = clock.now();
    if (execution.status !== 'RUNNING') {
      if (this.#forgetAt(execution) <= now) {
        store.commit({ k: 'forget', x: executionId, t: now });
        this.#live.delete(executionId);
      }
      return;
    }
    if (execution.timeoutAt <= now) {
      this.end(execution, {
        status: 'TIMED_OUT',
        error: {
          ErrorType: 'Execution.Timeout',
          ErrorMessage: `The execution did not end within ${execution.timeoutSeconds} seconds.`,
        },
      });
      return;
    }
    this.fireDue(execution);
    this.kick(execution);
  }

  async #invoke(execution: Execution, live: Live): Promise<void> {
    const { clock, random, store, invoker } = this.options;
    const requestId = random.uuid();
    const invocation: LiveInvocation = {
      requestId,
      token: checkpointToken(requestId, 0),
      checkpoints: 0,
      toldNews: false,
    };
    live.invocation = invocation;
    const startedAt = clock.now();
    const updated = [...execution.changed];
    store.commit({ k: 'invoke', x: execution.id, t: startedAt, requestId });
    const payload = this.#event(execution, invocation.token, updated);
    let reply: InvokeReply;
    try {
      // The function must not see what a restart would not know.
      await store.journal.eventuallyDurable();
      if (execution.status !== 'RUNNING') {
        delete live.invocation;
        return;
      }
      reply = await invoker.invoke({
        functionName: execution.functionName,
        version: execution.version,
        payload,
        executionArn: execution.arn,
        requestId,
        signal: this.#abort.signal,
      });
    } catch (error) {
      reply = {
        error: { errorType: 'Runtime.InvokeError', errorMessage: (error as Error).message },
      };
    }
    if (this.#abort.signal.aborted) return;
    delete live.invocation;
    this.#invoked(execution, invocation, startedAt, outcomeOf(reply));
    this.#rest(execution);
    if (execution.status !== 'RUNNING' && live.waiting.length === 0)
      this.#live.delete(execution.id);
  }

  #invoked(
    execution: Execution,
    invocation: LiveInvocation,
    startedAt: number,
    outcome: Outcome,
  ): void {
    const { clock, store, limits, log } = this.options;
    if (!store.state.executions.has(execution.id)) return;
    const running = execution.status === 'RUNNING';
    const hadNews = execution.due || invocation.toldNews;
    const crashed = running && outcome.status === 'CRASHED' && !execution.outcome;
    const failures = execution.failures + (crashed ? 1 : 0);
    // What the last answer told may have come too late for the function to act on it.
    const sleeps = outcome.status === 'PENDING' && !invocation.toldNews && isWaiting(execution);
    store.commit({
      k: 'invoked',
      x: execution.id,
      t: clock.now(),
      requestId: invocation.requestId,
      startedAt,
      ...(outcome.status === 'CRASHED' ? { error: outcome.error } : {}),
      ...(crashed ? { counts: true, retryAt: clock.now() + this.#backoffMs(failures) } : {}),
      // Also when the end follows: a host that dies in between has to find its way there again.
      ...(running && !sleeps ? { again: true } : {}),
    });
    if (!running) return;
    if (execution.outcome) {
      this.end(execution, endOf(execution.outcome));
      return;
    }
    switch (outcome.status) {
      case 'SUCCEEDED':
        this.end(execution, outcome);
        return;
      case 'FAILED':
        this.end(execution, {
          status: 'FAILED',
          error: explainNonDeterminism(execution, outcome.error),
        });
        return;
      case 'PENDING':
        if (!hadNews && !isWaiting(execution)) {
          this.end(execution, {
            status: 'FAILED',
            error: {
              ErrorType: 'InvalidParameterValueException',
              ErrorMessage: 'Cannot return PENDING status with no pending operations.',
            },
          });
          return;
        }
        break;
      case 'CRASHED':
        log('warn', 'an invocation crashed', {
          execution: execution.arn,
          error: `${outcome.error.errorType}: ${outcome.error.errorMessage}`,
          crash: failures,
        });
        if (failures >= limits.crashesMax) {
          const { errorType, errorMessage, stackTrace } = outcome.error;
          this.end(execution, {
            status: 'FAILED',
            error: {
              ErrorType: errorType,
              ErrorMessage: errorMessage,
              ...(stackTrace ? { StackTrace: [...stackTrace] } : {}),
            },
          });
          return;
        }
        break;
    }
    this.kick(execution);
  }

  /** Puts away what an execution does not need while it waits for something far off. */
  #rest(execution: Execution): void {
    const live = this.live(execution);
    if (execution.status !== 'RUNNING' || execution.due || live.invocation) return;
    const soon = this.options.clock.now() + NAP_MS_MAX;
    for (const id of live.timed) {
      if (operationDueAt(execution.operations.get(id)!)! <= soon) return;
    }
    if (live.waiting.length === 0) this.#live.delete(execution.id);
    execution.putAway();
  }

  /** The first repetition is at once, the next ones 1, 2, 4 … seconds later. */
  #backoffMs(failures: number): number {
    if (failures <= 1) return 0;
    return Math.min(2 ** (failures - 2), BACKOFF_SECONDS_MAX) * this.options.secondMs;
  }

  #event(execution: Execution, token: string, updated: string[]): Buffer {
    const page = operationPage(execution, {
      marker: 0,
      itemsMax: Infinity,
      bytesMax: this.options.limits.eventBytesMax,
      time: isoText,
    });
    return Buffer.from(
      JSON.stringify({
        DurableExecutionArn: execution.arn,
        CheckpointToken: token,
        InitialExecutionState: { Operations: page.operations, NextMarker: page.next },
        UpdatedOperationIds: updated,
      }),
    );
  }
}

function operationsWithTimers(execution: Execution): string[] {
  return [...execution.operations.values()]
    .filter((operation) => operationDueAt(operation) !== undefined)
    .map(({ id }) => id);
}

/** Something outside the function will end or ready one of the operations. */
function isWaiting(execution: Execution): boolean {
  for (const operation of execution.operations.values()) {
    if (!isOperationOpen(operation)) continue;
    if (operation.type === 'CONTEXT') continue;
    if (operation.type === 'STEP' && operation.status === 'STARTED') continue;
    return true;
  }
  return false;
}

function endOf(
  outcome: NonNullable<Execution['outcome']>,
): Pick<EndRecord, 'status' | 'result' | 'error'> {
  return outcome;
}

/** Reads a durable function's answer; anything else than the three legal ones is a crash. */
function outcomeOf(reply: InvokeReply): Outcome {
  if (reply.error) return { status: 'CRASHED', error: reply.error };
  const text = Buffer.from(reply.payload ?? new Uint8Array()).toString('utf8');
  let output: { Status?: unknown; Result?: unknown; Error?: unknown } | null;
  try {
    output = JSON.parse(text) as typeof output;
  } catch {
    output = null;
  }
  switch (output?.Status) {
    case 'PENDING':
      return { status: 'PENDING' };
    case 'SUCCEEDED':
      return typeof output.Result === 'string'
        ? { status: 'SUCCEEDED', result: output.Result }
        : { status: 'SUCCEEDED' };
    case 'FAILED':
      return { status: 'FAILED', error: (output.Error ?? {}) as ErrorObject };
    default:
      return {
        status: 'CRASHED',
        error: {
          errorType: 'InvalidParameterValueException',
          errorMessage: `The function did not answer as a durable function does (${text.slice(0, 200)}): wrap its handler in withDurableExecution.`,
        },
      };
  }
}
