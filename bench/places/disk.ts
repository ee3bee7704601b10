/** A directory on ext4: in the temporary directory when that is ext4, else in an image of its own. */
import { mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { timed } from '../pinned.ts';
import { dropKernelCaches } from './caches.ts';
import type { Place, PlaceOptions } from './place.ts';

const ext4Magic = 0xef53;
const imageBytes = '8G';

export async function disk({ directory }: PlaceOptions): Promise<Place> {
  const plain = join(directory, 'ext4');
  await mkdir(plain);
  const isExt4 = (await statfs(directory)).type === ext4Magic;
  if (!isExt4) {
    const image = join(directory, 'ext4.img');
    await timed([], 'truncate', '-s', imageBytes, image);
    await timed([], 'mkfs.ext4', '-q', image);
    await timed([], 'mount', '-o', 'loop', image, plain);
  }
  return {
    name: 'ext4',
    directory: plain,
    cpuMs: async () => 0,
    settle: async () => undefined,
    cool: dropKernelCaches,
    async close() {
      if (!isExt4) await timed([], 'umount', plain);
    },
  };
}
