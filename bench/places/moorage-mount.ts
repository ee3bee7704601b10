/** Our own mount, made by the `moorage` command as a user would. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Moorage } from '../moorage.ts';
import { treeCpuMs, treeMemoryMiB } from '../processes.ts';
import type { Store } from '../moorage.ts';
import { dropKernelCaches } from './caches.ts';
import type { Place, PlaceOptions } from './place.ts';

export interface MoorageMount extends Place {
  /** Of the processes that serve it. */
  memoryMiB(): Promise<number>;
}

export type Location = Omit<Store, 'stop'>;

/** Mounts the bucket named `moorage`, or `bucket`. */
export async function moorageMount(
  { directory, prefix }: PlaceOptions,
  store: Location,
  bucket = 'moorage',
): Promise<MoorageMount> {
  const mountPoint = join(directory, 'moorage');
  const data = join(directory, 'moorage-data');
  const moorage = new Moorage(data, prefix);
  await mkdir(mountPoint);
  let daemon = 0;
  const mount = async (): Promise<void> => {
    await moorage.run(['mount', `s3://${bucket}`, mountPoint, '--endpoint', store.endpoint], {
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      AWS_REGION: store.region,
    });
    const status = JSON.parse(await moorage.run(['status', '--json'])) as {
      mounts: { daemonPid: number }[];
    };
    daemon = status.mounts[0]!.daemonPid;
  };
  await mount();
  return {
    name: 'moorage',
    directory: mountPoint,
    cpuMs: () => treeCpuMs(daemon),
    memoryMiB: () => treeMemoryMiB(daemon),
    async settle() {
      await moorage.run(['sync', '--wait', mountPoint]);
    },
    async cool() {
      await moorage.run(['unmount', mountPoint]);
      await rm(data, { recursive: true });
      await dropKernelCaches();
      await mount();
    },
    async close() {
      await moorage.run(['unmount', '--force', mountPoint]);
    },
  };
}
