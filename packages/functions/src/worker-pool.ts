/**
 * The environments of one function version: reused while warm, at most `concurrency` at a time,
 * invocations beyond that in line, first come first served; idle ones are stopped after a while.
 *
 * An environment is not tied to the invocation that made it start: whoever is first in line gets the
 * first environment that becomes idle. There are never more starting than someone waits for, except
 * the ones asked for by `warm`.
 */
import { CONCURRENCY_DEFAULT, type FunctionConfiguration } from './function-configuration.ts';
import { LambdaError } from './lambda-error.ts';
import type { Clock, Log, Random } from './ports.ts';
import type { Sandbox } from './sandbox.ts';
import { Worker, type InitOutcome } from './worker.ts';

/** An idle worker, or why there is none. */
export type Acquired =
  | { worker: Worker; initDurationMs: number | undefined }
  | { worker: undefined; outcome: Exclude<InitOutcome, { kind: 'ready' }>; initDurationMs: number };

export interface PoolOptions {
  f: FunctionConfiguration;
  sandbox: Sandbox;
  clock: Clock;
  random: Random;
  log: Log;
  /** A line that belongs to no invocation. */
  onLine: (line: string) => void;
  idleMsMax: number;
}

interface Waiter {
  done: (acquired: Acquired) => void;
  fail: (error: Error) => void;
}

/** Lambda gives initialisation ten seconds, then starts over within the invocation's own time. */
const INIT_MS_MAX = 10_000;
const WAITERS_MAX = 1000;

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #workers = new Set<Worker>();
  readonly #waiters: Waiter[] = [];
  /** The most recently used last: it is taken first, so that the others may grow old. */
  readonly #idle: { worker: Worker; cancel: () => void }[] = [];
  /** When each environment that is not yet initialised was started. */
  readonly #startedMs = new Map<Worker, number>();
  #onEmpty: (() => void) | undefined;
  #state: 'open' | 'retired' | 'closed' = 'open';

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get f(): FunctionConfiguration {
    return this.#options.f;
  }

  get workers(): ReadonlySet<Worker> {
    return this.#workers;
  }

  /** Waits for an idle worker; it belongs to the caller until it is idle again. */
  acquire(): Promise<Acquired> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed') {
        reject(new LambdaError('ServiceException', 'The host is closing.'));
        return;
      }
      if (this.#waiters.length >= WAITERS_MAX) {
        reject(new LambdaError('TooManyRequestsException', 'Rate Exceeded.'));
        return;
      }
      this.#waiters.push({ done: resolve, fail: reject });
      this.#serve(undefined);
      this.#startForWaiters();
    });
  }

  /** After an initialisation that took too long: first in line again, with a start of its own. */
  startOver(limitMs: number): Promise<Acquired> {
    return new Promise((resolve, reject) => {
      this.#waiters.unshift({ done: resolve, fail: reject });
      this.#serve(undefined);
      if (this.#waiters.length > this.#onTheirWay()) void this.#start(limitMs);
    });
  }

  /** Starts an environment unless one is free or on its way; resolves once it is idle or failed. */
  async warm(): Promise<void> {
    if (this.#state !== 'open') return;
    if (this.#idle.length > 0 || this.#startedMs.size > this.#waiters.length) return;
    await this.#start(INIT_MS_MAX);
  }

  /** Takes no new invocations: environments end once nobody waits for them. */
  retire(): void {
    this.#state = 'retired';
    for (const { worker } of this.#idle) worker.kill();
  }

  /** Ends every environment, busy ones too; resolves once their processes are gone. */
  close(): Promise<void> {
    this.#state = 'closed';
    for (const waiter of this.#waiters.splice(0))
      waiter.fail(new LambdaError('ServiceException', 'The host is closing.'));
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      for (const worker of this.#workers) worker.kill();
      if (this.#workers.size === 0) resolve();
    });
  }

  #startForWaiters(): void {
    if (this.#state !== 'closed' && this.#waiters.length > this.#onTheirWay())
      void this.#start(INIT_MS_MAX);
  }

  /** Environments that will be idle without anybody's doing: starting, or about to ask for more. */
  #onTheirWay(): number {
    let count = this.#startedMs.size;
    for (const worker of this.#workers) if (worker.state === 'answered') count++;
    return count;
  }

  async #start(limitMs: number): Promise<void> {
    const { f, clock, sandbox, random, onLine, log } = this.#options;
    if (this.#workers.size >= (f.concurrency ?? CONCURRENCY_DEFAULT)) return;
    const worker = new Worker({
      f,
      clock,
      sandbox,
      random,
      onLine,
      onIdle: (idle) => this.#becameIdle(idle),
      onGone: (gone) => this.#becameGone(gone),
    });
    const startedMs = clock.now();
    this.#workers.add(worker);
    this.#startedMs.set(worker, startedMs);
    const outcome = await worker.start(limitMs);
    if (outcome.kind === 'ready') return;
    this.#startedMs.delete(worker);
    log('warn', 'an environment did not start', { function: f.name, outcome: outcome.kind });
    const initDurationMs = clock.now() - startedMs;
    this.#waiters.shift()?.done({ worker: undefined, outcome, initDurationMs });
    this.#startForWaiters();
  }

  #becameIdle(worker: Worker): void {
    const startedMs = this.#startedMs.get(worker);
    this.#startedMs.delete(worker);
    if (this.#state === 'closed' || (this.#state === 'retired' && this.#waiters.length === 0)) {
      worker.kill();
      return;
    }
    const cancel = this.#options.clock.after(this.#options.idleMsMax, () => worker.kill());
    this.#idle.push({ worker, cancel });
    this.#serve(startedMs === undefined ? undefined : this.#options.clock.now() - startedMs);
  }

  #becameGone(worker: Worker): void {
    this.#workers.delete(worker);
    const index = this.#idle.findIndex((entry) => entry.worker === worker);
    if (index >= 0) this.#idle.splice(index, 1)[0]!.cancel();
    if (this.#workers.size === 0) this.#onEmpty?.();
    // One that failed to start is answered to its waiter first.
    if (!this.#startedMs.has(worker)) this.#startForWaiters();
  }

  #serve(initDurationMs: number | undefined): void {
    while (this.#waiters.length > 0 && this.#idle.length > 0) {
      const { worker, cancel } = this.#idle.pop()!;
      cancel();
      this.#waiters.shift()!.done({ worker, initDurationMs });
    }
  }
}
