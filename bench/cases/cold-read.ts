/** A large file read for the first time, beside parallel ranged GETs by the AWS SDK and by the mount's client. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job } from '../pinned.ts';
import { AwsSdk } from '../places/aws-sdk.ts';
import { dropKernelCaches } from '../places/caches.ts';
import type { BenchmarkCase, Subject } from '../case.ts';

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
    const sdk = new AwsSdk(places.store, 'direct');
    const ranged = (
      name: string,
      receive: (start: number, last: number) => Promise<void>,
    ): Subject => ({
      name,
      async round() {
        await dropKernelCaches();
        const start = performance.now();
        let next = 0;
        const lane = async (): Promise<void> => {
          while (next < size) await receive(next, Math.min(size, (next += rangeBytes)) - 1);
        };
        await Promise.all(Array.from({ length: lanes }, lane));
        const readMs = performance.now() - start;
        return { readMs, readMiBPerSecond: size / MiB / (readMs / 1000) };
      },
    });
    return {
      beside: [
        ranged('AWS SDK ranged GETs', (start, last) => sdk.receive('large', start, last)),
        ranged('own client ranged GETs', async (start, end) => {
          const { body: bytes } = await direct.get('large', { range: { start, end } });
          for await (const chunk of bytes) void chunk;
        }),
      ],
      async setUp({ name }) {
        const bucket = await places.store.open(name);
        await bucket.put('large', body);
        await bucket.close();
      },
      before: (place) => place.cool(),
      round: ({ directory }) => job(prefix, 'read', join(directory, 'large')),
      async close() {
        sdk.close();
        await direct.close();
      },
    };
  },
});
