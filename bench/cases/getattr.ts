/** One GETATTR, from the system call to its answer, beside a loop in C that does nothing but answer. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { placeCase } from '../place-case.ts';
import { job, timed } from '../pinned.ts';
import { answerLoop } from '../places/answer-loop.ts';
import type { BenchmarkCase } from '../case.ts';

export const getattr: BenchmarkCase = placeCase({
  name: 'getattr',
  title: 'GETATTR round trip',
  places: ['moorage', 'bindfs'],
  async prepare({ small, directory, prefix }) {
    const ask = (path: string) => job(prefix, 'getattr', path, small ? '100' : '40000');
    const loopDirectory = join(directory, 'c-loop');
    await mkdir(loopDirectory);
    const loop = await answerLoop({ directory: loopDirectory, prefix });
    return {
      beside: loop === undefined ? [] : [{ name: loop.name, round: () => ask(loop.directory) }],
      async setUp(place) {
        await timed([], 'touch', join(place.directory, 'file'));
      },
      round: (place) => ask(join(place.directory, 'file')),
      close: async () => loop?.close(),
    };
  },
});
