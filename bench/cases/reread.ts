/** Small files read again while everything is cached. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { job } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

export const reread: BenchmarkCase = placeCase({
  name: 'reread',
  title: 'Read 1,000 files of 8 KiB five times, hot',
  places: ['ext4', 'bindfs', 'moorage'],
  prepare: ({ small, prefix }) => ({
    async setUp({ directory, settle }) {
      await job([], 'create', join(directory, 'files'), String(small ? 50 : 1000), '8192');
      await settle();
    },
    round: ({ directory }) => job(prefix, 'readAll', join(directory, 'files'), '5'),
  }),
});
