/** `git clone` of many small files, until it returns and until everything is in the bucket. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { timed } from '../pinned.ts';
import { generateRepository } from '../repository.ts';
import type { BenchmarkCase } from '../case.ts';
import type { PlaceName } from '../places/start.ts';

export const clone: BenchmarkCase = cloneCase({
  name: 'clone',
  title: 'git clone of 3,000 files',
  files: 3000,
  places: ['ext4', 'bindfs', 'moorage'],
});

export const cloneBeside: BenchmarkCase = cloneCase({
  name: 'clone-s3',
  title: 'git clone of 4,800 files, and all of it in the bucket',
  files: 4800,
  places: ['ext4', 'moorage', 's3fs', 'rclone'],
});

function cloneCase(o: {
  name: string;
  title: string;
  files: number;
  places: readonly PlaceName[];
}): BenchmarkCase {
  return placeCase({
    ...o,
    async prepare({ small, directory, prefix }) {
      const repository = join(directory, 'repository');
      await mkdir(repository);
      await generateRepository(repository, small ? 50 : o.files);
      // A name of its own each time: a peer may still know files of a clone that was removed.
      let target = '';
      let clones = 0;
      return {
        async before({ directory: place }) {
          target = join(place, `clone-${clones++}`);
        },
        async round({ settle }) {
          const command = ['git', 'clone', '--quiet', '--no-local', repository, target];
          const cloneMs = await timed(prefix, ...command);
          const start = performance.now();
          await settle();
          return { cloneMs, restToBucketMs: performance.now() - start };
        },
        async after({ settle }) {
          await timed([], 'rm', '-rf', target);
          await settle();
        },
      };
    },
  });
}
