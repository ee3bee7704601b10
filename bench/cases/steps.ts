/**
 * Durable steps as AWS's SDK makes them: worker process, HTTP, journal with fsync. On the standard
 * path through the AWS SDK for Lambda, on the fast path through the worker's own client.
 */
import { PATHS, startBenchHost, type PathName } from '../durable/host.ts';
import type { BenchmarkCase, Figures, Prepared } from '../case.ts';
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
    const round = async (path: PathName): Promise<Figures> => {
      const stepsMs = (await host.execute(path, small ? 20 : 1000)) as number[];
      const oneStepMs: number[] = [];
      for (let index = 0; index < (small ? 5 : 100); index++) {
        const start = performance.now();
        await host.execute(path, 1);
        oneStepMs.push(performance.now() - start);
      }
      return {
        stepMsMedian: percentile(stepsMs, 0.5),
        stepMsP99: percentile(stepsMs, 0.99),
        oneStepExecutionMsMedian: percentile(oneStepMs, 0.5),
      };
    };
    const paths = Object.keys(PATHS) as PathName[];
    for (const path of paths) await round(path);
    return {
      subjects: paths.map((name) => ({ name, round: () => round(name) })),
      close: () => host.close(),
    };
  },
};
