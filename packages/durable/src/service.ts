/**
 * The durable execution service of one directory: opens the journal, takes up what was running and
 * answers the API. Everything it acknowledges is on the disk; what it has not acknowledged may be
 * repeated by the caller without harm.
 */
import type { Server } from 'node:http';
import { executionArn, executionIdOf, functionNameOf } from './arn.ts';
import { Callbacks } from './callbacks.ts';
import { Chained } from './chained.ts';
import { CheckpointConnections } from './checkpoint-connections.ts';
import { Checkpoints } from './checkpoints.ts';
import { DurableError } from './errors.ts';
import type { Execution } from './execution.ts';
import { forkFrom, retryFrom } from './fork.ts';
import type { Taken } from './fork.ts';
import { eventJson } from './history.ts';
import { createAnswering, createApi } from './http.ts';
import type { ApiOptions, RequestHandler } from './http.ts';
import type { JournalFile, Recovery } from './journal.ts';
import type { Limits } from './limits.ts';
import { AWS_LIMITS, RETENTION_DAYS_DEFAULT } from './limits.ts';
import type { Clock, DurableFunctions, Invoker, Log, Random, ResolvedFunction } from './ports.ts';
import type { Json } from './render.ts';
import type { StartRecord } from './records.ts';
import { Runner } from './runner.ts';
import { Store } from './store.ts';
import type { ErrorObject, ExecutionStatus } from './wire.ts';

export interface DurableServiceOptions {
  /** The journal's directory; one process at a time. */
  dir: string;
  clock: Clock;
  random: Random;
  log: Log;
  invoker: Invoker;
  functions: DurableFunctions;
  /** Divides every wait, retry delay and callback timeout (not execution timeouts); default 1. */
  timeScale?: number;
  /** Where they differ from AWS's. */
  limits?: Partial<Limits>;
  /** Journal bytes before a snapshot is worth its while. */
  compactBytesMin?: number;
  /** Opens journal segments; the file system by default. */
  openFile?: (path: string) => Promise<JournalFile>;
}

export interface StartExecution {
  functionName: string;
  /** Alias or version; what it stands for now is what the execution keeps. */
  version?: string;
  /** Starting the same name with the same payload again gives the same execution. */
  name?: string;
  /** JSON text: the handler's event. */
  payload?: string;
}

/** How an execution ended. */
export interface ExecutionResult {
  executionArn: string;
  status: Exclude<ExecutionStatus, 'RUNNING'>;
  /** JSON text of what the handler returned. */
  result?: string;
  error?: ErrorObject;
}

/** An execution as lists show it; times are milliseconds since the epoch. */
export interface ExecutionSummary {
  executionArn: string;
  name: string;
  functionName: string;
  functionArn: string;
  version: string;
  status: ExecutionStatus;
  startedAt: number;
  endedAt?: number;
}

export interface HistoryNotice {
  executionArn: string;
  functionName: string;
  /** As `GetDurableExecutionHistory` shows it. */
  event: Json;
}

export class DurableService {
  readonly #options: DurableServiceOptions;
  readonly #store: Store;
  readonly #runner: Runner;
  readonly #api: ApiOptions;
  readonly #connections: CheckpointConnections;
  readonly callbacks: Callbacks;

