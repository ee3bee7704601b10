/** For tests: a local S3 endpoint with one versioned bucket, an outside writer of it, and a mounted file system. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { collect } from '@moorage/object-store';
import type { Bucket } from '@moorage/object-store';
import { bucketOn, Live } from './live.ts';
import type { S3Server } from './live.ts';
import type { FileSystemOptions } from '../file-system.ts';
import type { SyncOptions } from '../sync/context.ts';

export interface Rig {
  outside: Bucket;
  live: Live;
  /** Another file system on the same bucket. */
  second: (
    options?: Partial<SyncOptions>,
    fileSystem?: Partial<FileSystemOptions>,
  ) => Promise<Live>;
  keys: () => Promise<string[]>;
  text: (key: string) => Promise<string>;
  end: () => Promise<void>;
}

/** `start` is local-s3's, given by the test: only tests may import it. */
export async function startRig(
  start: (o: { dir: string }) => Promise<S3Server & { close: () => Promise<void> }>,
  options: Partial<SyncOptions> = {},
): Promise<Rig> {
  const dir = mkdtempSync(join(tmpdir(), 'sync-'));
  const server = await start({ dir });
  const outside = await bucketOn(server);
  await outside.putBucket();
  await outside.putVersioning('Enabled');
  const live = await Live.start(server, options);
  const more: Live[] = [];
  return {
    outside,
    live,
    async second(other = options, fileSystem = {}) {
      const opened = await Live.start(server, other, fileSystem);
      more.push(opened);
      return opened;
    },
    async keys() {
      return (await outside.list({ prefix: '' })).objects.map(({ key }) => key);
    },
    async text(key) {
      const object = await outside.get(key);
      return Buffer.from(await collect(object.body, object.length)).toString('latin1');
    },
    async end() {
      for (const opened of [live, ...more]) await opened.end();
      await outside.close();
      await server.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Waits until something holds; rejects after a time that is generous for a loaded machine. */
export async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
