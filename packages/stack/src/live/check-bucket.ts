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
      return new StackError(
        'AccessDenied',
        whatHappened(error),
        'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws/config with AWS_PROFILE.',
        cause,
      );
    case 'WrongCredentials':
      return new StackError(
        'AccessDenied',
        `${where} refuses these credentials for the bucket ${name}: ${whatHappened(error)}`,
        'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; `aws sts get-caller-identity` shows who you are.',
        cause,
      );
    case 'AccessDenied':
      return new StackError(
        'AccessDenied',
        `${where} does not let these credentials use the bucket ${name}: ${error.message}`,
        'Have the permission granted, or use others (AWS_PROFILE); `aws sts get-caller-identity` shows who you are.',
        cause,
      );
    case 'ClockSkew':
      return new StackError('AccessDenied', whatHappened(error), 'Set the clock.', cause);
    case 'Unreachable':
    case 'TimedOut':
    case 'ServerError':
    case 'SlowDown':
    case 'BrokenTransfer':
      return new StackError(
        'StoreUnreachable',
        `The bucket ${name} at ${where} cannot be reached: ${whatHappened(error)}`,
        'Check --endpoint and the network, and that the server runs.',
        cause,
      );
    default:
      return new StackError(
        'BucketUnusable',
        `The bucket ${name} at ${where} cannot be used: ${whatHappened(error)}`,
        'Check --endpoint and the region (AWS_REGION).',
        cause,
      );
  }
}

/** The first sentence of the message; what to do stands in the others, and is said here once. */
function whatHappened({ message }: S3Error): string {
  return /^.*?\.(?= [A-Z]|$)/s.exec(message)?.[0] ?? message;
}