  private constructor(options: DurableServiceOptions, store: Store) {
    this.#options = options;
    this.#store = store;
    this.#runner = new Runner({
      clock: options.clock,
      random: options.random,
      log: options.log,
      store,
      invoker: options.invoker,
      limits: { ...AWS_LIMITS, ...options.limits },
      secondMs: 1000 / (options.timeScale ?? 1),
    });
    const chained = new Chained(this.#runner, options.functions);
    this.#runner.chained = chained;
    this.callbacks = new Callbacks(this.#runner);
    this.#api = {
      find: (arn) => this.#find(arn),
      resolve: (name, qualifier) => options.functions.resolve(name, qualifier),
      service: this,
      store,
      checkpoints: new Checkpoints(this.#runner, chained),
      log: options.log,
    };
    this.#connections = new CheckpointConnections(createAnswering(this.#api));
  }

  /** Reads the journal and goes on with every execution that had not ended. */
  static async open(options: DurableServiceOptions): Promise<DurableService> {
    const store = await Store.open(options);
    const service = new DurableService(options, store);
    // A copy: taking executions up may start children, which must not be taken up themselves.
    const found = Array.from(store.state.executions.values());
    for (const execution of found) {
      service.#runner.resume(execution);
    }
    return service;
  }

  /** What reading the journal found, torn tail included. */
  get recovery(): Recovery {
    return this.#store.journal.recovery;
  }

  /** Nothing runs and nothing is being written: only timers and answers from outside are left. */
  get idle(): boolean {
    return this.#runner.busy === 0 && this.#store.journal.settled;
  }

  /** Starts an execution, or finds the one that was started by this name with this payload. */
  async startExecution(o: StartExecution): Promise<{ executionArn: string; existed: boolean }> {
    this.#store.assertWritable();
    const resolved = this.#resolveDurable(o.functionName, o.version);
    const limit = this.#runner.options.limits.executionPayloadBytesMax;
    if (o.payload !== undefined && Buffer.byteLength(o.payload) > limit)
      throw new DurableError('RequestTooLargeException', `A payload is at most ${limit} bytes.`);
    if (o.name !== undefined && !/^[\w-]{1,64}$/.test(o.name))
      throw new DurableError(
        'InvalidParameterValueException',
        `Execution name ${JSON.stringify(o.name)} does not match [A-Za-z0-9_-]{1,64}.`,
      );
    const existing =
      o.name === undefined ? undefined : this.#store.state.named(resolved.functionName, o.name);
    if (existing) {
      if (existing.input !== o.payload)
        throw new DurableError(
          'DurableExecutionAlreadyStartedException',
          `The execution ${o.name} of ${resolved.functionName} was started with another payload.`,
        );
      await this.#store.acknowledged();
      return { executionArn: existing.arn, existed: true };
    }
    const execution = this.#begin(resolved, {
      ...(o.name === undefined ? {} : { name: o.name }),
      ...(o.payload === undefined ? {} : { payload: o.payload }),
    });
    await this.#store.acknowledged();
    return { executionArn: execution.arn, existed: false };
  }

  /**
   * Resolves when the execution has ended, at once if it has already. Never settles when the
   * service is closed first: the execution goes on with the next start.
   */
  async waitFor(arn: string): Promise<ExecutionResult> {
    const execution = this.#find(arn);
    if (execution.status === 'RUNNING') {
      await new Promise<void>((resolve) => {
        this.#runner.live(execution).waiting.push(resolve);
      });
    } else {
      await this.#store.journal.eventuallyDurable();
    }
    return {
      executionArn: execution.arn,
      status: execution.status as ExecutionResult['status'],
      ...(execution.result === undefined ? {} : { result: execution.result }),
      ...(execution.error === undefined ? {} : { error: execution.error }),
    };
  }

  /** Executions of a function, or of all, in the order they were started. */
  list(functionName?: string): ExecutionSummary[] {
    const { state } = this.#store;
    const executions =
      functionName === undefined
        ? state.executions.values()
        : state.ofFunction(functionNameOf(functionName).name);
    return [...executions].map(summary);
  }

  /** The summary of one execution, by ARN, last part of it, or unambiguous name, as everywhere. */
  get(arn: string): ExecutionSummary {
    return summary(this.#find(arn));
  }

  /** The whole history, events as `GetDurableExecutionHistory` shows them, with payloads. */
  history(arn: string): Json[] {
    const execution = this.#find(arn);
    return execution.events.map((_event, index) => eventJson(execution, index, true));
  }

  /** Follows all executions: called with every new history event. */
  watch(listener: (notice: HistoryNotice) => void): () => void {
    return this.#store.watch((execution, from) => {
      for (let index = from; index < execution.events.length; index++) {
        listener({
          executionArn: execution.arn,
          functionName: execution.functionName,
          event: eventJson(execution, index, true),
        });
      }
    });
  }

  /**
   * Ends an execution from outside. An invocation that is running is not killed; its next
   * checkpoint is refused. Returns when it was stopped; an execution that had ended keeps its end.
   */
  async stop(arn: string, error?: ErrorObject): Promise<{ stoppedAt: number }> {
    this.#store.assertWritable();
    const execution = this.#find(arn);
    if (execution.status === 'RUNNING') {
      this.#runner.end(execution, { status: 'STOPPED', error: error ?? {} });
    }
    await this.#store.acknowledged();
    return { stoppedAt: execution.endedAt! };
  }

  /**
   * Starts a new execution of the same function and input that has behind it all that had ended
   * when the operation `fromStep` (name or id) began; without it, nothing. `version` defaults to
   * the old one's.
   */
  async fork(
    arn: string,
    o: { fromStep?: string; version?: string } = {},
  ): Promise<{ executionArn: string }> {
    const source = this.#find(arn);
    const taken =
      o.fromStep === undefined ? { operations: [], events: [] } : forkFrom(source, o.fromStep);
    if (!taken)
      throw new DurableError(
        'InvalidParameterValueException',
        `The execution has no operation ${o.fromStep}: its history names them.`,
      );
    return this.#branch(source, 'fork', taken, o.version);
  }

  /** Starts a new execution that has behind it all but the failure of one that did not succeed. */
  async retry(arn: string, o: { version?: string } = {}): Promise<{ executionArn: string }> {
    const source = this.#find(arn);
    if (source.status === 'RUNNING' || source.status === 'SUCCEEDED')
      throw new DurableError(
        'InvalidParameterValueException',
        `The execution is ${source.status}: only one that failed can be retried.`,
      );
    return this.#branch(source, 'retry', retryFrom(source), o.version);
  }

  /**
   * The durable execution API of Lambda, version 2025-12-01, and in its style what AWS does not
   * have: `GET durable-executions` (of all functions), `POST …/fork`, `POST …/retry`.
   */
  api(): RequestHandler {
    return createApi(this.#api, createAnswering(this.#api));
  }

  /**
   * Answers the checkpoints that connections to `server` bring without the server's help; whatever
   * else they bring goes to the server, which has to have this API.
   */
  takeCheckpoints(server: Server): void {
    this.#connections.take(server);
  }

  /** Stops taking part: running invocations are aborted and taken up by the next start. */
  async close(): Promise<void> {
    this.#runner.close();
    await this.#store.journal.close();
    this.#connections.close();
  }

  async #branch(
    source: Execution,
    how: 'fork' | 'retry',
    taken: Taken,
    version: string | undefined,
  ): Promise<{ executionArn: string }> {
    this.#store.assertWritable();
    const resolved = this.#resolveDurable(source.functionName, version ?? source.version);
    let name = '';
    for (let n = 1; name === '' || this.#store.state.named(source.functionName, name); n++) {
      const suffix = `-${how}-${n}`;
      name = source.name.slice(0, 64 - suffix.length) + suffix;
    }
    const execution = this.#begin(resolved, {
      name,
      ...(source.input === undefined ? {} : { payload: source.input }),
      fork: { from: source.arn, ...taken },
    });
    await this.#store.acknowledged();
    return { executionArn: execution.arn };
  }

  #begin(
    resolved: ResolvedFunction,
    o: { name?: string; payload?: string; fork?: StartRecord['fork'] },
  ): Execution {
    const { clock, random } = this.#options;
    const id = random.uuid();
    const name = o.name ?? id;
    const now = clock.now();
    const { executionTimeoutSeconds, retentionDays } = resolved.durable!;
    const execution = this.#store.commit({
      k: 'start',
      x: id,
      t: now,
      arn: executionArn({ ...resolved, name, id }),
      name,
      functionName: resolved.functionName,
      version: resolved.version,
      functionArn: resolved.functionArn,
      ...(o.payload === undefined ? {} : { input: o.payload }),
      timeoutSeconds: executionTimeoutSeconds,
      timeoutAt: now + executionTimeoutSeconds * 1000,
      retentionDays: retentionDays ?? RETENTION_DAYS_DEFAULT,
      ...(o.fork === undefined ? {} : { fork: o.fork }),
    });
    this.#runner.begin(execution);
    return execution;
  }

  #resolveDurable(functionName: string, version: string | undefined): ResolvedFunction {
    const resolved = this.#options.functions.resolve(functionName, version);
    if (!resolved)
      throw new DurableError('ResourceNotFoundException', `Function not found: ${functionName}`);
    if (!resolved.durable)
      throw new DurableError(
        'InvalidParameterValueException',
        `${functionName} is not a durable function: give it a DurableConfig.`,
      );
    return resolved;
  }

  /** By ARN, by the last part of one, or by a name that only one execution has. */
  #find(arn: string): Execution {
    const { state } = this.#store;
    const execution = state.executions.get(executionIdOf(arn) ?? arn);
    if (execution && (!arn.startsWith('arn:') || execution.arn === arn)) return execution;
    const named = arn.startsWith('arn:') ? [] : state.allNamed(arn);
    if (named.length === 1) return named[0]!;
    if (named.length > 1)
      throw new DurableError(
        'InvalidParameterValueException',
        `${named.length} executions are named ${arn}, say which by its ARN: ${named.map((found) => found.arn).join(', ')}`,
      );
    throw new DurableError('ResourceNotFoundException', `Durable execution not found: ${arn}`);
  }
}

function summary(execution: Execution): ExecutionSummary {
  return {
    executionArn: execution.arn,
    name: execution.name,
    functionName: execution.functionName,
    functionArn: execution.functionArn,
    version: execution.version,
    status: execution.status,
    startedAt: execution.startedAt,
    ...(execution.endedAt === undefined ? {} : { endedAt: execution.endedAt }),
  };
}
