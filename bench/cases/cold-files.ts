/** Small files read for the first time, 16 at once. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job } from '../pinned.ts';
import { inParallel } from '../places/bucket.ts';
import type { BenchmarkCase } from '../case.ts';

export const coldFiles: BenchmarkCase = placeCase({
  name: 'cold-files',
  title: 'Read 4,000 files of 2 KiB cold, 16 at once',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  prepare: ({ small, prefix, places }) => ({
    async setUp({ name }) {
      const bucket = await places.store.open(name);
      const body = Buffer.alloc(2048, 'moorage ');
      await inParallel(small ? 50 : 4000, (index) => bucket.put(`files/file-${index}`, body));
      await bucket.close();
    },
    before: (place) => place.cool(),
    round: ({ directory }) => job(prefix, 'readParallel', join(directory, 'files'), '16'),
  }),
});
