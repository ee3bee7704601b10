/** What it takes to go on with an execution that has 2,000 steps behind it. */
import { PATHS, startBenchHost, type PathName } from '../durable/host.ts';
import type { BenchmarkCase, Prepared } from '../case.ts';

/** The wait ends the invocation; the next one replays every step. */
const HANDLER = `
  for (let index = 0; index < input; index++) await context.step('step', async () => index);
  await context.wait('pause', { seconds: 1 });
  return input;`;

export const replay: BenchmarkCase = {
  name: 'replay',
  title: 'Durable execution: replay of 2,000 operations, the invocation as a whole',
  async prepare({ small, directory }): Promise<Prepared> {
    const options = { directory, handler: HANDLER, concurrency: 1 };
    const host = await startBenchHost({ ...options, timeScale: 10 });
    const round = async (path: PathName): Promise<{ replayMs: number }> => {
      await host.execute(path, small ? 20 : 2000);
      return { replayMs: host.lastInvocationMs() };
    };
    const paths = Object.keys(PATHS) as PathName[];
    for (const path of paths) await round(path);
    return {
      subjects: paths.map((name) => ({ name, round: () => round(name) })),
      close: () => host.close(),
    };
  },
};
