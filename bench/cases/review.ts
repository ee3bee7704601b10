/**
 * The main job as a whole command, no model. `orchestrationShare` is everything that is neither the
 * clone nor the slowest reviewer: 1 − (clone + slowest reviewer) / whole command.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchmarkCase, Prepared } from '../case.ts';
import { Moorage } from '../moorage.ts';
import { generateRepository } from '../repository.ts';

/** What this case reads of `moorage review --json`. */
interface ReviewResult {
  reviewers: { milliseconds: number }[];
  seconds: { parts: Record<string, number> };
}

export const review: BenchmarkCase = {
  name: 'review',
  title: 'moorage review of a TypeScript repository, no model, whole command',
  async prepare({ small, directory }): Promise<Prepared> {
    const repository = join(directory, 'repository');
    await mkdir(repository);
    await generateRepository(repository, small ? 40 : 1000);
    const moorage = new Moorage(join(directory, 'data'));
    const round = async (): Promise<Record<string, number>> => {
      const start = performance.now();
      const result = JSON.parse(
        await moorage.run(['review', repository, '--json']),
      ) as ReviewResult;
      const wholeMs = performance.now() - start;
      const slowestReviewerMs = Math.max(...result.reviewers.map((one) => one.milliseconds));
      const cloneMs = result.seconds.parts.clone! * 1000;
      const orchestrationShare = 1 - (cloneMs + slowestReviewerMs) / wholeMs;
      return { wholeMs, cloneMs, slowestReviewerMs, orchestrationShare };
    };
    // The first run builds the functions and fills caches; the figures are of a warm machine.
    await round();
    return { subjects: [{ name: 'moorage review', round }], close: async () => undefined };
  },
};
