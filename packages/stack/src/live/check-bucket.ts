// A bucket that was given, checked before anything is mounted on it. It is only looked at: making it, or
// switching its versioning on, is its owner's decision.
import { S3Error, openBucket, type BucketLocation } from '@moorage/object-store';
import { StackError } from './stack-error.ts';

/** Throws a StackError that says what the bucket lacks. */
export async function checkBucket(location: BucketLocation): Promise<void> {
  const bucket = await openBucket(location);
  try {
    const versioning = await bucket.getVersioning();
    if (versioning === 'Enabled') return;
    throw new StackError(
      'BucketNotVersioned',
      `Versioning is not enabled on the bucket ${location.bucket}, so a lost update could not be undone.`,
      'Enable it: `aws s3api put-bucket-versioning ' +
        `--bucket ${location.bucket} --versioning-configuration Status=Enabled --endpoint-url ${bucket.endpoint}\`.`,
    );
  } catch (error) {
    throw explain(error, location.bucket, bucket.endpoint);
  } finally {
    await bucket.close();
  }
}

function explain(error: unknown, name: string, where: string): unknown {
  if (!(error instanceof S3Error)) return error;
  const cause = { cause: error };
  switch (error.code) {
    case 'NoSuchBucket':
      return new StackError(
        'BucketMissing',
        `There is no bucket ${name} at ${where}.`,
        `Check the name and --endpoint, or make it: \`aws s3 mb s3://${name} --endpoint-url ${where}\`.`,
        cause,
      );
    case 'MissingCredentials':
    case 'WrongCredentials':
    case 'AccessDenied':
    case 'ClockSkew':
      return new StackError(
        'AccessDenied',
        `${where} refuses these credentials for the bucket ${name}: ${error.message}`,
        'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; `aws sts get-caller-identity` shows who you are.',
        cause,
      );
    case 'Unreachable':
    case 'TimedOut':
    case 'ServerError':
    case 'SlowDown':
    case 'BrokenTransfer':
      return new StackError(
        'StoreUnreachable',
        `The bucket ${name} at ${where} cannot be reached: ${error.message}`,
        'Check --endpoint and the network.',
        cause,
      );
    default:
      return new StackError(
        'BucketUnusable',
        `The bucket ${name} at ${where} cannot be used: ${error.message}`,
        'Check --endpoint and the region (AWS_REGION).',
        cause,
      );
  }
}
