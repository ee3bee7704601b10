import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { withDurableExecution } from '@aws/durable-execution-sdk-js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startLocalHost, VirtualClock } from './testing/index.ts';
import type { LocalHandler, LocalHost } from './testing/index.ts';

let dir: string;
let host: LocalHost | undefined;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'durable-'));
});
afterEach(async () => {
  await host?.close();
  await rm(dir, { recursive: true });
});

test('a workflow of steps, waits, branches and chained invokes', async () => {
  host = await startLocalHost({
    dir,
    clock: new VirtualClock(Date.now()),
    functions(endpoint) {
      const client = new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      });
      return {
        echo: { handler: ((event: unknown) => Promise.resolve(event)) as LocalHandler },
        child: {
          durableSeconds: 60,
          handler: withDurableExecution(
            async (event: number, ctx) => ctx.step('double', async () => event * 2),
            { client },
          ) as LocalHandler,
        },
        main: {
          durableSeconds: 3600,
          handler: withDurableExecution(
            async (event: { n: number }, ctx) => {
              const one = await ctx.step('one', async () => event.n + 1);
              await ctx.wait('pause', { seconds: 30 });
              const branches = await ctx.parallel('fan', [
                async (branch) => branch.step('a', async () => 'a'),
                async (branch) => branch.invoke<number, number>('child', 'child', one),
              ]);
              const mapped = await ctx.map('each', [1, 2, 3], async (inner, item) =>
                inner.step(async () => item * 10),
              );
              const echoed = await ctx.invoke<string, string>('echo', 'echo', 'hello');
              return { one, branches: branches.getResults(), mapped: mapped.getResults(), echoed };
            },
            { client },
          ) as LocalHandler,
        },
      };
    },
  });
  const result = await host.run('main', { n: 1 });
  expect(result.error).toBeUndefined();
  expect(JSON.parse(result.result!)).toEqual({
    one: 2,
    branches: ['a', 4],
    mapped: [10, 20, 30],
    echoed: 'hello',
  });
});
