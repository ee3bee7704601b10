/**
 * Asynchronous invocations: accepted once they are on disk, run at least once, tried again after a
 * function error one and two minutes later (less where time is scaled), dropped (and said so) when too
 * old or out of tries. How it ended is told to the function's destination, if it has one, as an
 * asynchronous invocation of that. An event of a durable function starts an execution, unless it did
 * before it came here, and is kept until the end of that has been told. A restart resumes what was accepted.
 * An invocation cut short by the host's own end counts for nothing.
 */
import { createHash } from 'node:crypto';

import {
  CONCURRENCY_DEFAULT,
  EVENT_AGE_SECONDS_DEFAULT,
  RETRY_ATTEMPTS_DEFAULT,
  type FunctionConfiguration,
} from './function-configuration.ts';
import { parseFunctionName } from './function-name.ts';
import type { InvocationRequest, InvocationResult } from './invocation.ts';
import type { DurableInvoker } from './durable-invoker.ts';
import { destinationRecord, type EndCondition, type EndResult } from './destination-record.ts';
import { EventJournal, type QueuedEvent } from './event-journal.ts';
import { LambdaError } from './lambda-error.ts';
import type { Clock, Log } from './ports.ts';

export interface EventQueueOptions {
  path: string;
  clock: Clock;
  log: Log;
  /** Throws LambdaError when the service could not run the function. */
  invoke: (request: InvocationRequest) => Promise<InvocationResult>;
  /** Throws ResourceNotFoundException. */
  resolve: (functionName: string, qualifier?: string) => FunctionConfiguration;
  /** Starts an execution of a durable function. */
  start: DurableInvoker['start'];
  /** Resolves when a durable execution has ended; rejects when there is none of this ARN. */
  ended: (executionArn: string) => Promise<EndResult>;
  /** Divides the pauses after function errors (not the age an event may have); default 1. */
  timeScale?: number;
}

const RETRY_MS = [60_000, 120_000];
const SERVICE_RETRY_MS_MAX = 300_000;

