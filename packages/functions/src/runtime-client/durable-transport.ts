/**
 * The short way from the durable execution SDK to the durable API: the same requests to the same
 * endpoint (`AWS_ENDPOINT_URL_LAMBDA`), without the AWS SDK's serialisers and signature in between.
 *
 * The SDK takes a client from the invocation's event when that is, by its name, a
 * `DurableExecutionInvocationInputWithClient`. This is an internal of the SDK: it is used for those
 * versions only that `durable-transport.test.ts` holds to it. Any other version sees an event like
 * any other and goes through the AWS SDK. So does a handler that was given a client of its own, or of which
 * that cannot be told, and a function with `MOORAGE_DURABLE_CLIENT=sdk` in its environment.
 *
 * Answers of the API are those the AWS SDK would give: times as `Date`, refusals as errors named after
 * AWS's with `$metadata.httpStatusCode`, what may pass tried three times with one client token.
 */
import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { pathToFileURL } from 'node:url';
import { givenClient } from './given-client.ts';
import { KeptConnections, type Reply } from './kept-connections.ts';

const SDK = '@aws/durable-execution-sdk-js';
/** Versions held to the contract. */
const SDK_VERSIONS: readonly string[] = ['2.4.0'];
/** As it stands in a bundle, minified or not. */
const SDK_IN_BUNDLE = /aws-durable-execution-sdk-js["'`][^"'`]{0,60}["'`](\d+\.\d+\.\d+)["'`]/;
const PATH = '/2025-12-01/durable-executions/';
const ATTEMPTS = 3;
const PAUSE_MS = 100;

interface Checkpoint {
  readonly DurableExecutionArn: string;
  readonly CheckpointToken: string;
  readonly Updates?: readonly unknown[];
}

interface StateRequest {
  readonly DurableExecutionArn: string;
  readonly CheckpointToken: string;
  readonly Marker?: string;
  readonly MaxItems?: number;
}

interface Operation {
  StartTimestamp?: Time;
  EndTimestamp?: Time;
  StepDetails?: { NextAttemptTimestamp?: Time };
  WaitDetails?: { ScheduledEndTimestamp?: Time };
}

/** On the wire seconds since the epoch. */
type Time = number | Date;

interface DurableEvent {
  readonly DurableExecutionArn: string;
  readonly CheckpointToken: string;
  readonly InitialExecutionState: unknown;
  readonly UpdatedOperationIds?: unknown;
}

/** Puts a client into the events of durable executions, where the SDK in use takes one. */
export class DurableTransport {
  readonly #handlerFile: string;
  readonly #handler: object;
  readonly #client: DurableClient | undefined;
  #usable: boolean | undefined;

  constructor(handlerFile: string, handler: object, env: NodeJS.ProcessEnv) {
    this.#handlerFile = handlerFile;
    this.#handler = handler;
    const endpoint = URL.parse(env['AWS_ENDPOINT_URL_LAMBDA'] ?? '');
    if (endpoint?.protocol === 'http:' && env['MOORAGE_DURABLE_CLIENT'] !== 'sdk')
      this.#client = new DurableClient(endpoint);
  }

