/** S3 Files' names for what keeps a file from being exported. */
import type { TransferResult } from '../transfer/jobs.ts';
import type { ExportError } from './port.ts';

type Failed = Extract<TransferResult, { kind: 'failed' }>;

/** Undefined: it will be tried again by itself. */
export function exportErrorOf(failed: Failed): ExportError | undefined {
  if (failed.retryable) return undefined;
  switch (failed.code) {
    case 'AccessDenied':
      return 'S3AccessDenied';
    case 'MissingCredentials':
    case 'WrongCredentials':
      return 'RoleAssumptionFailed';
    case 'EncryptionKeyInaccessible':
      return 'EncryptionKeyInaccessible';
    case 'MetadataTooLarge':
      return 'S3UserMetadataTooLarge';
    case 'KeyTooLong':
      return 'PathTooLong';
    case 'EntityTooLarge':
      return 'FileSizeExceedsS3Limit';
    case 'NoSuchBucket':
      return 'S3BucketNotFound';
    case 'ObjectArchived':
      return 'S3ObjectArchived';
    default:
      return 'InternalError';
  }
}

/** What whoever sees the failure can do. */
export function remedyOf(error: ExportError): string {
  switch (error) {
    case 'S3AccessDenied':
      return 'Allow s3:PutObject, s3:GetObject and s3:DeleteObject on this key.';
    case 'InternalError':
      return 'See the message and the log of the mount.';
    case 'S3UserMetadataTooLarge':
      return 'Take some of the user metadata (more than 2 KB) from its object in S3, then change the file again.';
    case 'EncryptionKeyInaccessible':
      return 'Enable the KMS key of the bucket and allow kms:GenerateDataKey and kms:Decrypt.';
    case 'RoleAssumptionFailed':
      return 'Renew the credentials and mount again.';
    case 'PathTooLong':
      return 'Keys have at most 1,024 bytes: move it to a shorter path.';
    case 'S3ObjectArchived':
      return 'Restore the object it came from: aws s3api restore-object.';
    case 'S3BucketNotFound':
      return 'Make the bucket again, or mount the one that is meant.';
    case 'FileSizeExceedsS3Limit':
      return 'Split the file, or make it smaller than the limit of the store.';
    case 'NameNotUtf8':
      return 'Rename it: keys are UTF-8.';
    case 'NoSpace':
      return 'Free space on the disk of the data directory.';
    case 'DependencyExportFailed':
      return 'Put right what it waits for.';
    case 'Conflict':
      return 'See moorage conflicts.';
  }
}

/** Errors that somebody may repair outside: such exports are tried again from time to time. */
export function isRepairable(error: ExportError): boolean {
  switch (error) {
    case 'PathTooLong':
    case 'NameNotUtf8':
    case 'FileSizeExceedsS3Limit':
    case 'S3UserMetadataTooLarge':
      return false;
    default:
      return true;
  }
}
