/** 5,000 small files in one directory. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { job, timed } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

const FILE_BYTES = 2048;

export const create: BenchmarkCase = placeCase({
  name: 'create',
  title: `Create 5,000 files of ${FILE_BYTES} bytes`,
  places: ['ext4', 'bindfs', 'moorage'],
  prepare: ({ small, prefix }) => ({
    round: ({ directory }) =>
      job(
        prefix,
        ...['create', join(directory, 'created'), String(small ? 50 : 5000), String(FILE_BYTES)],
      ),
    async after({ directory, settle }) {
      await settle();
      await timed([], 'rm', '-r', join(directory, 'created'));
    },
  }),
});
