/** One byte appended to a large object: time, and what is sent to the store. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

const MiB = 1024 * 1024;

export const append: BenchmarkCase = placeCase({
  name: 'append',
  title: 'Append one byte to a file of 200 MiB, cold',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  counted: true,
  prepare: ({ small, prefix, places }) => ({
    async setUp({ name }) {
      const bucket = await places.store.open(name);
      await bucket.put('large', Buffer.alloc((small ? 20 : 200) * MiB, 'moorage '));
      await bucket.close();
    },
    before: (place) => place.cool(),
    async round({ directory, settle }) {
      const sentBefore = places.store.sentBytes();
      const figures = await job(prefix, 'append', join(directory, 'large'));
      const start = performance.now();
      await settle();
      const restToBucketMs = performance.now() - start;
      return {
        ...figures,
        restToBucketMs,
        sentKiB: (places.store.sentBytes() - sentBefore) / 1024,
      };
    },
  }),
});
