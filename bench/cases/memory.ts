/** What a mount needs that has been shown a million files (of a stand-in that has them by arithmetic). */
import { ANY_PROCESSOR, timed } from '../pinned.ts';
import { endlessBucket } from '../places/endless-bucket.ts';
import { moorageMount } from '../places/moorage-mount.ts';
import type { BenchmarkCase } from '../case.ts';

const filesEach = 1000;

export const memory: BenchmarkCase = {
  name: 'memory',
  title: 'find through a million files',
  async prepare({ small, directory }) {
    const directories = small ? 3 : 1000;
    const bucket = await endlessBucket(directories, filesEach);
    const place = await moorageMount({ directory, prefix: ANY_PROCESSOR }, bucket);
    return {
      subjects: [
        {
          name: 'moorage',
          async round() {
            await place.cool();
            const idleMiB = await place.memoryMiB();
            const ms = await timed(ANY_PROCESSOR, 'find', place.directory);
            const knownMiB = await place.memoryMiB();
            return { idleMiB, knownMiB, filesPerSecond: (directories * filesEach * 1000) / ms };
          },
        },
      ],
      async close() {
        await place.close();
        bucket.close();
      },
    };
  },
};
