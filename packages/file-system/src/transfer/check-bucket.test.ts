import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3 } from '@moorage/local-s3';
import { expect, test } from 'vitest';
import { bucketOn } from '../testing/live.ts';
import { checkBucket } from './check-bucket.ts';

test('a bucket without versions is refused with the remedy, one with them is not', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'check-'));
  const server = await startLocalS3({ dir });
  const bucket = await bucketOn(server);
  await expect(checkBucket(bucket)).rejects.toMatchObject({ code: 'NoSuchBucket' });
  await bucket.putBucket();
  await expect(checkBucket(bucket)).rejects.toMatchObject({
    name: 'BucketUnusable',
    message: expect.stringContaining('put-bucket-versioning --bucket data'),
  });
  await bucket.putVersioning('Enabled');
  await checkBucket(bucket);
  await bucket.putVersioning('Suspended');
  await expect(checkBucket(bucket)).rejects.toThrow(/does not have versioning enabled/);
  await bucket.close();
  await server.close();
  rmSync(dir, { recursive: true });
});
