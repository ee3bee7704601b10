/** A C passthrough file system over libfuse3: what a mount that does nothing costs. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { foreignMount } from './foreign-mount.ts';
import type { Place, PlaceOptions } from './place.ts';

export async function bindfs(options: PlaceOptions): Promise<Place> {
  const below = join(options.directory, 'bindfs-below');
  const mountPoint = join(options.directory, 'bindfs');
  await mkdir(below);
  return foreignMount(
    {
      name: 'bindfs',
      mountPoint,
      command: ['bindfs', '-f', below, mountPoint],
      settle: async () => undefined,
    },
    options,
  );
}
