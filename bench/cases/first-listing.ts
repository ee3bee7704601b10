/** The first listing of a large directory, beside the same listing asked of the store directly. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job } from '../pinned.ts';
import { inParallel, keysBelow } from '../places/bucket.ts';
import type { BenchmarkCase } from '../case.ts';

export const firstListing: BenchmarkCase = placeCase({
  name: 'first-listing',
  title: 'Names of a directory of 100,000 objects, cold',
  places: ['moorage'],
  prefix: ANY_PROCESSOR,
  async prepare({ small, prefix, places }) {
    const bucket = await places.store.open('moorage');
    const body = Buffer.alloc(0);
    await inParallel(small ? 1200 : 100_000, (index) => bucket.put(`many/file-${index}`, body));
    return {
      beside: [
        {
          name: 'raw listing',
          async round() {
            const start = performance.now();
            await keysBelow(bucket, 'many/');
            return { listMs: performance.now() - start };
          },
        },
      ],
      before: (place) => place.cool(),
      round: ({ directory }) => job(prefix, 'list', join(directory, 'many')),
      close: () => bucket.close(),
    };
  },
});
