/** A directory of 1,000 files gets another name: until that returns, and until the bucket has it. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { job } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

export const renameDirectory: BenchmarkCase = placeCase({
  name: 'rename-directory',
  title: 'Rename a directory of 1,000 files',
  places: ['ext4', 'moorage', 's3fs', 'rclone'],
  prepare: ({ small, prefix }) => ({
    async setUp({ directory, settle }) {
      await job([], 'create', join(directory, 'one'), small ? '20' : '1000', '2048');
      await settle();
    },
    async round({ directory, settle }) {
      const [one, other] = [join(directory, 'one'), join(directory, 'other')];
      const figures = await job(prefix, 'rename', one, other);
      const start = performance.now();
      await settle();
      return { ...figures, restToBucketMs: performance.now() - start };
    },
    async after({ directory, settle }) {
      await job(prefix, 'rename', join(directory, 'other'), join(directory, 'one'));
      await settle();
    },
  }),
});
