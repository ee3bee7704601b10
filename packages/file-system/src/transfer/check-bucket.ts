/** Can this bucket be mounted? Asked once at the start, so that a mistake is one clear message, not a broken mount. */
import { S3Error } from '@moorage/object-store';
import type { Bucket } from '@moorage/object-store';

/** The bucket exists and answers, but cannot carry a file system. The message says why and what to do. */
export class BucketUnusable extends Error {
  override readonly name = 'BucketUnusable';
}

/** Rejects with BucketUnusable, or with the S3Error that says why the bucket cannot be used at all. */
export async function checkBucket(bucket: Bucket): Promise<void> {
  await bucket.headBucket();
  const state = await versioningOf(bucket);
  if (state === 'Enabled') return;
  throw new BucketUnusable(
    `Bucket "${bucket.name}" does not have versioning enabled, and without versions an overwritten file would be lost for good. ` +
      `Enable it: aws s3api put-bucket-versioning --bucket ${bucket.name} --versioning-configuration Status=Enabled`,
  );
}

async function versioningOf(bucket: Bucket): Promise<'Enabled' | 'Suspended' | 'Off'> {
  try {
    return await bucket.getVersioning();
  } catch (error) {
    if (error instanceof S3Error && error.code === 'NotSupported') return 'Off';
    throw error;
  }
}
