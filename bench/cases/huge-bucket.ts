/** Mounting: an empty bucket beside one of ten million keys (a stand-in that has them by arithmetic). */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ANY_PROCESSOR } from '../pinned.ts';
import { endlessBucket } from '../places/endless-bucket.ts';
import { moorageMount } from '../places/moorage-mount.ts';
import type { BenchmarkCase, Subject } from '../case.ts';

export const hugeBucket: BenchmarkCase = {
  name: 'huge-bucket',
  title: 'Mount an empty bucket and one of 10,000,000 keys',
  async prepare({ directory }) {
    const empty = await endlessBucket(0, 0);
    const huge = await endlessBucket(1000, 10_000);
    let mounts = 0;
    const subject = (name: string, bucket: typeof empty): Subject => ({
      name,
      async round() {
        const own = join(directory, String(mounts++));
        await mkdir(own);
        const start = performance.now();
        const place = await moorageMount({ directory: own, prefix: ANY_PROCESSOR }, bucket);
        const mountMs = performance.now() - start;
        await place.close();
        return { mountMs };
      },
    });
    return {
      subjects: [subject('empty', empty), subject('10,000,000 keys', huge)],
      async close() {
        empty.close();
        huge.close();
      },
    };
  },
};
