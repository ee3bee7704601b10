/** A large file: written, and read again while everything is still cached. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { job, timed } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

export const sequential: BenchmarkCase = placeCase({
  name: 'sequential',
  title: 'Write a file of 256 MiB, read it again hot',
  places: ['ext4', 'bindfs', 'moorage'],
  prepare: ({ small, prefix }) => ({
    async round({ directory }) {
      const file = join(directory, 'large');
      const written = await job(prefix, 'write', file, String(small ? 2 : 256));
      await job(prefix, 'read', file);
      const { readMs } = await job(prefix, 'read', file);
      return { ...written, hotReadMs: readMs! };
    },
    async after({ directory, settle }) {
      await timed([], 'rm', join(directory, 'large'));
      await settle();
    },
  }),
});
