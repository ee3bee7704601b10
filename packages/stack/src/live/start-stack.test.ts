import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endpointFile } from './endpoint.ts';
import type { Clock } from '@moorage/functions';
import { StackError } from './stack-error.ts';
import { startStack, type Stack } from './start-stack.ts';

const clock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

const TEMPLATE = `
Globals:
  Function: { Runtime: nodejs24.x, CodeUri: code, Timeout: 30 }
Metadata:
  Moorage: { PassEnvironment: { Plain: [HANDED_*] } }
Resources:
  Plain:
    Type: AWS::Serverless::Function
    Properties:
      Handler: plain.handler
      Environment: { Variables: { OWN: value } }
  Durable:
    Type: AWS::Serverless::Function
    Properties:
      Handler: durable.handler
      DurableConfig: { ExecutionTimeout: 60 }
      Environment: { Variables: { PLAIN: !Sub '\${Plain}:$LATEST' } }
Outputs:
  Durable: { Value: !Sub '\${Durable}:$LATEST' }
`;

/** A durable handler by hand: the event's shape, one chained invoke, one output. */
const DURABLE = `
export const handler = async (event) => {
  const call = async (method, path, body) => {
    const reply = await fetch(process.env.AWS_ENDPOINT_URL_LAMBDA + path, {
      method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' },
    });
    if (!reply.ok) throw new Error(await reply.text());
    return reply.json();
  };
  const [execution, ...operations] = event.InitialExecutionState.Operations;
  const invoked = operations.find(({ Type }) => Type === 'CHAINED_INVOKE');
  if (invoked?.Status === 'SUCCEEDED') {
    return { Status: 'SUCCEEDED', Result: invoked.ChainedInvokeDetails.Result };
  }
  if (!invoked) {
    const arn = encodeURIComponent(event.DurableExecutionArn);
    await call('POST', '/2025-12-01/durable-executions/' + arn + '/checkpoint', {
      CheckpointToken: event.CheckpointToken,
      ClientToken: crypto.randomUUID(),
      Updates: [{
        Id: 'a1', Type: 'CHAINED_INVOKE', SubType: 'ChainedInvoke', Action: 'START', Name: 'ask',
        Payload: execution.ExecutionDetails.InputPayload,
        ChainedInvokeOptions: { FunctionName: process.env.PLAIN },
      }],
    });
  }
  return { Status: 'PENDING' };
};
`;

let root: string;
let stack: Stack | undefined;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-stack-'));
  mkdirSync(path.join(root, 'code'));
  write('template.yaml', TEMPLATE);
  write(
    'code/plain.mjs',
    'export const handler = async (event) => ({ event, own: process.env.OWN, handed: process.env.HANDED_OVER, secret: process.env.SECRET ?? null });',
  );
  write('code/durable.mjs', DURABLE);
});
afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  rmSync(root, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  writeFileSync(path.join(root, name), text);
}

async function start(more: { timeScale?: number } = {}): Promise<Stack> {
  stack = await startStack({
    ...more,
    templateFile: path.join(root, 'template.yaml'),
    stackName: 'demo',
    stateDir: path.join(root, 'state'),
    cacheDir: path.join(root, 'cache'),
    callerEnvironment: { HANDED_OVER: 'yes', SECRET: 'no' },
    clock,
    random: { uuid: () => crypto.randomUUID() },
    log: () => {},
  });
  return stack;
}

