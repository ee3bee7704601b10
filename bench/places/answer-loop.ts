/** answer-loop.c, compiled and mounted. */
import { join } from 'node:path';
import { timed } from '../pinned.ts';
import { isInstalled } from '../processes.ts';
import { foreignMount } from './foreign-mount.ts';
import type { Place, PlaceOptions } from './place.ts';

const source = new URL('./answer-loop.c', import.meta.url).pathname;

/** undefined: there is no C compiler. */
export async function answerLoop(options: PlaceOptions): Promise<Place | undefined> {
  if (!(await isInstalled('gcc'))) {
    console.error(
      'the loop in C is left out, gcc is not installed; on Debian: apt-get install gcc',
    );
    return undefined;
  }
  const program = join(options.directory, 'answer-loop');
  const mountPoint = join(options.directory, 'mount');
  await timed([], 'gcc', '-O2', '-o', program, source);
  const settle = async (): Promise<void> => undefined;
  const name = 'loop in C';
  return foreignMount({ name, mountPoint, command: [program, mountPoint], settle }, options);
}
