/**
 * Runs one case against the real service over HTTP, with the SDK and the AWS client as they are.
 * Time is virtual and moves only while nothing runs, so that a case always goes the same way.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  LambdaClient,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
} from '@aws-sdk/client-lambda';
import type { ErrorObject } from '@aws-sdk/client-lambda';
import { withDurableExecution, type DurableContext } from '@aws/durable-execution-sdk-js';
import { startLocalHost, VirtualClock, WorkerCrash } from '@moorage/durable/testing';
import type { LocalHandler, LocalHost } from '@moorage/durable/testing';
import { DurableTransport } from '@moorage/functions/durable-transport';
import { ECHO, FAILING } from './case-tools.ts';
import type { CaseHandler, CaseTools } from './case-tools.ts';
import { differences } from './expectation.ts';
import type { CallbackAnswer, Event, Expectation } from './expectation.ts';

const SUBJECT = 'subject';
const HOUR = 3600;
/** How often a worker that is to exit looks whether its step's START has been written. */
const CRASH_LOOK_MS = 5;

/** How the SDK reaches the service: through the AWS SDK, or through the worker's own client. */
export type CasePath = 'standard path' | 'fast path';

/** What went differently than expected; empty when the case passes. */
export async function runCase(
  handler: CaseHandler,
  expected: Expectation,
  o: { path: CasePath; logLines: readonly string[] },
): Promise<string[]> {
  const dir = await mkdtemp(join(tmpdir(), 'conformance-'));
  const clock = new VirtualClock(Date.now());
  let client!: LambdaClient;
  let stepIsOnRecord = (): boolean => false;
  const host = await startLocalHost({
    dir,
    clock,
    functions(endpoint) {
      client = new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
      });
      const durable = pathTo(endpoint, client, o.path);
      return {
        [SUBJECT]: {
          durableSeconds: 24 * HOUR,
          handler: subject(handler, durable, () => stepIsOnRecord()),
        },
        [ECHO]: { durableSeconds: HOUR, handler: echo(durable) },
        [FAILING]: { durableSeconds: HOUR, handler: failing(durable) },
      };
    },
  });
  try {
    const { executionArn } = await host.service.startExecution({
      functionName: SUBJECT,
      payload: JSON.stringify({ Input: expected.input }),
    });
    stepIsOnRecord = () =>
      host.service.history(executionArn).at(-1)?.['EventType'] === 'StepStarted';
    await drive({ host, clock, client, executionArn, expected });
    return await judge(client, executionArn, expected, o.logLines);
  } finally {
    await host.close();
    client.destroy();
    await rm(dir, { recursive: true, force: true });
  }
}

type DurableHandler = (event: never, context: DurableContext) => Promise<unknown>;
type Path = (handler: DurableHandler) => LocalHandler;

/** The SDK with the case's client; on the fast path, as the worker does it, the event brings one. */
function pathTo(endpoint: string, client: LambdaClient, path: CasePath): Path {
  if (path === 'standard path')
    return (handler) => withDurableExecution(handler, { client }) as LocalHandler;
  return (handler) => {
    const durable = withDurableExecution(handler) as LocalHandler;
    const transport = new DurableTransport(import.meta.filename, durable, {
      AWS_ENDPOINT_URL_LAMBDA: endpoint,
    });
    return (event, context) => {
      const given = transport.eventFor(event);
      // Otherwise the case would pass without having been on this path.
      if (given === event) throw new Error('the SDK took no client');
      return durable(given as never, context);
    };
  };
}

/** The case's handler as a function, with the tools that outlive its invocations. */
function subject(handler: CaseHandler, path: Path, stepIsOnRecord: () => boolean): LocalHandler {
  let calls = 0;
  let crashed: (error: WorkerCrash) => void = () => {};
  const tools: CaseTools = {
    count: () => ++calls,
    async crash() {
      while (!stepIsOnRecord()) await new Promise((resolve) => setTimeout(resolve, CRASH_LOOK_MS));
      crashed(new WorkerCrash());
      return new Promise<never>(() => {});
    },
  };
  const durable = path(async (event: { Input: never }, context) =>
    handler(event.Input, context, tools),
  );
  return (event, context) =>
    Promise.race([
      durable(event, context),
      new Promise<never>((_resolve, reject) => {
        crashed = reject;
      }),
    ]);
}