async function invoke(name: string, payload: unknown): Promise<{ status: number; body: unknown }> {
  const url = `${stack?.endpoint}/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify(payload) });
  return { status: reply.status, body: await reply.json() };
}

test('plain and durable functions answer on one endpoint, and call each other', async () => {
  await start();
  const answer = { event: { a: 1 }, own: 'value', handed: 'yes', secret: null };
  expect(await invoke('demo-Plain', { a: 1 })).toEqual({ status: 200, body: answer });
  expect(await invoke('demo-Durable:$LATEST', { a: 1 })).toEqual({ status: 200, body: answer });
  expect(stack?.plan.outputs.Durable).toBe('demo-Durable:$LATEST');
});

test('an execution goes on where it stopped when the stack is brought up again', async () => {
  write('code/plain.mjs', 'export const handler = () => new Promise(() => {});');
  const first = await start();
  const { executionArn } = await first.durable.startExecution({
    functionName: 'demo-Durable',
    name: 'run-1',
    payload: '{"b":2}',
  });
  await expect
    .poll(() => first.durable.history(executionArn).length, { timeout: 20_000 })
    .toBeGreaterThan(1);
  await first.stop();
  write('code/plain.mjs', 'export const handler = async (event) => ({ again: event });');
  const second = await start();
  expect(await second.durable.waitFor(executionArn)).toMatchObject({
    status: 'SUCCEEDED',
    result: '{"again":{"b":2}}',
  });
});

test('with a time scale an hour of waiting is over at once', async () => {
  const wait = `Id: 'a1', Type: 'WAIT', SubType: 'Wait', Action: 'START', Name: 'hour',
        WaitOptions: { WaitSeconds: 3600 },`;
  write(
    'code/durable.mjs',
    DURABLE.replace(/Id: 'a1'[^]*?ChainedInvokeOptions.*/, wait)
      .replace("'CHAINED_INVOKE'", "'WAIT'")
      .replace('invoked.ChainedInvokeDetails.Result', `'"waited"'`),
  );
  const { durable } = await start({ timeScale: 100_000 });
  const { executionArn } = await durable.startExecution({ functionName: 'demo-Durable' });
  expect(await durable.waitFor(executionArn)).toMatchObject({ result: '"waited"' });
});

test('with a time scale an asynchronous invocation is tried again at once', async () => {
  const seen = path.join(root, 'seen');
  write(
    'code/plain.mjs',
    `import { appendFileSync } from 'node:fs';
    export const handler = async () => {
      appendFileSync(${JSON.stringify(seen)}, '.');
      throw new Error('not yet');
    };`,
  );
  const { endpoint } = await start({ timeScale: 100_000 });
  const accepted = await fetch(`${endpoint}/2015-03-31/functions/demo-Plain/invocations`, {
    method: 'POST',
    body: '{}',
    headers: { 'x-amz-invocation-type': 'Event' },
  });
  expect(accepted.status).toBe(202);
  await expect
    .poll(() => existsSync(seen) && readFileSync(seen, 'utf8'), { timeout: 30_000 })
    .toBe('...');
});

test('the end of an execution that nobody waits for is told to the destination', async () => {
  const seen = path.join(root, 'seen');
  write(
    'template.yaml',
    TEMPLATE.replace(
      'DurableConfig: {',
      'EventInvokeConfig: { DestinationConfig: { OnSuccess: { Destination: !GetAtt Told.Arn } } }\n      DurableConfig: {',
    ).replace(
      'Outputs:',
      '  Told: { Type: AWS::Serverless::Function, Properties: { Handler: told.handler } }\nOutputs:',
    ),
  );
  write(
    'code/told.mjs',
    `import { writeFileSync } from 'node:fs';
    export const handler = async (event) => writeFileSync(${JSON.stringify(seen)}, JSON.stringify(event));`,
  );
  const { endpoint } = await start();
  const accepted = await fetch(`${endpoint}/2015-03-31/functions/demo-Durable/invocations`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'x-amz-invocation-type': 'Event' },
  });
  expect(accepted.status).toBe(202);
  await expect.poll(() => existsSync(seen), { timeout: 30_000 }).toBe(true);
  await expect.poll(() => readFileSync(seen, 'utf8')).toMatch(/\}$/);
  expect(JSON.parse(readFileSync(seen, 'utf8'))).toMatchObject({
    requestContext: { condition: 'Success' },
    requestPayload: { a: 1 },
    responsePayload: { event: { a: 1 } },
  });
});

test('a durable function that is told of an end starts an execution', async () => {
  write(
    'template.yaml',
    TEMPLATE.replace(
      'Handler: plain.handler',
      'Handler: plain.handler\n      EventInvokeConfig: { DestinationConfig: { OnSuccess: { Destination: !GetAtt Durable.Arn } } }',
    ),
  );
  const { endpoint, durable } = await start();
  const accepted = await fetch(`${endpoint}/2015-03-31/functions/demo-Plain/invocations`, {
    method: 'POST',
    body: '{"a":1}',
    headers: { 'x-amz-invocation-type': 'Event' },
  });
  expect(accepted.status).toBe(202);
  await expect.poll(() => durable.list('demo-Durable').length, { timeout: 30_000 }).toBe(1);
  const { executionArn } = durable.list('demo-Durable')[0]!;
  const { status, result } = await durable.waitFor(executionArn);
  expect(status).toBe('SUCCEEDED');
  expect(JSON.parse(result!)).toMatchObject({
    event: { requestContext: { condition: 'Success' }, requestPayload: { a: 1 } },
  });
});

test('the endpoint is on record while it is open', async () => {
  const { endpoint, stop } = await start();
  const file = endpointFile(path.join(root, 'state'));
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    endpoint,
    pid: process.pid,
    stack: 'demo',
  });
  const unknown = await fetch(`${endpoint}/other`);
  expect([unknown.status, unknown.headers.get('x-amzn-errortype')]).toEqual([
    404,
    'UnknownOperationException',
  ]);
  await stop();
  expect(existsSync(file)).toBe(false);
  await expect(fetch(endpoint)).rejects.toThrow();
});

test('a template that is not there, or is wrong, starts nothing', async () => {
  write('template.yaml', TEMPLATE.replace('nodejs24.x', 'ruby3.4'));
  await expect(start()).rejects.toThrow(/template.yaml:3:\d+: Runtime "ruby3.4" is not supported/);
  rmSync(path.join(root, 'template.yaml'));
  const missing = start();
  await expect(missing).rejects.toBeInstanceOf(StackError);
  await expect(missing).rejects.toThrow(/cannot be read/);
  expect(existsSync(endpointFile(path.join(root, 'state')))).toBe(false);
});
