/** Extracting an archive of a source tree. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { timed } from '../pinned.ts';
import { generateRepository } from '../repository.ts';
import type { BenchmarkCase } from '../case.ts';

export const tar: BenchmarkCase = placeCase({
  name: 'tar',
  title: 'tar -x of 3,000 source files',
  places: ['ext4', 'bindfs', 'moorage'],
  async prepare({ small, directory, prefix }) {
    const source = join(directory, 'source');
    const archive = join(directory, 'source.tar');
    await mkdir(source);
    await generateRepository(source, small ? 50 : 3000);
    await timed([], 'tar', '-c', '-f', archive, '-C', source, '--exclude=.git', '.');
    return {
      async round(place) {
        return {
          extractMs: await timed(prefix, 'tar', '-x', '-f', archive, '-C', place.directory),
        };
      },
      async after({ directory: place, settle }) {
        await settle();
        await timed(
          [],
          'find',
          place,
          '-mindepth',
          '1',
          '-maxdepth',
          '1',
          '-exec',
          'rm',
          '-r',
          '{}',
          '+',
        );
      },
    };
  },
});
