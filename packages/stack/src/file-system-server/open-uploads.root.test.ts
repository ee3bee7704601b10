/** A server that dies while it uploads a large file leaves no upload in parts behind, and touches nobody else's. */
import { join } from 'node:path';
import { startLyingStore } from '@moorage/object-store/testing';
import type { LyingStore } from '@moorage/object-store/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 180_000 });

let served: ServedBucket;
let store: LyingStore;
beforeEach(async () => {
  served = await ServedBucket.start();
  await served.server.stop();
  const { endpoint = '' } = served.location;
  store = await startLyingStore({ ...served.location, endpoint }, {});
  const bucket = { ...served.location, endpoint: store.endpoint };
  await served.serve({ bucket, dataDir: join(served.dir, 'other') });
});
afterEach(async () => {
  await served.close();
  await store.close();
});

async function openUploads(): Promise<string[]> {
  return (await served.bucket.listUploads('')).map(({ uploadId }) => uploadId);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}

test('killed between two parts: aborted by its number', async () => {
  const theirs = await served.bucket.multipart('large');
  await theirs.uploadPart(1, Buffer.from('theirs'));
  const { pid } = served.server;
  let parts = 0;
  store.before = async () => {
    const isPart = store.requests.at(-1)?.includes('partNumber=') ?? false;
    if (isPart && ++parts === 3) process.kill(pid, 'SIGKILL');
  };
  await served.out('head -c 100000000 /dev/urandom > large; md5sum large > $SCRATCH/sum');
  await until(() => Promise.resolve(parts >= 3));
  await served.server.sync();
  expect(served.events).toMatchObject([{ kind: 'restarted' }]);
  await until(async () => (await openUploads()).length === 1);
  expect(await openUploads()).toEqual([theirs.uploadId]);
  expect((await served.bucket.head('large')).size).toBe(100_000_000);
  expect(await served.out('md5sum -c $SCRATCH/sum')).toBe('large: OK\n');
  await theirs.abort();
});

test('killed before its number was known: found by key, time and having no parts', async () => {
  const { pid } = served.server;
  let orphan = '';
  store.after = async (request) => {
    if (request !== 'POST /work/large?uploads=') return;
    store.after = undefined;
    [orphan = ''] = await openUploads();
    process.kill(pid, 'SIGKILL');
  };
  await served.out('head -c 20000000 /dev/urandom > large');
  await until(() => Promise.resolve(orphan !== ''));
  const theirs = await served.bucket.multipart('large');
  await theirs.uploadPart(1, Buffer.from('theirs'));
  const other = await served.bucket.multipart('other');
  await served.server.sync();
  expect(await openUploads()).toContain(orphan);
  await until(async () => !(await openUploads()).includes(orphan));
  expect((await openUploads()).toSorted()).toEqual([theirs.uploadId, other.uploadId].toSorted());
  await theirs.abort();
  await other.abort();
});
