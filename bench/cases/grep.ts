/** `grep -r` of a tree that is not here, beside a parallel download of the same files by the AWS SDK and by ours. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collect } from '@moorage/object-store';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, timed } from '../pinned.ts';
import { AwsSdk } from '../places/aws-sdk.ts';
import { inParallel, keysBelow } from '../places/bucket.ts';
import { dropKernelCaches } from '../places/caches.ts';
import { generateRepository } from '../repository.ts';
import type { BenchmarkCase } from '../case.ts';

export const grep: BenchmarkCase = placeCase({
  name: 'grep',
  title: 'grep -r of 3,000 files cold',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  async prepare({ small, directory, prefix, places }) {
    const source = join(directory, 'source');
    await generateRepository(source, small ? 50 : 3000);
    const entries = await readdir(join(source, 'src'), { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const upload = async (name: string): Promise<void> => {
      const bucket = await places.store.open(name);
      await inParallel(files.length, async (index) => {
        const path = join(files[index]!.parentPath, files[index]!.name);
        await bucket.put(path.slice(source.length + 1), await readFile(path));
      });
      await bucket.close();
    };
    await upload('direct');
    const direct = await places.store.open('direct');
    const sdk = new AwsSdk(places.store, 'direct');
    return {
      beside: [
        {
          name: 'AWS SDK download',
          async round() {
            await dropKernelCaches();
            const start = performance.now();
            await sdk.download('src/');
            return { coldMs: performance.now() - start };
          },
        },
        {
          name: 'own client download',
          async round() {
            await dropKernelCaches();
            const start = performance.now();
            const keys = await keysBelow(direct, 'src/');
            await inParallel(keys.length, async (index) => {
              const { body, length } = await direct.get(keys[index]!);
              await collect(body, length);
            });
            return { coldMs: performance.now() - start };
          },
        },
      ],
      setUp: ({ name }) => upload(name),
      before: (place) => place.cool(),
      async round(place) {
        const search = ['grep', '-r', '-c', 'createHash', join(place.directory, 'src')];
        const coldMs = await timed(prefix, ...search);
        return { coldMs, hotMs: await timed(prefix, ...search) };
      },
      async close() {
        sdk.close();
        await direct.close();
      },
    };
  },
});
