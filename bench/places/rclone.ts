/** `rclone mount` with its full cache and uploads a second after a file is closed. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestStore } from './bucket.ts';
import { foreignMount } from './foreign-mount.ts';
import type { Place, PlaceOptions } from './place.ts';

interface CacheStatistics {
  diskCache?: { uploadsInProgress: number; uploadsQueued: number };
}

export async function rclone(options: PlaceOptions, store: TestStore): Promise<Place> {
  const bucket = await store.open('rclone');
  await bucket.close();
  const at = (name: string): string => join(options.directory, name);
  const cache = at('rclone-cache');
  const socket = `127.0.0.1:${await freePort()}`;
  const statistics = async (): Promise<CacheStatistics> => {
    const answer = await fetch(`http://${socket}/vfs/stats`, { method: 'POST' });
    return (await answer.json()) as CacheStatistics;
  };
  return foreignMount(
    {
      name: 'rclone',
      mountPoint: at('rclone'),
      command: [
        ...['rclone', 'mount', 'bench:rclone', at('rclone'), '--cache-dir', cache],
        ...['--vfs-cache-mode', 'full', '--vfs-write-back', '1s', '--dir-cache-time', '5m'],
        ...['--vfs-fast-fingerprint', '--transfers', '16', '--checkers', '16'],
        ...['--rc', '--rc-no-auth', '--rc-addr', socket],
      ],
      environment: {
        RCLONE_CONFIG: '/dev/null',
        RCLONE_CONFIG_BENCH_TYPE: 's3',
        RCLONE_CONFIG_BENCH_PROVIDER: 'Other',
        RCLONE_CONFIG_BENCH_ENDPOINT: store.endpoint,
        RCLONE_CONFIG_BENCH_REGION: store.region,
        RCLONE_CONFIG_BENCH_ACCESS_KEY_ID: store.accessKeyId,
        RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY: store.secretAccessKey,
      },
      cache,
      // A file that was closed just now is not counted for a moment.
      async settle() {
        for (let quiet = 0; quiet < 3; await sleep(30)) {
          const { diskCache } = await statistics();
          if (diskCache === undefined) throw new Error('rclone says nothing of its cache');
          quiet = diskCache.uploadsInProgress + diskCache.uploadsQueued === 0 ? quiet + 1 : 0;
        }
      },
    },
    options,
  );
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
