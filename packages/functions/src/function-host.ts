/**
 * Runs Lambda-style functions on this machine: one worker process per execution environment.
 * Knows no file system: it is given directories to show at /mnt/….
 */
import { join } from 'node:path';

import type { DurableInvoker } from './durable-invoker.ts';
import { EventQueue } from './event-queue.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import { FunctionLog } from './function-log.ts';
import { parseFunctionName } from './function-name.ts';
import { FunctionRegistry } from './function-registry.ts';
import { InvocationLog } from './invocation-log.ts';
import {
  ASYNC_PAYLOAD_BYTES_MAX,
  encodeFunctionError,
  RESPONSE_BYTES_MAX,
  type FunctionError,
  type InvocationReport,
  type InvocationRequest,
  type InvocationResult,
} from './invocation.ts';
import type { IsolationKind } from './isolation.ts';
import { LambdaError } from './lambda-error.ts';
import type { Clock, Log, Random } from './ports.ts';
import { Sandbox } from './sandbox.ts';
import { systemClock, systemRandom } from './system-ports.ts';
import type { InitOutcome, InvocationOutcome } from './worker.ts';
import { WorkerPool, type Acquired } from './worker-pool.ts';

export interface FunctionHostOptions {
  /** The host's own directory: queue of asynchronous invocations, logs, mount tables. */
  dir: string;
  clock?: Clock;
  random?: Random;
  log: Log;
  /** Default `<dir>/logs`. One file per function. */
  logDir?: string;
  /** Where workers keep compiled code between starts (NODE_COMPILE_CACHE). */
  compileCacheDir?: string;
  /** Divides the pauses after errors of asynchronous invocations; default 1. */
  timeScale?: number;
  /** How long an idle environment is kept; default 5 minutes. */
  idleMsMax?: number;
  /** `none` to do without namespaces where they would be possible. */
  isolation?: IsolationKind;
}

export interface EnvironmentInfo {
  functionName: string;
  version: string;
  /** The leader of the environment's process group, once it runs. */
  pid: number | undefined;
  state: 'starting' | 'idle' | 'busy';
}

interface Outcome {
  payload: Uint8Array;
  errorType?: string;
  status: InvocationReport['status'];
  maxMemoryUsedMb?: number | undefined;
}

const IDLE_MS_MAX = 300_000;
const EMPTY_EVENT = Buffer.from('{}');

export class FunctionHost {
  readonly #options: FunctionHostOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #registry = new FunctionRegistry();
  readonly #pools = new Map<FunctionConfiguration, WorkerPool>();
  readonly #logs = new Map<string, FunctionLog>();
  readonly #events: EventQueue;
  readonly #durable = Promise.withResolvers<DurableInvoker>();
  #sandbox: Promise<Sandbox> | undefined;
  #closed = false;

  constructor(options: FunctionHostOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#events = new EventQueue({
      path: join(options.dir, 'events.jsonl'),
      clock: this.#clock,
      log: options.log,
      invoke: (request) => this.invoke(request),
      resolve: (functionName, qualifier) => this.#registry.resolve(functionName, qualifier),
      start: async (request) => (await this.#durable.promise).start(request),
      ended: async (executionArn) => (await this.#durable.promise).ended(executionArn),
      ...(options.timeScale !== undefined && { timeScale: options.timeScale }),
    });
  }

  /**
   * Adds a function version, or replaces it: running invocations end with the old configuration.
   * Throws InvalidParameterValueException.
   */
  register(f: FunctionConfiguration): void {
    const replaced = this.#registry.add(f);
    if (replaced !== undefined) this.#pools.get(replaced)?.retire();
    this.#events.pump(f.name);
  }

  /** Throws ResourceNotFoundException, ValidationException. */
  resolve(functionName: string, qualifier?: string): FunctionConfiguration {
    return this.#registry.resolve(functionName, qualifier);
  }