  /** The event to call the handler with. */
  eventFor(event: unknown): unknown {
    if (this.#client === undefined || !isDurable(event)) return event;
    this.#usable ??=
      SDK_VERSIONS.includes(sdkVersion(this.#handlerFile) ?? '') &&
      givenClient(this.#handler) === 'none';
    return this.#usable
      ? new DurableExecutionInvocationInputWithClient(event, this.#client)
      : event;
  }
}

/** The SDK knows it by this name. */
class DurableExecutionInvocationInputWithClient {
  readonly durableExecutionClient: DurableClient;
  readonly InitialExecutionState: unknown;
  readonly DurableExecutionArn: string;
  readonly CheckpointToken: string;
  readonly UpdatedOperationIds: unknown;

  constructor(event: DurableEvent, client: DurableClient) {
    this.durableExecutionClient = client;
    this.InitialExecutionState = event.InitialExecutionState;
    this.DurableExecutionArn = event.DurableExecutionArn;
    this.CheckpointToken = event.CheckpointToken;
    this.UpdatedOperationIds = event.UpdatedOperationIds;
  }

  get [Symbol.toStringTag](): string {
    return 'DurableExecutionInvocationInputWithClient';
  }
}

/** The SDK's `DurableExecutionClient`. */
class DurableClient {
  readonly #connections: KeptConnections;
  /** Requests so far: together with the checkpoint token a name for one of them. */
  #count = 0;

  constructor(endpoint: URL) {
    this.#connections = new KeptConnections(endpoint.hostname, Number(endpoint.port || '80'));
  }

  async checkpoint({ DurableExecutionArn, ...update }: Checkpoint): Promise<unknown> {
    const answer = (await this.#send(
      'POST',
      `${encodeURIComponent(DurableExecutionArn)}/checkpoint`,
      JSON.stringify({ ...update, ClientToken: String(++this.#count) }),
    )) as { NewExecutionState?: { Operations?: Operation[] } };
    readTimes(answer.NewExecutionState?.Operations);
    return answer;
  }

  async getExecutionState(wanted: StateRequest): Promise<unknown> {
    const query = new URLSearchParams({ CheckpointToken: wanted.CheckpointToken });
    if (wanted.Marker !== undefined) query.set('Marker', wanted.Marker);
    if (wanted.MaxItems !== undefined) query.set('MaxItems', String(wanted.MaxItems));
    const answer = (await this.#send(
      'GET',
      `${encodeURIComponent(wanted.DurableExecutionArn)}/state?${query}`,
      '',
    )) as { Operations?: Operation[] };
    readTimes(answer.Operations);
    return answer;
  }

  /** No time limit of its own: the invocation has one, and a host that is gone closes the socket. */
  async #send(method: string, path: string, body: string): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      let failure: Error;
      try {
        const reply = await this.#connections.request({
          ...{ method, path: PATH + path, body },
          headers: { 'Content-Type': 'application/json' },
        });
        const { status } = reply;
        if (status === 200) return JSON.parse(reply.body.toString());
        failure = refusal(reply);
        if (status < 500 && status !== 429) throw failure;
      } catch (error) {
        failure = error as Error;
        if ('$metadata' in failure) throw failure;
      }
      if (attempt === ATTEMPTS) throw failure;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

function isDurable(event: unknown): event is DurableEvent {
  const { DurableExecutionArn, CheckpointToken, InitialExecutionState } = (event ??
    {}) as Partial<DurableEvent>;
  return (
    typeof DurableExecutionArn === 'string' &&
    typeof CheckpointToken === 'string' &&
    typeof InitialExecutionState === 'object'
  );
}

/** Of the SDK that is in the handler's file, or that it imports. */
function sdkVersion(handlerFile: string): string | undefined {
  try {
    const bundled = SDK_IN_BUNDLE.exec(readFileSync(handlerFile, 'utf8'))?.[1];
    if (bundled !== undefined) return bundled;
    const file = findPackageJSON(SDK, pathToFileURL(handlerFile));
    if (file === undefined) return undefined;
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    // It is somewhere else, and goes through the AWS SDK.
    return undefined;
  }
}

function readTimes(operations: readonly Operation[] | undefined): void {
  for (const operation of operations ?? []) {
    const { StepDetails, WaitDetails } = operation;
    toDate(operation, 'StartTimestamp');
    toDate(operation, 'EndTimestamp');
    if (StepDetails) toDate(StepDetails, 'NextAttemptTimestamp');
    if (WaitDetails) toDate(WaitDetails, 'ScheduledEndTimestamp');
  }
}

function toDate<K extends string>(holder: { [key in K]?: Time }, key: K): void {
  const seconds = holder[key];
  if (typeof seconds === 'number') holder[key] = new Date(seconds * 1000);
}

/** What the AWS SDK would throw. */
function refusal({ status, headers, body }: Reply): Error {
  let message = body.toString();
  try {
    message = (JSON.parse(message) as { message: string }).message;
  } catch {
    // Not one of the API's answers.
  }
  const error = Object.assign(new Error(message), { $metadata: { httpStatusCode: status } });
  error.name = headers.get('x-amzn-errortype') ?? 'UnknownError';
  return error;
}
