// The durable execution API of one stack, as a client sees it. Shapes are those of AWS (2025-12-01);
// time stamps in them are seconds since the epoch.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT } from '../command-line/outcome.ts';

export interface ListedExecution {
  readonly DurableExecutionArn: string;
  readonly DurableExecutionName: string;
  readonly FunctionArn: string;
  readonly Status: string;
  readonly StartTimestamp: number;
  readonly EndTimestamp?: number;
}

export interface ErrorObject {
  readonly ErrorType?: string;
  readonly ErrorMessage?: string;
  readonly StackTrace?: readonly string[];
}

export interface DescribedExecution extends ListedExecution {
  readonly Version: string;
  readonly InputPayload?: string;
  readonly Result?: string;
  readonly Error?: ErrorObject;
}

export interface HistoryEvent {
  readonly EventType: string;
  readonly EventId: number;
  readonly EventTimestamp: number;
  readonly Id?: string;
  readonly ParentId?: string;
  readonly Name?: string;
  /** `<EventType>Details`, whose shape depends on the type. */
  readonly [details: `${string}Details`]: EventDetails | undefined;
}

export interface EventDetails {
  readonly Error?: { readonly Payload?: ErrorObject };
  readonly CallbackId?: string;
  readonly StartTimestamp?: number;
}

/** What the stack said no to. `status` and `type` are AWS's. */
export class Refusal extends CommandError {
  readonly status: number;

  constructor(status: number, type: string, message: string) {
    const own = status < 500;
    super(
      own ? EXIT.usage : EXIT.incomplete,
      `${message} (${type})`,
      own ? undefined : 'Try again.',
    );
    this.status = status;
  }
}

/** Nobody listens, or the connection broke. */
export class Unreachable extends CommandError {}

const PAGE_ITEMS = 1000;
/** How long a stack may take to come up before it is called busy. */
const STARTING_ATTEMPTS = 50;
const STARTING_PAUSE_MS = 200;

export class ManagementApi {
  readonly #base: string;
  readonly #runId: string;

  constructor(endpoint: string, runId: string) {
    this.#base = `${endpoint}/2025-12-01`;
    this.#runId = runId;
  }

  /** Of all functions, in the order they were started; with `statuses` only those. */
  async list(statuses?: string): Promise<ListedExecution[]> {
    const found: ListedExecution[] = [];
    let marker: string | undefined;
    do {
      const query = new URLSearchParams({ MaxItems: String(PAGE_ITEMS) });
      if (statuses !== undefined) query.set('Statuses', statuses);
      if (marker !== undefined) query.set('Marker', marker);
      const page = (await this.#call('GET', `durable-executions?${query}`)) as {
        DurableExecutions: ListedExecution[];
        NextMarker?: string;
      };
      found.push(...page.DurableExecutions);
      marker = page.NextMarker;
    } while (marker !== undefined);
    return found;
  }

  /** `reference` is an ARN, an id or a name. */
  get(reference: string): Promise<DescribedExecution> {
    return this.#call('GET', execution(reference)) as Promise<DescribedExecution>;
  }

  /** Up to 1000 events after the first `from` ones; none when there are no more. */
  async history(reference: string, from: number): Promise<HistoryEvent[]> {
    const query = `IncludeExecutionData=true&MaxItems=${PAGE_ITEMS}&Marker=${from}`;
    const page = await this.#call('GET', `${execution(reference)}/history?${query}`);
    return (page as { Events: HistoryEvent[] }).Events;
  }

  async wholeHistory(reference: string): Promise<HistoryEvent[]> {
    const events: HistoryEvent[] = [];
    for (;;) {
      const page = await this.history(reference, events.length);
      if (page.length === 0) return events;
      events.push(...page);
    }
  }

  async stop(reference: string, error: ErrorObject | undefined): Promise<void> {
    await this.#call('POST', `${execution(reference)}/stop`, error && JSON.stringify(error));
  }

  async answer(
    callbackId: string,
    how: 'succeed' | 'fail' | 'heartbeat',
    body: string | undefined,
  ): Promise<void> {
    const id = encodeURIComponent(callbackId);
    await this.#call('POST', `durable-execution-callbacks/${id}/${how}`, body);
  }

  /** Gives the ARN of the execution that was started. */
  async branch(reference: string, how: 'retry' | 'fork', fromStep?: string): Promise<string> {
    const body = fromStep === undefined ? undefined : JSON.stringify({ FromStep: fromStep });
    const reply = await this.#call('POST', `${execution(reference)}/${how}`, body);
    return (reply as { DurableExecutionArn: string }).DurableExecutionArn;
  }

  async #call(method: string, path: string, body?: string): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      const { status, type, reply } = await this.#send(method, path, body);
      if (status === 200) return reply;
      if (status !== 503 || attempt === STARTING_ATTEMPTS)
        throw new Refusal(status, type, reply.message ?? `HTTP status ${status}`);
      await sleep(STARTING_PAUSE_MS);
    }
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
  ): Promise<{ status: number; type: string; reply: { message?: string } }> {
    try {
      const response = await fetch(`${this.#base}/${path}`, {
        method,
        ...(body !== undefined && { body }),
      });
      return {
        status: response.status,
        type: response.headers.get('x-amzn-errortype') ?? 'no error type',
        reply: (await response.json()) as { message?: string },
      };
    } catch (error) {
      throw new Unreachable(
        EXIT.incomplete,
        `The stack of run ${this.#runId} does not answer at ${this.#base}.`,
        `If it has ended: moorage review --resume ${this.#runId}`,
        { cause: error },
      );
    }
  }
}

function execution(reference: string): string {
  return `durable-executions/${encodeURIComponent(reference)}`;
}
