/**
 * The contract with the SDK: each version that `DurableTransport` lists is held to it here. A new
 * version of the SDK fails the first test until it is added to the list and passes the others.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import {
  DurableExecutionApiClient,
  withDurableExecution,
  type DurableContext,
  type DurableExecutionConfig,
} from '@aws/durable-execution-sdk-js';
import { build } from 'esbuild';
import { expect, test as base } from 'vitest';
import { DurableTransport } from './durable-transport.ts';

const ARN =
  'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST/durable-execution/one/0123456789';
/** A handler that brings no client. */
const PLAIN = withDurableExecution(async () => 1);
const CONTEXT = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 };

interface Received {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly signed: boolean;
  readonly body: { ClientToken?: string; CheckpointToken: string; Updates: Update[] };
}

interface Update {
  readonly Id: string;
  readonly Type: string;
  readonly Action: string;
}

type Answer = (request: Received, response: ServerResponse) => void;

interface Api {
  readonly url: string;
  readonly received: Received[];
  /** Called in turn; after the last one every request is answered as the service would. */
  answers: Answer[];
}

const test = base.extend<{ api: Api; directory: string }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  api: async ({}, use) => {
    const api: Api = { url: '', received: [], answers: [] };
    const server = createServer(async (req, res) => {
      const request = await read(req);
      api.received.push(request);
      (api.answers.shift() ?? accept)(request, res);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await use(
      Object.assign(api, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }),
    );
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  },
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  directory: async ({}, use) => {
    const directory = mkdtempSync(join(tmpdir(), 'moorage-transport-'));
    await use(directory);
    rmSync(directory, { recursive: true, force: true });
  },
});

test('the installed SDK is one of those that are held to the contract', ({ api }) => {
  expect(isInjected(transport(api.url).eventFor(event()))).toBe(true);
});

test('its version is found in a bundle, and whether a client was given', async ({
  api,
  directory,
}) => {
  for (const minify of [true, false]) {
    const file = await bundle(directory, minify);
    const bundled = (await import(`${file}?${minify}`)) as { plain: object; own: object };
    expect(isInjected(transport(api.url, {}, file, bundled.plain).eventFor(event()))).toBe(true);
    expect(isInjected(transport(api.url, {}, file, bundled.own).eventFor(event()))).toBe(false);
  }
});

test('another version, or none, is left to the AWS SDK', async ({ api, directory }) => {
  const file = await bundle(directory, false);
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll('2.4.0', '2.99.0'));
  const given = event();
  expect(transport(api.url, {}, file).eventFor(given)).toBe(given);
  writeFileSync(file, 'export const handler = () => 1;');
  expect(transport(api.url, {}, file).eventFor(given)).toBe(given);
  expect(transport(api.url, {}, join(directory, 'missing.mjs')).eventFor(given)).toBe(given);
});

test('a function can ask for the AWS SDK', ({ api }) => {
  const given = event();
  expect(transport(api.url, { MOORAGE_DURABLE_CLIENT: 'sdk' }).eventFor(given)).toBe(given);
});

