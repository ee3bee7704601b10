/** Names, sizes and times of a tree that is not here: `ls -lR`. */
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { ANY_PROCESSOR, timed } from '../pinned.ts';
import { inParallel } from '../places/bucket.ts';
import type { BenchmarkCase } from '../case.ts';

export const importObjects: BenchmarkCase = placeCase({
  name: 'import',
  title: 'ls -lR of 5,000 objects in 50 directories, cold',
  places: ['moorage', 's3fs', 'rclone'],
  prefix: ANY_PROCESSOR,
  prepare: ({ small, prefix, places }) => {
    const count = small ? 100 : 5000;
    return {
      async setUp({ name }) {
        const bucket = await places.store.open(name);
        const body = Buffer.alloc(2048, 'moorage ');
        await inParallel(count, (index) =>
          bucket.put(`tree/${Math.floor(index / 100)}/${index}`, body),
        );
        await bucket.close();
      },
      before: (place) => place.cool(),
      async round({ directory }) {
        const ms = await timed(prefix, 'ls', '-lR', join(directory, 'tree'));
        return { objectsPerSecond: (count * 1000) / ms };
      },
    };
  },
});
