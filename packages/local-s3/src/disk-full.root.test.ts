/** A full disk: a clear answer, nothing corrupted, and service again once there is room. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startLocalS3 } from './start.ts';
import { sdkClient } from './test-endpoint.ts';

let mountPoint: string;
beforeAll(() => {
  mountPoint = mkdtempSync(join(tmpdir(), 'local-s3-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mountPoint]);
});
afterAll(() => {
  execFileSync('umount', [mountPoint]);
  rmdirSync(mountPoint);
});

it.each([2_000, 400_000])('with bodies of %d bytes', { timeout: 120_000 }, async (size) => {
  const dir = join(mountPoint, `s3-${size}`);
  const Bucket = 'full';
  const log: string[] = [];
  const s3 = await startLocalS3({ dir, log: (line) => log.push(line) });
  const client = sdkClient(s3);
  await client.send(new CreateBucketCommand({ Bucket }));
  // Leave little room, so that the disk is full soon.
  const ballast = join(mountPoint, 'ballast');
  writeFileSync(ballast, Buffer.alloc(16 * 2 ** 20));
  const stored: string[] = [];
  const refused: string[] = [];
  for (let n = 0; refused.length < 5; n += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const Key = `k${n + i}`;
        try {
          await client.send(new PutObjectCommand({ Bucket, Key, Body: Buffer.alloc(size, Key) }));
          stored.push(Key);
        } catch (error) {
          const { $metadata, message } = error as Error & {
            $metadata: { httpStatusCode?: number };
          };
          expect([$metadata.httpStatusCode, message]).toEqual([507, expect.stringMatching(/full/)]);
          refused.push(Key);
        }
      }),
    );
  }
  expect(stored.length).toBeGreaterThan(0);
  const check = async (c: typeof client): Promise<void> => {
    for (const Key of stored.slice(-50)) {
      const got = await c.send(new GetObjectCommand({ Bucket, Key }));
      expect(await got.Body?.transformToString()).toBe(Buffer.alloc(size, Key).toString());
    }
  };
  await check(client);
  rmSync(ballast);
  await client.send(new PutObjectCommand({ Bucket, Key: 'after', Body: 'room again' }));
  await s3.close();
  const again = await startLocalS3({ dir });
  const second = sdkClient(again);
  await check(second);
  const page = await second.send(new ListObjectsV2Command({ Bucket, Prefix: 'after' }));
  expect(page.KeyCount).toBe(1);
  if (size > 128 * 1024) expect(readdirSync(join(dir, 'blobs'))).toHaveLength(stored.length);
  await again.close();
  rmSync(dir, { recursive: true });
});
