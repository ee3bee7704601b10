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
