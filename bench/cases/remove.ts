/** `rm -rf` of a source tree that has been there for a while: in the bucket, where there is one. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { timed } from '../pinned.ts';
import { generateRepository } from '../repository.ts';
import type { BenchmarkCase } from '../case.ts';

export const remove: BenchmarkCase = placeCase({
  name: 'remove',
  title: 'rm -rf of 3,000 source files',
  places: ['ext4', 'bindfs', 'moorage'],
  async prepare({ small, directory, prefix }) {
    const source = join(directory, 'source');
    await mkdir(source);
    await generateRepository(source, small ? 50 : 3000);
    return {
      async before(place) {
        await timed([], 'cp', '-r', join(source, 'src'), join(place.directory, 'tree'));
        await place.settle();
      },
      async round(place) {
        return { removeMs: await timed(prefix, 'rm', '-rf', join(place.directory, 'tree')) };
      },
      after: (place) => place.settle(),
    };
  },
});