/** Takes a second, so that whoever invoked it has suspended by then, as on AWS. */
function echo(path: Path): LocalHandler {
  return path(async (event, context) => {
    await context.wait({ seconds: 1 });
    return event;
  });
}

function failing(path: Path): LocalHandler {
  return path(async (_event, context) => {
    await context.wait({ seconds: 1 });
    throw new Error('the target failed');
  });
}

interface Run {
  host: LocalHost;
  clock: VirtualClock;
  client: LambdaClient;
  executionArn: string;
  expected: Expectation;
}

/** Lets the execution run, answers its callbacks, and moves time on whenever it sleeps. */
async function drive(run: Run): Promise<void> {
  const { host, clock, executionArn, expected } = run;
  const unused = [...(expected.callbacks ?? [])];
  const answered = new Set<string>();
  for (;;) {
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (!host.service.idle);
    if (host.service.get(executionArn).status !== 'RUNNING') return;
    const open = openCallbacks(host, executionArn).find(({ id }) => !answered.has(id));
    const index =
      open === undefined ? -1 : unused.findIndex(({ name }) => name === '*' || name === open.name);
    if (open !== undefined && index >= 0) {
      const [answer] = unused.splice(index, 1);
      if (answer!.answer !== 'heartbeat') answered.add(open.id);
      clock.advance((answer!.delaySeconds ?? 0) * 1000);
      await send(run.client, open.id, answer!);
    } else if (expected.status === 'RUNNING') {
      return;
    } else if (!clock.advanceToNext()) {
      throw new Error('the execution sleeps and nothing will wake it');
    }
  }
}

function openCallbacks(host: LocalHost, executionArn: string): { id: string; name: unknown }[] {
  return host.service
    .history(executionArn)
    .filter((event) => event.EventType === 'CallbackStarted')
    .map((event) => ({
      id: (event.CallbackStartedDetails as { CallbackId: string }).CallbackId,
      name: event.Name,
    }));
}

async function send(client: LambdaClient, id: string, answer: CallbackAnswer): Promise<void> {
  switch (answer.answer) {
    case 'succeed':
      await client.send(
        new SendDurableExecutionCallbackSuccessCommand({
          CallbackId: id,
          ...(answer.payload === undefined ? {} : { Result: spacedJson(answer.payload) }),
        }),
      );
      return;
    case 'fail':
      await client.send(
        new SendDurableExecutionCallbackFailureCommand({
          CallbackId: id,
          Error: answer.payload as ErrorObject,
        }),
      );
      return;
    case 'heartbeat':
      await client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId: id }));
      return;
  }
}

/** JSON with a space after colons: some cases expect the payload to arrive just so. */
function spacedJson(value: unknown): Uint8Array {
  const text =
    typeof value === 'object'
      ? JSON.stringify(value, undefined, 1).replaceAll(/\n */g, '').replaceAll(',"', ', "')
      : JSON.stringify(value);
  return Buffer.from(text);
}

async function judge(
  client: LambdaClient,
  executionArn: string,
  expected: Expectation,
  logLines: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  const execution = await client.send(
    new GetDurableExecutionCommand({ DurableExecutionArn: executionArn }),
  );
  if (execution.Status !== expected.status)
    found.push(
      `is ${execution.Status}, expected ${expected.status}: ${execution.Error?.ErrorMessage}`,
    );
  if (expected.result !== undefined) {
    const actual = JSON.stringify(execution.Result ? JSON.parse(execution.Result) : null);
    if (!sameJson(actual, expected.result))
      found.push(`returned ${actual}, expected ${JSON.stringify(expected.result)}`);
  }
  const { Events } = await client.send(
    new GetDurableExecutionHistoryCommand({
      DurableExecutionArn: executionArn,
      IncludeExecutionData: true,
    }),
  );
  found.push(...differences(Events as unknown as Event[], expected.history));
  for (const [pattern, count] of expected.logs ?? []) {
    const own = logLines.filter((line) => line.includes(executionArn));
    const matching = own.filter((line) => new RegExp(pattern).test(line)).length;
    if (matching !== count) found.push(`logged /${pattern}/ ${matching} times, expected ${count}`);
  }
  return found;
}

function sameJson(actual: string, expected: unknown): boolean {
  return canonical(JSON.parse(actual)) === canonical(expected);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
