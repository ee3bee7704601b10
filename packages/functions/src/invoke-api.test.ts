import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  InvokeCommand,
  LambdaClient,
  type InvokeCommandInput,
  type InvokeCommandOutput,
} from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually, openFixture, type Fixture } from './fixture.ts';
import type { DurableInvoker } from './durable-invoker.ts';
import { invokeApi } from './invoke-api.ts';
import { LambdaError } from './lambda-error.ts';

let fixture: Fixture;
let server: Server;
let endpoint: string;
let client: LambdaClient;

/** A durable service as the host sees it: one function, named executions. */
const durable: DurableInvoker & { started: unknown[] } = {
  started: [],
  ended: () => Promise.reject(new Error('nobody is to be told')),
  start(o) {
    durable.started.push({ ...o, payload: Buffer.from(o.payload).toString() });
    if (o.executionName === 'taken')
      return Promise.reject(
        Object.assign(new Error('taken is running'), {
          name: 'DurableExecutionAlreadyStartedException',
          status: 409,
        }),
      );
    const failed = o.executionName === 'fails';
    return Promise.resolve({
      executionArn: `arn:execution/${o.executionName ?? 'unnamed'}`,
      result: Promise.resolve({
        payload: Buffer.from(failed ? '{"errorType":"X"}' : '"done"'),
        ...(failed ? { functionError: 'Unhandled' } : {}),
      }),
    });
  },
};

