/**
 * Many executions at once, each in a worker process of its own as on Lambda: what a step waits
 * beyond its own work. Once with steps that take about as long as a request to somewhere else, once with
 * steps that do nothing, where every step waits for the machine's processors.
 */
import { startBenchHost } from '../durable/host.ts';
import type { BenchmarkCase, Figures, Prepared } from '../case.ts';
import { percentile } from '../statistics.ts';

const STEPS = 20;

const HANDLER = `
  const waitedMs = [];
  for (let index = 0; index < input.steps; index++) {
    const start = performance.now();
    const took = await context.step('step', async () => {
      const begun = performance.now();
      const ms = input.stepMs * (0.5 + Math.random());
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      return performance.now() - begun;
    });
    waitedMs.push(performance.now() - start - took);
  }
  return waitedMs;`;

export const concurrentExecutions: BenchmarkCase = {
  name: 'concurrent-executions',
  title: `Durable execution: 100 executions of ${STEPS} steps at once, what a step waits`,
  async prepare({ small, directory }): Promise<Prepared> {
    const count = small ? 5 : 100;
    const host = await startBenchHost({ directory, handler: HANDLER, concurrency: count });
    const round = async (stepMs: number): Promise<Figures> => {
      const start = performance.now();
      const all = await Promise.all(
        Array.from({ length: count }, () => host.execute('fast-path', { steps: STEPS, stepMs })),
      );
      const seconds = (performance.now() - start) / 1000;
      const waitedMs = (all as number[][]).flat();
      return {
        waitMsMedian: percentile(waitedMs, 0.5),
        waitMsP99: percentile(waitedMs, 0.99),
        stepsPerSecond: waitedMs.length / seconds,
      };
    };
    // The workers start, and have compiled what they need.
    await round(500);
    await round(0);
    return {
      subjects: [
        { name: 'steps of about 500 ms', round: () => round(500) },
        { name: 'steps that do nothing', round: () => round(0) },
      ],
      close: () => host.close(),
    };
  },
};