export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #journal: EventJournal;
  /** By function name, in order of acceptance. */
  readonly #waiting = new Map<string, QueuedEvent[]>();
  readonly #running = new Map<string, number>();
  readonly #cancels = new Set<() => void>();
  #closed = false;

  constructor(options: EventQueueOptions) {
    this.#options = options;
    this.#journal = new EventJournal(options.path, options.log);
    for (const event of this.#journal.live.values()) {
      if (event.executionArn === undefined) this.#lineUp(event).push(event);
      else void this.#follow(event, event.executionArn);
    }
  }

  /** Resolves once the event will survive anything but the disk's loss. */
  async accept(
    request: InvocationRequest & { requestId: string; executionArn?: string },
  ): Promise<void> {
    const { executionArn } = request;
    const { name, qualifier } = parseFunctionName(request.functionName, request.qualifier);
    const now = this.#options.clock.now();
    const event: QueuedEvent = {
      id: request.requestId,
      functionName: name,
      ...(qualifier === undefined ? {} : { qualifier }),
      payloadBase64: Buffer.from(request.payload).toString('base64'),
      ...(request.clientContext === undefined ? {} : { clientContext: request.clientContext }),
      ...(request.traceId === undefined ? {} : { traceId: request.traceId }),
      ...(request.tenantId === undefined ? {} : { tenantId: request.tenantId }),
      ...(executionArn === undefined ? {} : { executionArn }),
      acceptedMs: now,
      failures: 0,
      notBeforeMs: now,
    };
    try {
      await this.#journal.append({ type: 'accepted', event });
    } catch (cause) {
      throw new LambdaError('ServiceException', `The event could not be stored: ${String(cause)}`);
    }
    if (executionArn === undefined) {
      this.#lineUp(event).push(event);
      this.pump(name);
    } else {
      void this.#follow(event, executionArn);
    }
  }

  /** To be told of the end of an execution; once, however often it was asked for. */
  async follow(request: InvocationRequest & { executionArn: string }): Promise<void> {
    const requestId = uuidOf(`end of ${request.executionArn}`);
    if (!this.#journal.live.has(requestId)) await this.accept({ ...request, requestId });
  }

  /** Starts what is due of one function; called when that function appears. */
  pump(functionName: string): void {
    const line = this.#waiting.get(functionName);
    if (line === undefined || this.#closed) return;
    while (line.length > 0) {
      const event = line[0]!;
      let f: FunctionConfiguration;
      try {
        f = this.#options.resolve(event.functionName, event.qualifier);
      } catch {
        // Not registered (yet): it keeps its place until it is, or until a later start of the host.
        return;
      }
      const running = this.#running.get(functionName) ?? 0;
      if (running >= (f.concurrency ?? CONCURRENCY_DEFAULT)) return;
      line.shift();
      this.#running.set(functionName, running + 1);
      void this.#run(event, f).finally(() => {
        this.#running.set(functionName, this.#running.get(functionName)! - 1);
        this.pump(functionName);
      });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#cancels) cancel();
    await this.#journal.close();
  }

  async #run(event: QueuedEvent, f: FunctionConfiguration): Promise<void> {
    const { clock, timeScale = 1 } = this.#options;
    const maxAgeMs = 1000 * (f.maximumEventAgeSeconds ?? EVENT_AGE_SECONDS_DEFAULT);
    if (clock.now() - event.acceptedMs > maxAgeMs) {
      this.#givenUp(event, 'too old');
      return this.#end(event, f, 'EventAgeExceeded', undefined);
    }
    if (clock.now() < event.notBeforeMs) return this.#later(event);
    const asked = {
      functionName: event.functionName,
      ...(event.qualifier === undefined ? {} : { qualifier: event.qualifier }),
      payload: Buffer.from(event.payloadBase64, 'base64'),
    };
    let result: InvocationResult;
    try {
      if (f.durable) {
        // Named after the event, so that it starts once, however often the event is run.
        const started = await this.#options.start({ ...asked, executionName: event.id });
        const { executionArn } = started;
        started.result.catch(() => {});
        await this.#record({ type: 'started', id: event.id, executionArn });
        if (!this.#closed) void this.#follow(event, executionArn);
        return;
      }
      result = await this.#options.invoke({
        ...asked,
        ...(event.clientContext === undefined ? {} : { clientContext: event.clientContext }),
        ...(event.traceId === undefined ? {} : { traceId: event.traceId }),
        ...(event.tenantId === undefined ? {} : { tenantId: event.tenantId }),
        requestId: event.id,
      });
    } catch {
      // The service's fault, not the function's: costs no try.
      const waitedMs = clock.now() - event.acceptedMs;
      event.notBeforeMs =
        clock.now() + Math.min(SERVICE_RETRY_MS_MAX, Math.max(1000, 2 * waitedMs));
      return this.#later(event);
    }
    if (this.#closed) return;
    if (result.functionError === undefined) return this.#end(event, f, 'Success', result);
    const failures = event.failures + 1;
    if (failures > (f.maximumRetryAttempts ?? RETRY_ATTEMPTS_DEFAULT)) {
      this.#givenUp(event, 'out of retries');
      return this.#end(event, f, 'RetriesExhausted', result);
    }
    const notBeforeMs = clock.now() + RETRY_MS[failures - 1]! / timeScale;
    await this.#record({ type: 'failed', id: event.id, failures, notBeforeMs });
    event.failures = failures;
    event.notBeforeMs = notBeforeMs;
    this.#later(event);
  }

  async #follow(event: QueuedEvent, executionArn: string): Promise<void> {
    let result: EndResult;
    let f: FunctionConfiguration;
    try {
      result = await this.#options.ended(executionArn);
      if (this.#closed) return;
      f = this.#options.resolve(event.functionName, event.qualifier);
    } catch (cause) {
      // It stays in the journal, for the next start.
      this.#options.log('error', 'the end of an execution could not be told', {
        execution: executionArn,
        cause: String(cause),
      });
      return;
    }
    const condition = result.functionError === undefined ? 'Success' : 'RetriesExhausted';
    return this.#end(event, f, condition, result);
  }

  #later(event: QueuedEvent): void {
    if (this.#closed) return;
    const delayMs = Math.max(0, event.notBeforeMs - this.#options.clock.now());
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      this.#lineUp(event).push(event);
      this.pump(event.functionName);
    });
    this.#cancels.add(cancel);
  }

  #givenUp(event: QueuedEvent, reason: string): void {
    this.#options.log('error', 'an asynchronous invocation was given up', {
      function: event.functionName,
      requestId: event.id,
      reason,
    });
  }

  /**
   * The destination's invocation is on the disk before the event is done: cut off in between, it is
   * told again, never not at all. Its id follows from the event's.
   */
  async #end(
    event: QueuedEvent,
    f: FunctionConfiguration,
    condition: EndCondition,
    result: EndResult | undefined,
  ): Promise<void> {
    const { onSuccess, onFailure } = f.destinations ?? {};
    const destination = condition === 'Success' ? onSuccess : onFailure;
    if (destination !== undefined) {
      const atMs = this.#options.clock.now();
      try {
        await this.accept({
          requestId: uuidOf(`destination of ${event.id}`),
          functionName: destination,
          payload: destinationRecord({ event, f, condition, atMs, result }),
        });
      } catch (cause) {
        // It stays in the journal and is run, and told of, again.
        this.#options.log('error', 'a destination could not be told', { cause: String(cause) });
        return;
      }
    }
    await this.#record({ type: 'done', id: event.id });
  }

  /** A record that is lost costs a repetition after a restart, no more. */
  async #record(record: Parameters<EventJournal['append']>[0]): Promise<void> {
    try {
      await this.#journal.append(record);
    } catch (cause) {
      this.#options.log('error', 'the event queue cannot be written', { cause: String(cause) });
    }
  }

  #lineUp(event: QueuedEvent): QueuedEvent[] {
    let line = this.#waiting.get(event.functionName);
    if (line === undefined) this.#waiting.set(event.functionName, (line = []));
    return line;
  }
}

/** A UUID for what follows from something else, the same each time. */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const variant = `8${hex.slice(17, 20)}`;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `5${hex.slice(13, 16)}`,
    variant,
    hex.slice(20, 32),
  ].join('-');
}
