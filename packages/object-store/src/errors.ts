/**
 * Everything that can go wrong with an S3 store, as one closed union. A store's own code words are mapped
 * here and nowhere else; what is not known falls back on the HTTP status.
 */

/** Stable codes; `message` says what happened and what to do, never with a secret in it. */
export type S3ErrorCode =
  | 'NoSuchKey'
  | 'NoSuchVersion'
  | 'NoSuchUpload'
  | 'NoSuchBucket'
  | 'BucketTaken'
  | 'PreconditionFailed'
  | 'ConcurrentWrite'
  | 'MissingCredentials'
  | 'WrongCredentials'
  | 'AccessDenied'
  | 'ClockSkew'
  | 'WrongRegion'
  | 'EncryptionKeyInaccessible'
  | 'ObjectArchived'
  | 'InvalidRange'
  | 'KeyTooLong'
  | 'MetadataTooLarge'
  | 'EntityTooLarge'
  | 'InvalidRequest'
  | 'NotSupported'
  | 'SlowDown'
  | 'ServerError'
  | 'TimedOut'
  | 'Unreachable'
  | 'BrokenTransfer'
  | 'BadResponse'
  | 'Aborted';

const RETRYABLE: ReadonlySet<S3ErrorCode> = new Set([
  'ConcurrentWrite',
  'SlowDown',
  'ServerError',
  'TimedOut',
  'Unreachable',
  'BrokenTransfer',
  'BadResponse',
]);

/** A failed request. `status` is 0 when no answer came. */
export class S3Error extends Error {
  override readonly name = 'S3Error';
  readonly code: S3ErrorCode;
  readonly status: number;
  /** The same request may succeed later without anybody doing anything. */
  readonly retryable: boolean;
  readonly requestId?: string;
  readonly key?: string;
  /** Where the bucket is, of WrongRegion. */
  readonly region?: string;

  constructor(
    code: S3ErrorCode,
    message: string,
    details: {
      status?: number;
      requestId?: string | undefined;
      key?: string | undefined;
      region?: string | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status ?? 0;
    this.retryable = RETRYABLE.has(code);
    if (details.requestId !== undefined) this.requestId = details.requestId;
    if (details.key !== undefined) this.key = details.key;
    if (details.region !== undefined) this.region = details.region;
  }
}

/** The code for what a store answered: its own code word first, else the status. */
export function codeOf(word: string, status: number, onObject: boolean): S3ErrorCode {
  const known = WORDS[word];
  if (known !== undefined) return known;
  if (status === 404) return onObject ? 'NoSuchKey' : 'NoSuchBucket';
  if (status === 412) return 'PreconditionFailed';
  if (status === 409) return 'ConcurrentWrite';
  if (status === 401 || status === 403) return 'AccessDenied';
  if (status === 301 || status === 307) return 'WrongRegion';
  if (status === 405 || status === 501) return 'NotSupported';
  if (status === 408) return 'TimedOut';
  if (status === 413) return 'EntityTooLarge';
  if (status === 416) return 'InvalidRange';
  if (status === 429 || status === 503) return 'SlowDown';
  if (status >= 500) return 'ServerError';
  return 'InvalidRequest';
}

const WORDS: Partial<Record<string, S3ErrorCode>> = {
  NoSuchKey: 'NoSuchKey',
  NoSuchVersion: 'NoSuchVersion',
  NoSuchUpload: 'NoSuchUpload',
  NoSuchBucket: 'NoSuchBucket',
  BucketAlreadyExists: 'BucketTaken',
  PreconditionFailed: 'PreconditionFailed',
  ConditionalRequestConflict: 'ConcurrentWrite',
  OperationAborted: 'ConcurrentWrite',
  InvalidAccessKeyId: 'WrongCredentials',
  SignatureDoesNotMatch: 'WrongCredentials',
  ExpiredToken: 'WrongCredentials',
  InvalidToken: 'WrongCredentials',
  TokenRefreshRequired: 'WrongCredentials',
  InvalidSecurity: 'WrongCredentials',
  AccessDenied: 'AccessDenied',
  AllAccessDisabled: 'AccessDenied',
  AccountProblem: 'AccessDenied',
  RequestTimeTooSkewed: 'ClockSkew',
  PermanentRedirect: 'WrongRegion',
  TemporaryRedirect: 'WrongRegion',
  AuthorizationHeaderMalformed: 'WrongRegion',
  IllegalLocationConstraintException: 'WrongRegion',
  KMSInvalidStateException: 'EncryptionKeyInaccessible',
  'KMS.DisabledException': 'EncryptionKeyInaccessible',
  'KMS.NotFoundException': 'EncryptionKeyInaccessible',
  'KMS.KMSInvalidStateException': 'EncryptionKeyInaccessible',
  InvalidObjectState: 'ObjectArchived',
  InvalidRange: 'InvalidRange',
  KeyTooLongError: 'KeyTooLong',
  MetadataTooLarge: 'MetadataTooLarge',
  EntityTooLarge: 'EntityTooLarge',
  MethodNotAllowed: 'NotSupported',
  NotImplemented: 'NotSupported',
  SlowDown: 'SlowDown',
  ServiceUnavailable: 'SlowDown',
  Throttling: 'SlowDown',
  ThrottlingException: 'SlowDown',
  RequestLimitExceeded: 'SlowDown',
  InternalError: 'ServerError',
  RequestTimeout: 'TimedOut',
  IncompleteBody: 'BrokenTransfer',
  BadDigest: 'BrokenTransfer',
  XAmzContentSHA256Mismatch: 'BrokenTransfer',
};
