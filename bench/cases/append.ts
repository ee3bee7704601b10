/** One byte appended to a large object: time until the bucket has it, and what is sent to the store. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bucket } from '@moorage/object-store';
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
  prepare({ small, prefix, places }) {
    const buckets = new Map<string, Bucket>();
    return {
      async setUp({ name }) {
        const bucket = await places.store.open(name);
        await bucket.put('large', Buffer.alloc((small ? 20 : 200) * MiB, 'moorage '));
        buckets.set(name, bucket);
      },
      before: (place) => place.cool(),
      async round({ name, directory, settle }) {
        const bucket = buckets.get(name)!;
        const { size } = await bucket.head('large');
        const sentBefore = places.store.sentBytes();
        const figures = await job(prefix, 'append', join(directory, 'large'));
        const start = performance.now();
        await settle();
        // A peer may rest before it has begun.
        while ((await bucket.head('large')).size === size) await sleep(20);
        const restToBucketMs = performance.now() - start;
        const sentKiB = (places.store.sentBytes() - sentBefore) / 1024;
        return { ...figures, restToBucketMs, sentKiB };
      },
      async close() {
        for (const bucket of buckets.values()) await bucket.close();
      },
    };
  },
});
