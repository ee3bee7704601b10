import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3 } from '@moorage/local-s3';
import type { LocalS3 } from '@moorage/local-s3';
import type { Bucket } from '@moorage/object-store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bucketOn, Live } from '../testing/live.ts';
import { eventually } from '../testing/live-server.ts';

let dir = '';
let server: LocalS3;
let outside: Bucket;
let live: Live;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'sync-'));
  server = await startLocalS3({ dir });
  outside = await bucketOn(server);
  await outside.putBucket();
  await outside.putVersioning('Enabled');
  live = await Live.start(server);
});

afterEach(async () => {
  await live.end();
  await outside.close();
  await server.close();
  rmSync(dir, { recursive: true });
});

async function startAgain(): Promise<void> {
  const port = Number(new URL(server.endpoint).port);
  server = await startLocalS3({ dir, port });
}

test('while S3 is gone work goes on, and what was written arrives once it is back', async () => {
  await live.write('/before', 'x');
  await live.barrier();
  await server.close();
  await live.write('/during', 'y');
  await live.unlink('/before');
  expect(await live.read('/during')).toBe('y');
  const done = live.barrier();
  await eventually(
    async () => live.sync.status().lastError?.code === 'Unreachable',
    'the failure is told',
  );
  expect(live.sync.status()).toMatchObject({ pending: 2, failed: [] });
  await startAgain();
  expect(await done).toEqual([]);
  const { objects } = await outside.list({ prefix: '' });
  expect(objects.map(({ key }) => key)).toEqual(['during']);
});

test('a read that waits for S3 goes on once it is back', async () => {
  await outside.put('f', Buffer.alloc(300_000, 'z'));
  await live.lookup('/f');
  await server.close();
  const text = live.read('/f', 0, 1000);
  await eventually(
    async () => live.sync.status().lastError?.code === 'Unreachable',
    'the failure is told',
  );
  await startAgain();
  expect(await text).toBe('z'.repeat(1000));
});