test('a client that the handler was given is left alone', async ({ api }) => {
  const sent: string[] = [];
  const client = new LambdaClient({
    endpoint: api.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  client.middlewareStack.add(
    (next, { commandName }) =>
      (request) => {
        sent.push(commandName ?? '');
        return next(request);
      },
    {},
  );
  const configurations: DurableExecutionConfig[] = [
    { client },
    { durableExecutionClient: new DurableExecutionApiClient(client) },
  ];
  for (const configuration of configurations) {
    sent.length = 0;
    const handler = withDurableExecution(oneStep, configuration);
    const given = transport(api.url, {}, import.meta.filename, handler).eventFor(event());
    expect(await handler(given as never, CONTEXT as never)).toMatchObject({ Result: '1' });
    expect(sent).toContain('CheckpointDurableExecutionCommand');
  }
  client.destroy();
});

test('a configuration without a client is not in the way', ({ api }) => {
  for (const configuration of [undefined, {}, { plugins: [] }]) {
    const handler = withDurableExecution(oneStep, configuration);
    expect(
      isInjected(transport(api.url, {}, import.meta.filename, handler).eventFor(event())),
    ).toBe(true);
  }
});

test('a handler of which it cannot be told goes through the AWS SDK', ({ api }) => {
  const wrapped = (given: never, context: never): unknown => PLAIN(given, context);
  const given = event();
  for (const handler of [wrapped, () => 1, PLAIN.bind(undefined)])
    expect(transport(api.url, {}, import.meta.filename, handler).eventFor(given)).toBe(given);
});

test('what is no event of a durable execution is not touched', ({ api }) => {
  for (const given of [null, 1, 'text', [], {}, { DurableExecutionArn: ARN }])
    expect(transport(api.url).eventFor(given)).toBe(given);
});

test('without an endpoint nothing is injected', () => {
  const given = event();
  for (const url of ['', 'nonsense', 'https://lambda.us-east-1.amazonaws.com'])
    expect(transport(url).eventFor(given)).toBe(given);
});

test('steps are checkpointed unsigned, one after the other', async ({ api }) => {
  const output = await run(api, async (_input, context) => {
    const first = await context.step('first', async () => 1);
    return first + (await context.step('second', async () => 2));
  });
  expect(output).toMatchObject({ Status: 'SUCCEEDED', Result: '3' });
  expect(api.received.every(({ signed }) => !signed)).toBe(true);
  const checkpoints = api.received.filter(({ path }) => path.endsWith('/checkpoint'));
  expect(checkpoints.map(({ body }) => body.CheckpointToken)).toEqual(
    checkpoints.map((_, index) => `token${index}`),
  );
  const names = new Set(checkpoints.map(({ body }) => body.ClientToken));
  expect(names.size).toBe(checkpoints.length);
});

test('times of answers are understood: a wait that has ended ends', async ({ api }) => {
  api.answers = [
    (request, response) =>
      reply(response, 200, {
        CheckpointToken: 'token1',
        NewExecutionState: {
          Operations: request.body.Updates.map(({ Id, Type }) => ({
            ...{ Id, Type, Status: 'STARTED', StartTimestamp: 1_700_000_000 },
            WaitDetails: { ScheduledEndTimestamp: Date.now() / 1000 + 3600 },
          })),
        },
      }),
  ];
  const output = await run(api, (_input, context) => context.wait('pause', { seconds: 3600 }));
  expect(output).toEqual({ Status: 'PENDING' });
});

test('a state of several pages is read to its end', async ({ api }) => {
  const operation = {
    ...{ Id: 'c4ca4238a0b92382', Type: 'STEP', SubType: 'Step', Name: 'first' },
    ...{ Status: 'SUCCEEDED', StartTimestamp: 1, EndTimestamp: 2 },
    StepDetails: { Result: '41', Attempt: 1 },
  };
  api.answers = [
    (_request, response) => reply(response, 200, { Operations: [operation], NextMarker: '' }),
  ];
  const output = await run(
    api,
    (_input, context) =>
      context.step('first', async () => {
        throw new Error('it ran again');
      }),
    event('1'),
  );
  expect(output).toMatchObject({ Status: 'SUCCEEDED', Result: '41' });
  expect(Object.fromEntries(api.received[0]!.query)).toEqual({
    ...{ CheckpointToken: 'token0', Marker: '1', MaxItems: '1000' },
  });
});

test('a stale token ends the invocation, not the execution', async ({ api }) => {
  api.answers = [refuse(400, 'InvalidParameterValueException', 'Invalid Checkpoint Token: old')];
  await expect(run(api, oneStep)).rejects.toThrow('Invalid Checkpoint Token');
});

test('any other refusal fails the execution', async ({ api }) => {
  api.answers = [refuse(400, 'InvalidParameterValueException', 'Too many updates')];
  const output = await run(api, oneStep);
  expect(output).toMatchObject({
    Status: 'FAILED',
    Error: { ErrorMessage: expect.stringContaining('Too many updates') },
  });
  expect(api.received).toHaveLength(1);
});

test('what may pass is tried again under the same name, three times', async ({ api }) => {
  const failing: Answer[] = [
    refuse(503, 'ServiceException', 'starting'),
    (_request, response) => void response.socket?.destroy(),
  ];
  api.answers = [...failing];
  expect(await run(api, oneStep)).toMatchObject({ Status: 'SUCCEEDED' });
  expect(new Set(api.received.slice(0, 3).map(({ body }) => body.ClientToken)).size).toBe(1);
  api.answers = [...failing, refuse(429, 'TooManyRequestsException', 'later')];
  await expect(run(api, oneStep)).rejects.toThrow('later');
});

async function oneStep(_input: unknown, context: DurableContext): Promise<number> {
  return context.step('only', async () => 1);
}

function run(
  api: Api,
  handler: (input: unknown, context: DurableContext) => Promise<unknown>,
  given: unknown = event(),
): Promise<unknown> {
  const durable = withDurableExecution(handler);
  const injected = transport(api.url, {}, import.meta.filename, durable).eventFor(given);
  return durable(injected as never, CONTEXT as never);
}

function transport(
  url: string,
  env: NodeJS.ProcessEnv = {},
  file = import.meta.filename,
  handler: object = PLAIN,
): DurableTransport {
  return new DurableTransport(file, handler, { AWS_ENDPOINT_URL_LAMBDA: url, ...env });
}

function isInjected(given: unknown): boolean {
  return Object.hasOwn(given as object, 'durableExecutionClient');
}

function event(NextMarker = ''): unknown {
  const start = { Id: 'x', Type: 'EXECUTION', Status: 'STARTED', ExecutionDetails: {} };
  return {
    ...{ DurableExecutionArn: ARN, CheckpointToken: 'token0' },
    InitialExecutionState: { Operations: [start], NextMarker },
  };
}

async function read(req: IncomingMessage): Promise<Received> {
  let text = '';
  for await (const chunk of req) text += String(chunk);
  const url = new URL(req.url ?? '', 'http://localhost');
  return {
    ...{ method: req.method ?? '', path: url.pathname, query: url.searchParams },
    signed: req.headers.authorization !== undefined,
    body: text === '' ? {} : JSON.parse(text),
  };
}

/** As the service would. */
function accept({ body }: Received, response: ServerResponse): void {
  const next = Number(body.CheckpointToken.slice('token'.length)) + 1;
  const Operations = body.Updates.map(({ Id, Type, Action }) => ({
    ...{ Id, Type, StartTimestamp: 1_700_000_000.25 },
    Status: Action === 'START' ? 'STARTED' : 'SUCCEEDED',
  }));
  reply(response, 200, { CheckpointToken: `token${next}`, NewExecutionState: { Operations } });
}

function refuse(status: number, type: string, message: string): Answer {
  return (_request, response) => {
    response.setHeader('x-amzn-errortype', type);
    reply(response, status, { message });
  };
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function bundle(directory: string, minify: boolean): Promise<string> {
  const outfile = join(directory, 'bundle.mjs');
  await build({
    stdin: {
      contents: `import { withDurableExecution } from '@aws/durable-execution-sdk-js';
        export const plain = withDurableExecution(async () => 1);
        export const own = withDurableExecution(async () => 1, { client: {} });`,
      resolveDir: import.meta.dirname,
    },
    ...{ bundle: true, platform: 'node', format: 'esm', minify, outfile, logLevel: 'error' },
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
    },
  });
  return outfile;
}