beforeAll(async () => {
  fixture = openFixture();
  fixture.define(
    'echo',
    `export const handler = async (event, context) => {
      if (event === 'fail') throw new TypeError('asked to');
      console.log('saw', event);
      return { event, client: context.clientContext, arn: context.invokedFunctionArn };
    };`,
    { version: '3', aliases: ['live'] },
  );
  fixture.define('flow', 'export const handler = async () => {};', { durable: true });
  const handle = invokeApi(fixture.host, { durable });
  server = createServer((req, res) => {
    if (handle(req, res)) return;
    res.writeHead(418);
    res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = new LambdaClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
});

afterAll(async () => {
  client.destroy();
  server.closeAllConnections();
  server.close();
  await fixture.close();
});

const invoke = (input: Partial<InvokeCommandInput>): Promise<InvokeCommandOutput> =>
  client.send(new InvokeCommand({ FunctionName: 'echo', ...input }));

const json = (output: InvokeCommandOutput): unknown =>
  JSON.parse(Buffer.from(output.Payload!).toString());

test('the AWS SDK invokes and reads answer, version and log', async () => {
  const output = await invoke({
    Payload: Buffer.from('{"a":1}'),
    LogType: 'Tail',
    ClientContext: Buffer.from('{"who":"me"}').toString('base64'),
  });
  expect(output.StatusCode).toBe(200);
  expect(output.ExecutedVersion).toBe('3');
  expect(output.FunctionError).toBeUndefined();
  expect(json(output)).toEqual({
    event: { a: 1 },
    client: { who: 'me' },
    arn: 'arn:aws:lambda:us-east-1:000000000000:function:echo',
  });
  const log = Buffer.from(output.LogResult!, 'base64').toString();
  expect(log).toMatch(/^START RequestId: .*\n.*\tINFO\tsaw \{ a: 1 \}\nEND .*\nREPORT .*\n$/);
  expect(output.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test('no log and no payload unless asked for', async () => {
  const output = await invoke({});
  expect(output.LogResult).toBeUndefined();
  expect(json(output)).toMatchObject({ event: {} });
});

test.each([
  ['echo:live'],
  ['echo:3'],
  ['arn:aws:lambda:us-east-1:000000000000:function:echo'],
  ['arn:aws:lambda:us-east-1:000000000000:function:echo:live'],
  ['000000000000:function:echo'],
  ['function:echo'],
])('%s names the function', async (FunctionName) => {
  expect((await invoke({ FunctionName })).StatusCode).toBe(200);
});

test('a qualifier of its own works, a contradicting one does not', async () => {
  expect((await invoke({ Qualifier: 'live' })).ExecutedVersion).toBe('3');
  await expect(invoke({ FunctionName: 'echo:3', Qualifier: 'live' })).rejects.toMatchObject({
    name: 'InvalidParameterValueException',
  });
});

test('a function error is an answer with status 200', async () => {
  const output = await invoke({ Payload: Buffer.from('"fail"'), LogType: 'Tail' });
  expect(output.StatusCode).toBe(200);
  expect(output.FunctionError).toBe('Unhandled');
  expect(json(output)).toMatchObject({ errorType: 'TypeError', errorMessage: 'asked to' });
  expect(Buffer.from(output.LogResult!, 'base64').toString()).toContain('asked to');
});

test('a dry run runs nothing', async () => {
  const output = await invoke({ InvocationType: 'DryRun', Payload: Buffer.from('"dry"') });
  expect(output.StatusCode).toBe(204);
});

test('an event is accepted and runs', async () => {
  const lines: string[] = [];
  fixture.define('later', 'export const handler = async (e) => console.log("ran", e);');
  const output = await invoke({
    FunctionName: 'later',
    InvocationType: 'Event',
    Payload: Buffer.from('"event"'),
  });
  expect(output.StatusCode).toBe(202);
  expect(output.Payload?.byteLength ?? 0).toBe(0);
  await eventually(() => {
    try {
      lines.splice(0, lines.length, readFileSync(`${fixture.dir}/host/logs/later.log`, 'utf8'));
    } catch {
      return false;
    }
    return lines[0]!.includes('REPORT');
  });
  expect(lines[0]).toContain('\tran event\n');
  expect(lines[0]).toContain(`START RequestId: ${output.$metadata.requestId}`);
});

test.each([
  [{ FunctionName: 'nobody' }, 'ResourceNotFoundException', 404],
  [{ Qualifier: 'unknown' }, 'ResourceNotFoundException', 404],
  [{ FunctionName: 'no spaces' }, 'ValidationException', 400],
  [{ FunctionName: 'arn:aws:s3:::echo' }, 'ValidationException', 400],
  [{ FunctionName: 'a/../b' }, 'ValidationException', 400],
  [{ Payload: Buffer.from('{not json') }, 'InvalidRequestContentException', 400],
  [{ Payload: Buffer.from([0x22, 0xff, 0x22]) }, 'InvalidRequestContentException', 400],
  [{ InvocationType: 'Sometimes' as 'Event' }, 'ValidationException', 400],
  [{ ClientContext: 'bm90IGpzb24=' }, 'InvalidRequestContentException', 400],
  [{ DurableExecutionName: 'x' }, 'InvalidParameterValueException', 400],
  [{ Payload: Buffer.alloc(6_291_457, '1') }, 'RequestTooLargeException', 413],
  [
    { Payload: Buffer.alloc(1_048_577, '1'), InvocationType: 'Event' as const },
    'RequestTooLargeException',
    413,
  ],
])('bad request %#: the SDK sees AWS’s error', async (input, name, status) => {
  await expect(invoke(input)).rejects.toMatchObject({
    name,
    $metadata: { httpStatusCode: status },
  });
});

test('the largest payloads are taken', async () => {
  const text = (bytes: number): Buffer => Buffer.from(`"${'x'.repeat(bytes - 2)}"`);
  fixture.define('length', 'export const handler = async (e) => e.length;');
  const output = await invoke({ FunctionName: 'length', Payload: text(6_291_456) });
  expect(json(output)).toBe(6_291_454);
  const event = await invoke({
    FunctionName: 'length',
    InvocationType: 'Event',
    Payload: text(1_048_576),
  });
  expect(event.StatusCode).toBe(202);
});

test('errors carry the name in the header and in a shape the CLI reads', async () => {
  const response = await fetch(`${endpoint}/2015-03-31/functions/nobody/invocations`, {
    method: 'POST',
  });
  expect(response.status).toBe(404);
  expect(response.headers.get('x-amzn-errortype')).toBe('ResourceNotFoundException');
  expect(await response.json()).toMatchObject({
    Type: 'User',
    Message: expect.stringContaining('Function not found: nobody'),
  });
});

test('other paths and methods are left to others', async () => {
  for (const [method, path] of [
    ['GET', '/2015-03-31/functions/echo/invocations'],
    ['POST', '/2015-03-31/functions/echo/versions'],
    ['POST', '/2015-03-31/functions/a/b/invocations'],
    ['POST', '/'],
  ] as const)
    expect((await fetch(endpoint + path, { method })).status).toBe(418);
});

test('a durable function starts an execution and waits for it', async () => {
  const output = await invoke({
    FunctionName: 'flow:$LATEST',
    DurableExecutionName: 'mine',
    Payload: Buffer.from('{"n":1}'),
  });
  expect(json(output)).toBe('done');
  expect(output.DurableExecutionArn).toBe('arn:execution/mine');
  expect(durable.started.at(-1)).toMatchObject({
    functionName: 'flow:$LATEST',
    executionName: 'mine',
    payload: '{"n":1}',
  });
});

test('a durable event answers with the execution at once', async () => {
  const output = await invoke({ FunctionName: 'flow', InvocationType: 'Event' });
  expect(output.StatusCode).toBe(202);
  expect(output.DurableExecutionArn).toBe('arn:execution/unnamed');
});

test('failures of durable executions arrive as such', async () => {
  const failed = await invoke({ FunctionName: 'flow', DurableExecutionName: 'fails' });
  expect(failed.FunctionError).toBe('Unhandled');
  await expect(
    invoke({ FunctionName: 'flow', DurableExecutionName: 'taken' }),
  ).rejects.toMatchObject({ name: 'DurableExecutionAlreadyStartedException' });
});

test('an environment that cannot be made is an error of the service, with the reason', async () => {
  fixture.define('unmountable', 'export const handler = async () => 1;', {
    binds: [{ source: '/nonexistent/dir', target: '/mnt/data' }],
  });
  const error: unknown = await invoke({ FunctionName: 'unmountable' }).catch((e: unknown) => e);
  expect(error).toMatchObject({
    name: 'S3FilesMountFailureException',
    message: expect.stringContaining('/nonexistent/dir'),
  });
});

test('registration refuses what Lambda refuses', () => {
  const bad = (more: object): unknown => {
    try {
      fixture.define('bad', '', more);
      return undefined;
    } catch (error) {
      return error;
    }
  };
  for (const more of [
    { timeoutSeconds: 901 },
    { memoryMb: 64 },
    { codeDir: 'relative' },
    { binds: [{ source: '/tmp', target: '/data' }] },
    { binds: [{ source: '/tmp', target: '/mnt/../etc' }] },
    {
      binds: [
        { source: '/a', target: '/mnt/x' },
        { source: '/b', target: '/mnt/x' },
      ],
    },
    { maximumRetryAttempts: 3 },
  ]) {
    expect(bad(more)).toBeInstanceOf(LambdaError);
  }
});