  /** Starts an environment before its first invocation; a failure is left to the invocation. */
  async warm(functionName: string, qualifier?: string): Promise<void> {
    const f = this.#registry.resolve(functionName, qualifier);
    await (await this.#pool(f)).warm();
  }

  /** Every environment there is. */
  environments(): EnvironmentInfo[] {
    return [...this.#pools.values()]
      .flatMap((pool) => [...pool.workers])
      .map((worker) => ({
        functionName: worker.f.name,
        version: worker.f.version,
        pid: worker.pid,
        state: worker.state === 'starting' || worker.state === 'idle' ? worker.state : 'busy',
      }));
  }

  /**
   * One synchronous invocation. The function's own failure is a result; throws LambdaError when
   * the service refuses or cannot run it. Of any size: the limit is the Invoke API's, and an invocation of
   * a durable execution, which carries JSON within JSON, may be several times larger.
   */
  async invoke(request: InvocationRequest): Promise<InvocationResult> {
    const f = this.#registry.resolve(request.functionName, request.qualifier);
    const requestId = request.requestId ?? this.#random.uuid();
    const pool = await this.#pool(f);
    const file = this.#file(f.name);
    const log = new InvocationLog({
      f,
      requestId,
      clock: this.#clock,
      file: (line) => file.write(line),
      listener: request.log,
    });

    let acquired = await pool.acquire();
    let startedMs = this.#clock.now();
    const limitMs = (): number => {
      const untilTimeoutMs = startedMs + f.timeoutSeconds * 1000 - this.#clock.now();
      const untilDeadlineMs = (request.deadlineMs ?? Infinity) - this.#clock.now();
      return Math.min(untilTimeoutMs, untilDeadlineMs);
    };
    if (acquired.worker === undefined && acquired.outcome.kind === 'timeout') {
      log.line(
        `INIT_REPORT Init Duration: ${acquired.initDurationMs.toFixed(2)} ms\tStatus: timeout`,
      );
      acquired = await pool.startOver(limitMs());
    } else {
      startedMs = this.#clock.now();
    }

    log.start();
    const outcome = await this.#run(pool, acquired, requestId, request, limitMs(), log);
    const report: InvocationReport = {
      durationMs: this.#clock.now() - startedMs,
      ...(acquired.initDurationMs === undefined ? {} : { initDurationMs: acquired.initDurationMs }),
      memoryMb: f.memoryMb,
      ...(outcome.maxMemoryUsedMb === undefined
        ? {}
        : { maxMemoryUsedMb: outcome.maxMemoryUsedMb }),
      status: outcome.status,
    };
    log.end(report, outcome.errorType);
    return {
      payload: outcome.payload,
      ...(outcome.errorType === undefined ? {} : { functionError: 'Unhandled' as const }),
      logTail: log.tail(),
      executedVersion: f.version,
      requestId,
      report,
    };
  }

  /** Queues an asynchronous invocation; resolves with its request id once it is on disk. */
  async invokeLater(request: InvocationRequest): Promise<string> {
    this.#registry.resolve(request.functionName, request.qualifier);
    if (request.payload.byteLength > ASYNC_PAYLOAD_BYTES_MAX)
      throw new LambdaError(
        'RequestTooLargeException',
        `Request must be smaller than ${ASYNC_PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation`,
      );
    const requestId = request.requestId ?? this.#random.uuid();
    await this.#events.accept({ ...request, requestId });
    return requestId;
  }

  /** Who runs executions: events of durable functions, and ends that destinations wait for, wait for it. */
  useDurable(durable: DurableInvoker): void {
    this.#durable.resolve(durable);
  }

  /**
   * The request has started a durable execution, and nobody waits for its end but the function's destinations:
   * resolves once it is on disk that they are to be told.
   */
  async tellOfEnd(request: InvocationRequest & { executionArn: string }): Promise<void> {
    const f = this.#registry.resolve(request.functionName, request.qualifier);
    const { onSuccess, onFailure } = f.destinations ?? {};
    if (onSuccess !== undefined || onFailure !== undefined) await this.#events.follow(request);
  }

  /** Kills every worker. Invocations under way end as killed; queued ones stay for the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#events.close();
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
    (await this.#sandbox)?.close();
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
  }

  async #run(
    pool: WorkerPool,
    acquired: Acquired,
    requestId: string,
    request: InvocationRequest,
    limitMs: number,
    log: InvocationLog,
  ): Promise<Outcome> {
    const { f } = pool;
    if (acquired.worker === undefined) return this.#initFailed(acquired.outcome, f, requestId);
    const { qualifier } = parseFunctionName(request.functionName, request.qualifier);
    const outcome = await acquired.worker.invoke(
      {
        requestId,
        payload: request.payload.byteLength === 0 ? EMPTY_EVENT : request.payload,
        deadlineMs: this.#clock.now() + limitMs,
        functionArn: qualifier === undefined ? f.arn : `${f.arn}:${qualifier}`,
        ...(request.clientContext === undefined ? {} : { clientContext: request.clientContext }),
        ...(request.traceId === undefined ? {} : { traceId: request.traceId }),
        ...(request.tenantId === undefined ? {} : { tenantId: request.tenantId }),
      },
      limitMs,
      (line) => log.line(line),
    );
    if (outcome.kind === 'unreached')
      return this.#run(pool, await pool.acquire(), requestId, request, limitMs, log);
    return invocationOutcome(outcome, f, requestId);
  }

  #initFailed(
    outcome: Exclude<InitOutcome, { kind: 'ready' }>,
    f: FunctionConfiguration,
    requestId: string,
  ): Outcome {
    switch (outcome.kind) {
      case 'broken':
        this.#options.log('error', 'an environment cannot be made', {
          function: f.name,
          cause: outcome.message,
        });
        throw new LambdaError(
          f.binds.length > 0 ? 'S3FilesMountFailureException' : 'ServiceException',
          `The environment of ${f.name} cannot be made: ${outcome.message}`,
        );
      case 'error':
        return asError(outcome.body, 'Runtime.InitError');
      case 'timeout':
        return timedOut(f, requestId);
      case 'exit':
        return failed('error', {
          errorType: 'Runtime.ExitError',
          errorMessage: `RequestId: ${requestId} Error: ${outcome.reason}`,
        });
    }
  }

  async #pool(f: FunctionConfiguration): Promise<WorkerPool> {
    this.#sandbox ??= Sandbox.open(this.#options);
    const sandbox = await this.#sandbox;
    if (this.#closed) throw new LambdaError('ServiceException', 'The host is closing.');
    let pool = this.#pools.get(f);
    if (pool === undefined) {
      const file = this.#file(f.name);
      pool = new WorkerPool({
        f,
        sandbox,
        clock: this.#clock,
        random: this.#random,
        log: this.#options.log,
        onLine: (line) => file.write(line),
        idleMsMax: this.#options.idleMsMax ?? IDLE_MS_MAX,
      });
      this.#pools.set(f, pool);
    }
    return pool;
  }

  #file(name: string): FunctionLog {
    let file = this.#logs.get(name);
    if (file === undefined) {
      const dir = this.#options.logDir ?? join(this.#options.dir, 'logs');
      file = new FunctionLog(dir, name, this.#options.log);
      this.#logs.set(name, file);
    }
    return file;
  }
}

function invocationOutcome(
  outcome: Exclude<InvocationOutcome, { kind: 'unreached' }>,
  f: FunctionConfiguration,
  requestId: string,
): Outcome {
  switch (outcome.kind) {
    case 'response':
      return {
        payload: outcome.body,
        status: 'success',
        maxMemoryUsedMb: outcome.maxMemoryUsedMb,
      };
    case 'error':
      return {
        ...asError(outcome.body, 'Runtime.Unknown'),
        maxMemoryUsedMb: outcome.maxMemoryUsedMb,
      };
    case 'too-large':
      return failed('error', {
        errorType: 'Function.ResponseSizeTooLarge',
        errorMessage:
          `Response payload size (${outcome.bytes} bytes) exceeded maximum allowed payload size ` +
          `(${RESPONSE_BYTES_MAX} bytes).`,
      });
    case 'exit':
      return failed('error', {
        errorType: 'Runtime.ExitError',
        errorMessage: `RequestId: ${requestId} Error: ${outcome.reason}`,
      });
    case 'timeout':
      return timedOut(f, requestId);
  }
}

function timedOut(f: FunctionConfiguration, requestId: string): Outcome {
  return failed('timeout', {
    errorType: 'Sandbox.Timedout',
    errorMessage:
      `RequestId: ${requestId} Error: Task timed out after ` +
      `${f.timeoutSeconds.toFixed(2)} seconds`,
  });
}

function failed(status: 'error' | 'timeout', error: FunctionError): Outcome {
  return { payload: encodeFunctionError(error), errorType: error.errorType, status };
}

/** An error object that the worker wrote itself. */
function asError(body: Uint8Array, fallback: string): Outcome {
  let errorType = fallback;
  try {
    const parsed = JSON.parse(Buffer.from(body).toString()) as { errorType?: unknown } | null;
    if (typeof parsed?.errorType === 'string') errorType = parsed.errorType;
  } catch {
    return failed('error', {
      errorType,
      errorMessage: 'The runtime sent an error that is no JSON.',
    });
  }
  return { payload: body, errorType, status: 'error' };
}
