/** The official SDK, unchanged, over real HTTP. */
import { writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import type { DurableContext } from '@aws/durable-execution-sdk-js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { JournalFile } from './journal.ts';
import { startLocalHost, VirtualClock, WorkerCrash } from './testing/index.ts';
import type { LocalHandler, LocalHost, LocalHostOptions } from './testing/index.ts';

const YEAR_SECONDS = 31_536_000;

let dir: string;
let host: LocalHost | undefined;
beforeEach(async () => {
  // The SDK logs every refusal there.
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  dir = await mkdtemp(join(tmpdir(), 'durable-'));
});
afterEach(async () => {
  await host?.close();
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

type Handler = (event: never, ctx: DurableContext) => Promise<unknown>;

/** A host with these durable functions, and `echo`, a plain one. */
async function start(
  handlers: Record<string, Handler>,
  o: Partial<LocalHostOptions> & { wrap?: (handler: LocalHandler) => LocalHandler } = {},
): Promise<LocalHost> {
  host = await startLocalHost({
    dir,
    clock: new VirtualClock(Date.now()),
    ...o,
    functions(endpoint) {
      const client = new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      });
      const durable = Object.entries(handlers).map(([name, handler]) => {
        const wrapped = withDurableExecution(handler, { client }) as LocalHandler;
        return [
          name,
          { durableSeconds: YEAR_SECONDS, handler: o.wrap?.(wrapped) ?? wrapped },
        ] as const;
      });
      return {
        echo: { handler: ((event: unknown) => Promise.resolve(event)) as LocalHandler },
        ...Object.fromEntries(durable),
      };
    },
  });
  return host;
}

test('a workflow of steps, waits, branches and chained invokes', async () => {
  const { run } = await start({
    child: (event: number, ctx) => ctx.step('double', async () => event * 2),
    main: async (event: { n: number }, ctx) => {
      const one = await ctx.step('one', async () => event.n + 1);
      await ctx.wait('pause', { seconds: 30 });
      const branches = await ctx.parallel<unknown>('fan', [
        async (branch) => branch.step('a', async () => 'a'),
        async (branch) => branch.invoke<number, number>('child', 'child', one),
      ]);
      const mapped = await ctx.map('each', [1, 2, 3], async (inner, item) =>
        inner.step(async () => item * 10),
      );
      const echoed = await ctx.invoke<string, string>('echo', 'echo', 'hello');
      return { one, branches: branches.getResults(), mapped: mapped.getResults(), echoed };
    },
  });
  const result = await run('main', { n: 1 });
  expect(result.error).toBeUndefined();
  expect(JSON.parse(result.result!)).toEqual({
    one: 2,
    branches: ['a', 4],
    mapped: [10, 20, 30],
    echoed: 'hello',
  });
});

test('a large execution is replayed page by page', async () => {
  const { run } = await start(
    {
      main: async (_event, ctx) => {
        let sum = 0;
        for (let n = 0; n < 300; n++) sum += await ctx.step(`s${n}`, async () => n);
        await ctx.wait({ seconds: 1 });
        return sum;
      },
    },
    { limits: { eventBytesMax: 5000 } },
  );
  expect(await run('main', {})).toMatchObject({ result: String((299 * 300) / 2) });
});

test('default retries run out, and a wait of months ends, in virtual time', async () => {
  let attempts = 0;
  const { run, service } = await start({
    fails: async (_event, ctx) =>
      ctx.step('call', async () => {
        attempts++;
        throw new Error('still down');
      }),
    sleeps: async (_event, ctx) => {
      await ctx.step('before', async () => 1);
      await ctx.wait('months', { days: 300 });
      return 'awake';
    },
  });
  expect(await run('fails', {})).toMatchObject({ status: 'FAILED' });
  expect(attempts).toBe(6);
  const slept = await run('sleeps', {});
  expect(slept).toMatchObject({ status: 'SUCCEEDED', result: '"awake"' });
  const { startedAt, endedAt } = service.get(slept.executionArn);
  expect(endedAt! - startedAt).toBeGreaterThanOrEqual(300 * 86_400_000);
  expect(service.history(slept.executionArn).map(({ EventType }) => EventType)).toEqual([
    'ExecutionStarted',
    'StepStarted',
    'StepSucceeded',
    'WaitStarted',
    'InvocationCompleted',
    'WaitSucceeded',
    'InvocationCompleted',
    'ExecutionSucceeded',
  ]);
});

test('a handler that replays differently fails with a difference one can read', async () => {
  let invocation = 0;
  const { run, service } = await start({
    main: async (_event, ctx) => {
      invocation++;
      await ctx.step('prepare', async () => 1);
      if (invocation === 1) await ctx.step('charge', async () => 2);
      await ctx.wait('settle', { seconds: 1 });
    },
  });
  const { status, error, executionArn } = await run('main', {});
  expect({ status, type: error?.ErrorType }).toEqual({
    status: 'FAILED',
    type: 'NonDeterministicExecutionError',
  });
  const lines = error!.ErrorMessage!.split('\n');
  expect(lines).toContain('  where:    operation 2 of the handler (position 2)');
  expect(lines).toContain('  expected: STEP "charge"');
  expect(lines).toContain('  got:      WAIT   (type WAIT instead of STEP)');
  expect(lines).toContain('    STEP "prepare"  SUCCEEDED');
  expect(lines).toContain('  > STEP "charge"  SUCCEEDED');
  expect(lines).toContain('    WAIT "settle"  SUCCEEDED');
  expect(service.history(executionArn).at(-1)).toMatchObject({
    EventType: 'ExecutionFailed',
    ExecutionFailedDetails: { Error: { Payload: { ErrorMessage: error!.ErrorMessage } } },
  });
});

test('a failed execution goes on from its failure, or from any step, once the code is right', async () => {
  let broken = true;
  const ran: string[] = [];
  const { run, service, until } = await start({
    main: async (_event, ctx) => {
      const step = (on: DurableContext, name: string): Promise<string> =>
        on.step(
          name,
          async () => {
            ran.push(name);
            if (broken && name === 'b2') throw new Error('broken');
            return name;
          },
          { retryStrategy: () => ({ shouldRetry: false }) },
        );
      await step(ctx, 'first');
      const batch = await ctx.parallel('branches', [
        (branch) => step(branch, 'b1'),
        (branch) => step(branch, 'b2'),
      ]);
      batch.throwIfError();
      await step(ctx, 'last');
      return batch.getResults();
    },
  });
  const failed = await run('main', {});
  expect(failed.status).toBe('FAILED');
  broken = false;
  ran.length = 0;
  const retried = await service.retry(failed.executionArn);
  expect(await until(service.waitFor(retried.executionArn))).toMatchObject({
    result: '["b1","b2"]',
  });
  expect(ran).toEqual(['b2', 'last']);
  ran.length = 0;
  const forked = await service.fork(retried.executionArn, { fromStep: 'last' });
  expect(await until(service.waitFor(forked.executionArn))).toMatchObject({
    result: '["b1","b2"]',
  });
  expect(ran).toEqual(['last']);
});

test('a worker that comes back after it was given up cannot write', async () => {
  let giveUp: (error: WorkerCrash) => void = () => {};
  let comeBack: () => void = () => {};
  const runs: number[] = [];
  const zombies: unknown[] = [];
  const { run, service, until } = await start(
    {
      main: (_event, ctx) =>
        ctx.step('slow', async () => {
          const mine = runs.push(runs.length + 1);
          if (mine === 1) {
            const frozen = new Promise<void>((resolve) => {
              comeBack = resolve;
            });
            giveUp(new WorkerCrash());
            await frozen;
          }
          return mine;
        }),
    },
    {
      wrap: (handler) => (event, context) => {
        const working = handler(event, context);
        working.catch((error: unknown) => zombies.push(error));
        return Promise.race([
          working,
          new Promise((_resolve, reject) => {
            giveUp = reject;
          }),
        ]);
      },
    },
  );
  const { result, executionArn } = await run('main', {});
  expect(result).toBe('2');
  comeBack();
  await until(vi.waitFor(() => expect(zombies).toHaveLength(1), { timeout: 10_000 }));
  expect(String(zombies[0])).toMatch(/Invalid Checkpoint Token/);
  const successes = service
    .history(executionArn)
    .filter((event) => event.EventType === 'StepSucceeded');
  expect(successes).toMatchObject([{ StepSucceededDetails: { Result: { Payload: '2' } } }]);
});

test(
  'a disk that fills up acknowledges nothing and loses nothing',
  { timeout: 60_000 },
  async () => {
    let full = false;
    let refused = 0;
    const openFile = async (path: string): Promise<JournalFile> => {
      const handle = await open(path, 'w+');
      const writeNow = (bytes: Uint8Array, position: number): void => {
        if (full) {
          refused++;
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        }
        writeSync(handle.fd, bytes, 0, bytes.length, position);
      };
      return {
        write: async (bytes, position) => writeNow(bytes, position),
        writeNow,
        truncate: (length) => handle.truncate(length),
        close: () => handle.close(),
      };
    };
    const ran: string[] = [];
    const { service } = await start(
      {
        main: async (_event, ctx) => {
          await ctx.step('before', async () => {
            ran.push('before');
          });
          await ctx.step('during', async () => {
            ran.push('during');
            full = true;
          });
          return ctx.step('after', async () => {
            ran.push('after');
            return 'right';
          });
        },
      },
      { openFile, clock: undefined as never },
    );
    const { executionArn } = await service.startExecution({ functionName: 'main', payload: '{}' });
    await vi.waitFor(() => expect(refused).toBeGreaterThan(1), { timeout: 20_000 });
    await expect(
      service.startExecution({ functionName: 'main', payload: '{}' }),
    ).rejects.toMatchObject({
      code: 'ServiceException',
      message: expect.stringContaining('free some space'),
    });
    expect(ran).not.toContain('after');
    full = false;
    expect(await service.waitFor(executionArn)).toMatchObject({ result: '"right"' });
    expect(ran.filter((step) => step !== 'during')).toEqual(['before', 'after']);
  },
);
