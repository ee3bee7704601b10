/** New small files: how fast they get into the bucket. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job, timed } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

export const exportFiles: BenchmarkCase = placeCase({
  name: 'export',
  title: 'Create 3,000 files of 2 KiB and have them in the bucket',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  prepare: ({ small, prefix }) => ({
    async round({ directory, settle }) {
      const count = small ? 50 : 3000;
      const start = performance.now();
      await job(prefix, 'create', join(directory, 'new'), String(count), '2048');
      const createdAt = performance.now();
      await settle();
      const end = performance.now();
      return {
        createPerSecond: (count * 1000) / (createdAt - start),
        inBucketPerSecond: (count * 1000) / (end - start),
      };
    },
    async after({ directory, settle }) {
      await timed([], 'rm', '-r', join(directory, 'new'));
      await settle();
    },
  }),
});
