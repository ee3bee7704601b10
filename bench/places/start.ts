/** Starts the places a case wants, with one store for all that need one. Peers that are absent are left out. */
import { isInstalled } from '../processes.ts';
import { bindfs } from './bindfs.ts';
import { startTestStore, type TestStore } from './bucket.ts';
import { disk } from './disk.ts';
import { type MoorageMount, moorageMount } from './moorage-mount.ts';
import type { Place, PlaceOptions } from './place.ts';
import { rclone } from './rclone.ts';
import { s3fs } from './s3fs.ts';

export type PlaceName = 'ext4' | 'bindfs' | 'moorage' | 's3fs' | 'rclone';

export interface Places {
  /** In the order they were asked for. */
  readonly all: readonly Place[];
  readonly moorage: MoorageMount;
  readonly store: TestStore;
  close(): Promise<void>;
}

export async function startPlaces(
  names: readonly PlaceName[],
  options: PlaceOptions,
  counted = false,
): Promise<Places> {
  const store = await startTestStore(options.directory, options.prefix, counted);
  const all: Place[] = [];
  let ours: MoorageMount | undefined;
  const close = async (): Promise<void> => {
    for (const place of all.toReversed()) await place.close();
    await store.stop();
  };
  try {
    for (const name of names) {
      if (name !== 'moorage' && name !== 'ext4' && !(await isInstalled(name))) {
        console.error(`${name} is not installed and left out; on Debian: apt-get install ${name}`);
        continue;
      }
      if (name === 'moorage') {
        await (await store.open('moorage')).close();
        all.push((ours = await moorageMount(options, store)));
      } else all.push(await starters[name](options, store));
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (ours === undefined) throw new Error('every case measures moorage');
  return { all, moorage: ours, store, close };
}

const starters: Record<
  Exclude<PlaceName, 'moorage'>,
  (options: PlaceOptions, store: TestStore) => Promise<Place>
> = { ext4: disk, bindfs, s3fs, rclone };
