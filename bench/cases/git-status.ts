/** `git status` in a clone, hot. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { timed } from '../pinned.ts';
import { generateRepository } from '../repository.ts';
import type { BenchmarkCase } from '../case.ts';

export const gitStatus: BenchmarkCase = placeCase({
  name: 'git-status',
  title: 'git status of 3,000 files, hot',
  places: ['ext4', 'bindfs', 'moorage'],
  async prepare({ small, directory, prefix }) {
    const repository = join(directory, 'repository');
    await mkdir(repository);
    await generateRepository(repository, small ? 50 : 3000);
    const status = (place: string): string[] => ['git', '-C', join(place, 'clone'), 'status'];
    return {
      async setUp({ directory: place, settle }) {
        await timed([], 'git', 'clone', '--quiet', '--no-local', repository, join(place, 'clone'));
        await settle();
        await timed([], ...status(place));
      },
      async round({ directory: place }) {
        // The mount in between may have been idle for longer than the kernel keeps names.
        await timed(prefix, ...status(place));
        return { statusMs: await timed(prefix, ...status(place)) };
      },
    };
  },
});
