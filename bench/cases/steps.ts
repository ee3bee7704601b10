/**
 * Durable steps as AWS's SDK makes them: worker process, HTTP, journal with fsync. On the standard
 * path through the AWS SDK for Lambda, on the fast path through the worker's own client.
 */
import { PATHS, startBenchHost, type PathName } from '../durable/host.ts';
import type { BenchmarkCase, Figures, Prepared } from '../case.ts';
import { durablePeers } from '../peers/durable-peers.ts';
import { percentile } from '../statistics.ts';

/** Runs as many steps as it is told and answers how long each took, in ms. */
const HANDLER = `
  const tookMs = [];
  for (let index = 0; index < input; index++) {
    const start = performance.now();
    await context.step('step', async () => index);
    tookMs.push(performance.now() - start);
  }
  return tookMs;`;

export const steps: BenchmarkCase = {
  name: 'steps',
  title: 'Durable execution: steps one after the other',
  async prepare({ small, directory }): Promise<Prepared> {
    const host = await startBenchHost({ directory, handler: HANDLER, concurrency: 1 });
    const peers = await durablePeers(directory);
    const runners: { name: string; execute: Execute }[] = [
      ...(Object.keys(PATHS) as PathName[]).map((name) => ({
        name,
        execute: async (count: number) => {
          const start = performance.now();
          const stepsMs = (await host.execute(name, count)) as number[];
          return { stepsMs, executionMs: performance.now() - start };
        },
      })),
      ...peers,
    ];
    const subjects = runners.map(({ name, execute }) => ({
      name,
      round: () => round(execute, small),
    }));
    for (const subject of subjects) await subject.round();
    return {
      subjects,
      async close() {
        await host.close();
        for (const peer of peers) await peer.close();
      },
    };
  },
};

type Execute = (steps: number) => Promise<{ stepsMs: number[]; executionMs: number }>;

async function round(execute: Execute, small: boolean): Promise<Figures> {
  const { stepsMs } = await execute(small ? 20 : 1000);
  const oneStepMs: number[] = [];
  for (let index = 0; index < (small ? 5 : 100); index++) {
    oneStepMs.push((await execute(1)).executionMs);
  }
  return {
    stepMsMedian: percentile(stepsMs, 0.5),
    stepMsP99: percentile(stepsMs, 0.99),
    oneStepExecutionMsMedian: percentile(oneStepMs, 0.5),
  };
}
