/** A large file read for the first time, beside parallel ranged GETs by the client the mount uses. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job } from '../pinned.ts';
import type { BenchmarkCase } from '../case.ts';

const MiB = 1024 * 1024;
const rangeBytes = 8 * MiB;
const lanes = 8;

export const coldRead: BenchmarkCase = placeCase({
  name: 'cold-read',
  title: 'Read a file of 256 MiB cold',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  async prepare({ small, prefix, places }) {
    const size = (small ? 4 : 256) * MiB;
    const direct = await places.store.open('direct');
    const body = Buffer.alloc(size, 'moorage ');
    await direct.put('large', body);
    return {
      beside: [
        {
          name: 'ranged GETs',
          async round() {
            const start = performance.now();
            let next = 0;
            const lane = async (): Promise<void> => {
              while (next < size) {
                const range = { start: next, end: Math.min(size, (next += rangeBytes)) - 1 };
                for await (const chunk of (await direct.get('large', { range })).body) void chunk;
              }
            };
            await Promise.all(Array.from({ length: lanes }, lane));
            const readMs = performance.now() - start;
            return { readMs, readMiBPerSecond: size / MiB / (readMs / 1000) };
          },
        },
      ],
      async setUp({ name }) {
        const bucket = await places.store.open(name);
        await bucket.put('large', body);
        await bucket.close();
      },
      before: (place) => place.cool(),
      round: ({ directory }) => job(prefix, 'read', join(directory, 'large')),
      close: () => direct.close(),
    };
  },
});
