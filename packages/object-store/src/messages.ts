/** What people read when a request fails: what happened, to which bucket or key, and what to do about it. */
import { S3Error, codeOf } from './errors.ts';
import type { S3ErrorCode } from './errors.ts';
import type { Settings } from './settings.ts';
import { text } from './xml.ts';

/** What a request was about, for its error. */
export interface Subject {
  method: string;
  key: string | undefined;
}

/** The error for an answer with a failing status. `body` is the store's XML, often empty. */
export function errorOfAnswer(
  settings: Settings,
  subject: Subject,
  answer: { status: number; headers: Record<string, string>; body: string },
): S3Error {
  const word = text(answer.body, 'Code') ?? '';
  const said = text(answer.body, 'Message') ?? '';
  const { status } = answer;
  let code = codeOf(word, status, subject.key !== undefined);
  const region = answer.headers['x-amz-bucket-region'] ?? text(answer.body, 'Region');
  if (code === 'InvalidRequest' && word === '' && region !== undefined && status === 400) {
    code = region === settings.region ? code : 'WrongRegion';
  }
  return new S3Error(code, message(settings, subject, { code, word, said, status, region }), {
    status,
    key: subject.key,
    requestId: answer.headers['x-amz-request-id'] ?? text(answer.body, 'RequestId'),
    region,
  });
}

interface Cause {
  code: S3ErrorCode;
  word: string;
  said: string;
  status: number;
  region: string | undefined;
}

function message(settings: Settings, subject: Subject, cause: Cause): string {
  const { bucket, endpoint } = settings;
  const quoted = subject.key === undefined ? '' : ` "${subject.key}"`;
  const detail = cause.word === '' ? `HTTP ${cause.status}` : cause.word;
  switch (cause.code) {
    case 'NoSuchBucket':
      return `There is no bucket "${bucket}" at ${endpoint}. Check its name, the region and the endpoint, or create it.`;
    case 'WrongCredentials':
      return cause.word === 'InvalidAccessKeyId'
        ? `${endpoint} does not know this access key id. Check AWS_ACCESS_KEY_ID or the profile.`
        : cause.word === 'SignatureDoesNotMatch'
          ? `${endpoint} refused the signature: the secret access key does not belong to the access key id. Check AWS_SECRET_ACCESS_KEY or the profile.`
          : `${endpoint} refused the credentials (${detail}). Log in again or renew the session token.`;
    case 'AccessDenied':
      return `Access denied: ${subject.method}${quoted} in bucket "${bucket}" at ${endpoint}. The credentials are known there but lack this permission.`;
    case 'WrongRegion':
      return `Bucket "${bucket}" is in region ${cause.region ?? 'another than ' + settings.region}. Set AWS_REGION to it.`;
    case 'ClockSkew':
      return `The clock of this machine differs too much from that of ${endpoint}. Set the clock.`;
    case 'NotSupported':
      return `${endpoint} does not support this request (${subject.method}${quoted}: ${detail}).`;
    case 'BucketTaken':
      return `The bucket name "${bucket}" is taken by another account. Choose another name.`;
    default:
      return `${subject.method}${quoted} in bucket "${bucket}" failed: ${detail}${cause.said === '' ? '' : ` (${cause.said})`}.`;
  }
}

/** The error for a request that got no answer. */
export function errorOfConnection(settings: Settings, subject: Subject, cause: unknown): S3Error {
  const word = codeWord(cause);
  const { endpoint } = settings;
  const what = `${subject.method}${subject.key === undefined ? '' : ` "${subject.key}"`}`;
  const details = { key: subject.key, cause };
  if (word === 'ABORT_ERR' || word === 'UND_ERR_ABORTED') {
    return new S3Error('Aborted', `${what} was aborted.`, details);
  }
  if (TIMEOUTS.has(word)) {
    return new S3Error('TimedOut', `${endpoint} did not answer ${what} in time.`, details);
  }
  if (UNREACHABLE.has(word)) {
    return new S3Error(
      'Unreachable',
      `Cannot reach the S3 endpoint ${endpoint} (${word}). Check the address, the network and that the server runs.`,
      details,
    );
  }
  return new S3Error(
    'BrokenTransfer',
    `The connection to ${endpoint} broke during ${what} (${word}).`,
    details,
  );
}

const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]);

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

function codeWord(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown';
  if (cause.name === 'AbortError') return 'ABORT_ERR';
  if (cause instanceof AggregateError && cause.errors.length > 0) return codeWord(cause.errors[0]);
  const code = (cause as { code?: unknown }).code;
  return typeof code === 'string' ? code : cause.name;
}
