/** The first 4 KiB of files whose names are known and whose bytes are not here, beside one GET. */
import { collect } from '@moorage/object-store';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, job, timed } from '../pinned.ts';
import { median } from '../statistics.ts';
import { AwsSdk } from '../places/aws-sdk.ts';
import { dropKernelCaches } from '../places/caches.ts';
import type { BenchmarkCase, Subject } from '../case.ts';

const MiB = 1024 * 1024;
const fileBytes = 24 * MiB;

export const firstRead: BenchmarkCase = placeCase({
  name: 'first-read',
  title: 'Read the first 4 KiB of a file of 24 MiB cold, median of several files',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  async prepare({ small, prefix, places }) {
    const files = Array.from({ length: small ? 2 : 15 }, (_, index) => `large/${index}`);
    const body = Buffer.alloc(fileBytes, 'moorage ');
    const direct = await places.store.open('direct');
    for (const key of files) await direct.put(key, body);
    const sdk = new AwsSdk(places.store, 'direct');
    const oneGet = (name: string, receive: (key: string) => Promise<unknown>): Subject => ({
      name,
      async round() {
        await dropKernelCaches();
        const took: number[] = [];
        for (const key of files) {
          const start = performance.now();
          await receive(key);
          took.push(performance.now() - start);
        }
        return { first4KiBMs: median(took) };
      },
    });
    return {
      beside: [
        oneGet('AWS SDK, one GET', (key) => sdk.receive(key, 0, 4095)),
        oneGet('own client, one GET', async (key) => {
          const { body: bytes, length } = await direct.get(key, { range: { start: 0, end: 4095 } });
          await collect(bytes, length);
        }),
      ],
      async setUp({ name }) {
        const bucket = await places.store.open(name);
        for (const key of files) await bucket.put(key, body);
        await bucket.close();
      },
      async before(place) {
        await place.cool();
        await timed([], 'ls', '-l', `${place.directory}/large`);
      },
      round: ({ directory }) => job(prefix, 'first', `${directory}/large`),
      async close() {
        sdk.close();
        await direct.close();
      },
    };
  },
});
