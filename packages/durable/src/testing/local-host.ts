/**
 * Durable functions in this process: the real service behind real HTTP, with handlers called
 * directly instead of in workers. For tests of handlers, and for the tests of this package.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { executionIdOf, functionNameOf } from '../arn.ts';
import type { Log, InvokeReply, InvokeRequest } from '../ports.ts';
import { DurableService } from '../service.ts';
import type { DurableServiceOptions, ExecutionResult } from '../service.ts';
import { systemClock, systemRandom } from '../system-clock.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A Lambda handler; durable ones are what `withDurableExecution` returns. */
export type LocalHandler = (event: never, context: never) => Promise<unknown>;

export interface LocalFunction {
  handler: LocalHandler;
  /** Execution timeout in seconds; absent for a plain function. */
  durableSeconds?: number;
  version?: string;
}

export interface LocalHostOptions extends Partial<
  Omit<DurableServiceOptions, 'invoker' | 'functions'>
> {
  dir: string;
  /** Called with the endpoint, so that handlers can be given clients for it. */
  functions(endpoint: string): Readonly<Record<string, LocalFunction>>;
}

export interface LocalHost {
  service: DurableService;
  endpoint: string;
  /** Starts an execution and waits for its end, moving a virtual clock on whenever all is idle. */
  run(functionName: string, event: unknown, name?: string): Promise<ExecutionResult>;
  /** Moves a virtual clock on, whenever nothing runs, until `done` settles. */
  until<T>(done: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Thrown by a handler to end the invocation as a worker does that dies. */
export class WorkerCrash extends Error {}

const ACCOUNT = 'arn:aws:lambda:us-east-1:123456789012:function';
const INVOCATION_MS_MAX = 900_000;

export async function startLocalHost(o: LocalHostOptions): Promise<LocalHost> {
  const log: Log = o.log ?? (() => {});
  const clock = o.clock ?? systemClock;
  let service: DurableService | undefined;
  const server = createServer((req, res) => {
    if (!service?.api()(req, res)) res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const functions = o.functions(endpoint);
  service = await DurableService.open({
    random: systemRandom,
    ...o,
    log,
    clock,
    invoker: { invoke: (request) => invokeLocally(functions, request) },
    functions: {
      resolve(nameOrArn) {
        const { name } = functionNameOf(nameOrArn);
        const found = Object.hasOwn(functions, name) ? functions[name]! : undefined;
        if (!found) return undefined;
        return {
          functionName: name,
          version: found.version ?? '1',
          functionArn: `${ACCOUNT}:${name}`,
          ...(found.durableSeconds === undefined
            ? {}
            : { durable: { executionTimeoutSeconds: found.durableSeconds } }),
        };
      },
    },
  });
  const opened = service;
  opened.takeCheckpoints(server);
  const until = <T>(done: Promise<T>): Promise<T> =>
    clock instanceof VirtualClock ? drive(clock, opened, done) : done;
  return {
    service: opened,
    endpoint,
    until,
    async run(functionName, event, name) {
      const { executionArn } = await opened.startExecution({
        functionName,
        payload: JSON.stringify(event),
        ...(name === undefined ? {} : { name }),
      });
      return until(opened.waitFor(executionArn));
    },
    async close() {
      await opened.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function invokeLocally(
  functions: Readonly<Record<string, LocalFunction>>,
  request: InvokeRequest,
): Promise<InvokeReply> {
  const { handler } = functions[request.functionName]!;
  const context = {
    functionName: request.functionName,
    functionVersion: request.version,
    invokedFunctionArn: `${ACCOUNT}:${request.functionName}:${request.version}`,
    memoryLimitInMB: '128',
    awsRequestId: request.requestId,
    logGroupName: `/aws/lambda/${request.functionName}`,
    logStreamName: request.executionArn ? executionIdOf(request.executionArn) : request.requestId,
    tenantId: request.tenantId,
    getRemainingTimeInMillis: () => INVOCATION_MS_MAX,
  };
  try {
    const event = JSON.parse(Buffer.from(request.payload).toString('utf8')) as never;
    const result = await handler(event, context as never);
    return { payload: Buffer.from(JSON.stringify(result ?? null)) };
  } catch (error) {
    const { name, message, stack } = error as Error;
    if (error instanceof WorkerCrash) {
      return {
        error: {
          errorType: 'Runtime.ExitError',
          errorMessage: 'Runtime exited with error: exit status 1',
        },
      };
    }
    return {
      error: {
        errorType: name,
        errorMessage: message,
        stackTrace: (stack ?? '').split('\n').slice(1),
      },
    };
  }
}

async function drive<T>(
  clock: VirtualClock,
  service: DurableService,
  done: Promise<T>,
): Promise<T> {
  let settled = false;
  const watched = done.finally(() => {
    settled = true;
  });
  watched.catch(() => {});
  for (;;) {
    // A turn of the real loop: answers on their way arrive, queued writes go out.
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (settled) return watched;
    if (service.idle) clock.advanceToNext();
  }
}
