/**
 * Handlers that misbehave, in real worker processes: each ends the execution with an error that says
 * what happened, in its history too, and leaves nothing running. And a worker that was stopped, and
 * comes back when its execution is over, cannot write.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DurableService, systemClock, systemRandom } from '@moorage/durable';
import { FunctionHost } from '@moorage/functions';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:';
const LIMIT_MS = 60_000;
/** Known to nobody else. */
const SLEEP_SECONDS = `${600 + process.pid / 1e7}`;

let dir: string;
let host: FunctionHost;
let service: DurableService;
let server: Server;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'workers-'));
  host = new FunctionHost({ dir: join(dir, 'functions'), log: () => {} });
  service = await DurableService.open({
    ...{ dir: join(dir, 'journal'), clock: systemClock, random: systemRandom, log: () => {} },
    limits: { crashesMax: 2 },
    functions: {
      resolve: (functionName) => ({
        ...{ functionName, version: '$LATEST', functionArn: ARN + functionName },
        durable: { executionTimeoutSeconds: 600 },
      }),
    },
    invoker: {
      async invoke({ functionName, payload, requestId }) {
        const result = await host.invoke({ functionName, payload, requestId });
        if (!result.functionError) return { payload: result.payload };
        return { error: JSON.parse(Buffer.from(result.payload).toString()) };
      },
    },
  });
  const api = service.api();
  server = createServer((request, response) => void api(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await service.close();
  await host.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

function define(name: string, source: string): void {
  const codeDir = join(dir, 'code', name);
  mkdirSync(codeDir, { recursive: true });
  writeFileSync(join(codeDir, 'index.mjs'), source);
  const { port } = server.address() as AddressInfo;
  host.register({
    ...{ name, arn: ARN + name, version: '$LATEST', handler: 'index.handler', codeDir },
    ...{ timeoutSeconds: 1, memoryMb: 256, binds: [] },
    env: { AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}` },
  });
}

test.for<[string, string, { type: RegExp; message: RegExp }]>([
  [
    'returns garbage',
    'export const handler = async () => ({ Status: "FINE" });',
    { type: /^InvalidParameterValueException$/, message: /"FINE".*withDurableExecution/ },
  ],
  [
    'returns nothing',
    'export const handler = async () => {};',
    { type: /^InvalidParameterValueException$/, message: /withDurableExecution/ },
  ],
  [
    'never returns',
    'export const handler = () => new Promise(() => {});',
    { type: /^Sandbox.Timedout$/, message: /Task timed out after 1.00 seconds/ },
  ],
  [
    'never gives the processor back',
    'export const handler = () => { for (;;); };',
    { type: /^Sandbox.Timedout$/, message: /Task timed out after 1.00 seconds/ },
  ],
  [
    'forks a child and exits',
    `import { spawn } from 'node:child_process';
     export const handler = () => {
       spawn('sleep', ['${SLEEP_SECONDS}'], { stdio: 'ignore' }).unref();
       process.exit(3);
     };`,
    { type: /^Runtime.ExitError$/, message: /exit status 3/ },
  ],
  [
    'cannot be parsed',
    'export const handler = async () => {',
    { type: /^Runtime.UserCodeSyntaxError$/, message: /SyntaxError/ },
  ],
  [
    'waits for nothing',
    'export const handler = async () => ({ Status: "PENDING" });',
    { type: /^InvalidParameterValueException$/, message: /Cannot return PENDING status/ },
  ],
])('a handler that %s', { timeout: LIMIT_MS }, async ([, source, expected]) => {
  define('bad', source);
  const { executionArn } = await service.startExecution({ functionName: 'bad' });
  const { status, error } = await service.waitFor(executionArn);
  expect(status).toBe('FAILED');
  expect(error?.ErrorType).toMatch(expected.type);
  expect(error?.ErrorMessage).toMatch(expected.message);
  const last = service.history(executionArn).at(-1);
  expect(last).toMatchObject({
    EventType: 'ExecutionFailed',
    ExecutionFailedDetails: { Error: { Payload: error } },
  });
  await expect.poll(() => running(`sleep ${SLEEP_SECONDS}`), { timeout: LIMIT_MS }).toBe(false);
});

test(
  'the largest input arrives, though its event is twice as large',
  { timeout: LIMIT_MS },
  async () => {
    define(
      'long',
      `export const handler = async ({ InitialExecutionState: { Operations } }) => {
      const { length } = JSON.parse(Operations[0].ExecutionDetails.InputPayload);
      return { Status: 'SUCCEEDED', Result: String(length) };
    };`,
    );
    host.register({ ...host.resolve('long'), timeoutSeconds: 30 });
    // Quoted once here, and once more in the event.
    const payload = JSON.stringify('"'.repeat(3_000_000));
    const { executionArn } = await service.startExecution({ functionName: 'long', payload });
    expect(await service.waitFor(executionArn)).toMatchObject({ result: '3000000' });
  },
);

test(
  'a worker stopped by SIGSTOP that goes on when its execution is over cannot write',
  async () => {
    // Room for the worker to be stopped in: the invocation's time limit would kill it.
    define('zombie', ZOMBIE);
    host.register({ ...host.resolve('zombie'), timeoutSeconds: 60 });
    const { executionArn } = await service.startExecution({ functionName: 'zombie' });
    await expect.poll(() => log('zombie'), { timeout: LIMIT_MS }).toContain('about to stop');
    const { pid } = host.environments().find(({ functionName }) => functionName === 'zombie')!;
    await expect.poll(() => hasStopped(pid!), { timeout: LIMIT_MS }).toBe(true);
    await service.stop(executionArn, { ErrorType: 'Enough' });
    const before = service.history(executionArn).length;
    process.kill(-pid!, 'SIGCONT');
    await expect.poll(() => log('zombie'), { timeout: LIMIT_MS }).toContain('was told');
    expect(log('zombie')).toContain('was told 400 Invalid Checkpoint Token');
    expect(service.get(executionArn).status).toBe('STOPPED');
    const after = service.history(executionArn).slice(before);
    expect(after.every(({ EventType }) => EventType === 'InvocationCompleted')).toBe(true);
  },
  LIMIT_MS,
);

const ZOMBIE = `
export const handler = async ({ DurableExecutionArn, CheckpointToken }) => {
  console.log('about to stop');
  await new Promise((resolve) => setTimeout(resolve, 200));
  process.kill(process.pid, 'SIGSTOP');
  const place = '/2025-12-01/durable-executions/' + encodeURIComponent(DurableExecutionArn);
  const reply = await fetch(process.env.AWS_ENDPOINT_URL_LAMBDA + place + '/checkpoint', {
    method: 'POST',
    body: JSON.stringify({
      CheckpointToken,
      Updates: [{ Id: 'a', Type: 'STEP', Action: 'SUCCEED', Payload: '"written"' }],
    }),
  });
  const { message } = await reply.json();
  console.log('was told ' + reply.status + ' ' + message);
  return { Status: 'SUCCEEDED', Result: '"written"' };
};`;

function log(name: string): string {
  return read(join(dir, 'functions', 'logs', `${name}.log`));
}

/** A process with this command line. */
function running(command: string): boolean {
  return processes().some(
    (pid) => read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim() === command,
  );
}

/** A process of this group is stopped. */
function hasStopped(group: number): boolean {
  return processes().some((pid) => {
    // After the name: state, parent, group.
    const [state, , ofGroup] = read(`/proc/${pid}/stat`).split(') ').at(-1)!.split(' ');
    return state === 'T' && Number(ofGroup) === group;
  });
}

function processes(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
}

/** Empty when it is not there, or no longer. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
