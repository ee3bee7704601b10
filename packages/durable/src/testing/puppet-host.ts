/**
 * A service whose functions are played by the test: it sees every invocation, speaks the checkpoint
 * API by hand and decides how and when an invocation ends. Time is virtual.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CheckpointDurableExecutionCommand,
  GetDurableExecutionStateCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import type {
  CheckpointDurableExecutionResponse,
  GetDurableExecutionStateResponse,
  OperationUpdate,
} from '@aws-sdk/client-lambda';
import type { InvokeReply, InvokeRequest, ResolvedFunction } from '../ports.ts';
import { DurableService } from '../service.ts';
import type { DurableServiceOptions } from '../service.ts';
import { systemRandom } from '../system-clock.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface InvocationEvent {
  DurableExecutionArn: string;
  CheckpointToken: string;
  InitialExecutionState: {
    Operations: Record<string, unknown>[];
    NextMarker: string;
  };
  UpdatedOperationIds: string[];
}

/** An invocation the test is in the middle of. */
export class Invocation {
  readonly request: InvokeRequest;
  readonly event: InvocationEvent;
  token: string;
  readonly #client: LambdaClient;
  readonly #end: (reply: InvokeReply) => void;

  constructor(request: InvokeRequest, client: LambdaClient, end: (reply: InvokeReply) => void) {
    this.request = request;
    this.event = JSON.parse(Buffer.from(request.payload).toString('utf8')) as InvocationEvent;
    this.token = this.event?.CheckpointToken;
    this.#client = client;
    this.#end = end;
  }

  get arn(): string {
    return this.event.DurableExecutionArn;
  }

  /** Operations in the event but the EXECUTION, by id. */
  get operations(): Record<string, Record<string, unknown>> {
    return Object.fromEntries(
      this.event.InitialExecutionState.Operations.slice(1).map((operation) => [
        operation.Id as string,
        operation,
      ]),
    );
  }

  /** Sends a checkpoint and goes on with the token it brings. */
  async checkpoint(
    updates: OperationUpdate[],
    o: { token?: string; clientToken?: string } = {},
  ): Promise<CheckpointDurableExecutionResponse> {
    const reply = await this.#client.send(
      new CheckpointDurableExecutionCommand({
        DurableExecutionArn: this.arn,
        CheckpointToken: o.token ?? this.token,
        Updates: updates,
        ...(o.clientToken === undefined ? {} : { ClientToken: o.clientToken }),
      }),
    );
    this.token = reply.CheckpointToken!;
    return reply;
  }

  state(o: { Marker?: string; MaxItems?: number } = {}): Promise<GetDurableExecutionStateResponse> {
    return this.#client.send(
      new GetDurableExecutionStateCommand({
        DurableExecutionArn: this.arn,
        CheckpointToken: this.token,
        ...o,
      }),
    );
  }

  succeed(result?: unknown): void {
    this.answer({ Status: 'SUCCEEDED', Result: JSON.stringify(result ?? null) });
  }

  fail(error: { ErrorType?: string; ErrorMessage?: string }): void {
    this.answer({ Status: 'FAILED', Error: error });
  }

  pending(): void {
    this.answer({ Status: 'PENDING' });
  }

  answer(output: unknown): void {
    this.#end({ payload: Buffer.from(JSON.stringify(output)) });
  }

  crash(errorType = 'Runtime.ExitError'): void {
    this.#end({ error: { errorType, errorMessage: 'the worker died' } });
  }
}

export interface PuppetHost {
  service: DurableService;
  client: LambdaClient;
  clock: VirtualClock;
  /** The next invocation that has not been taken yet; waits for it. */
  next(): Promise<Invocation>;
  /** Invocations that were begun and not taken. */
  untaken(): number;
  start(o?: { functionName?: string; name?: string; payload?: string }): Promise<string>;
  /** Waits until nothing is being written and no invocation begins. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const ACCOUNT = 'arn:aws:lambda:eu-west-1:123456789012:function';

/** Execution timeouts of every puppet host's functions; others do not exist. */
const TIMEOUT_SECONDS: Readonly<Record<string, number | undefined>> = {
  durable: 3600,
  brief: 60,
  plain: undefined,
};

/** Functions: `durable` (timeout one hour), `brief` (one minute) and `plain`. */
export async function startPuppetHost(
  o: Partial<DurableServiceOptions> & { dir: string; clock?: VirtualClock; version?: () => string },
): Promise<PuppetHost> {
  const clock = o.clock ?? new VirtualClock(1_800_000_000_000);
  const waiting: ((invocation: Invocation) => void)[] = [];
  const begun: Invocation[] = [];
  let service: DurableService | undefined;
  const server = createServer((req, res) => {
    if (!service?.api()(req, res)) res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new LambdaClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  service = await DurableService.open({
    random: systemRandom,
    log: () => {},
    ...o,
    clock,
    invoker: {
      invoke: (request) =>
        new Promise((resolve) => {
          const invocation = new Invocation(request, client, resolve);
          const taker = waiting.shift();
          if (taker) taker(invocation);
          else begun.push(invocation);
        }),
    },
    functions: {
      resolve: (nameOrArn, qualifier) =>
        resolve(nameOrArn, qualifier ?? o.version?.() ?? '$LATEST'),
    },
  });
  const opened = service;
  opened.takeCheckpoints(server);
  return {
    service: opened,
    client,
    clock,
    next() {
      const invocation = begun.shift();
      if (invocation) return Promise.resolve(invocation);
      return new Promise((resolve) => waiting.push(resolve));
    },
    untaken: () => begun.length,
    async start({ functionName = 'durable', ...rest } = {}) {
      const { executionArn } = await opened.startExecution({
        functionName,
        payload: '{}',
        ...rest,
      });
      return executionArn;
    },
    async settle() {
      for (let turn = 0; turn < 10; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async close() {
      await opened.close();
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function resolve(nameOrArn: string, version: string): ResolvedFunction | undefined {
  const name = nameOrArn.startsWith('arn:') ? nameOrArn.split(':')[6]! : nameOrArn.split(':')[0]!;
  if (!Object.hasOwn(TIMEOUT_SECONDS, name)) return undefined;
  const executionTimeoutSeconds = TIMEOUT_SECONDS[name];
  return {
    functionName: name,
    version,
    functionArn: `${ACCOUNT}:${name}`,
    ...(executionTimeoutSeconds === undefined
      ? {}
      : { durable: { executionTimeoutSeconds, retentionDays: 2 } }),
  };
}
