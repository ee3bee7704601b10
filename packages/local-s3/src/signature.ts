/**
 * Signature Version 4: checks the Authorization header or the presigned query of a request, and
 * hands out what is needed to check the signatures of the body's chunks.
 * Spec: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Credentials } from './credentials.ts';
import { S3Failure } from './s3-error.ts';
import type { Target } from './uri.ts';

const algorithm = 'AWS4-HMAC-SHA256';
const skewMsMax = 15 * 60_000;
const presignedSecondsMax = 7 * 24 * 3600;

/** SHA-256 of nothing, hexadecimal. */
export const emptySha256: string = hash('sha256', '', 'hex');

/** A request whose signature was right. */
export interface Authenticated {
  /** The x-amz-content-sha256 in force; `UNSIGNED-PAYLOAD` for presigned requests without one. */
  readonly payloadHash: string;
  readonly signature: string;
  readonly dateTime: string;
  readonly scope: string;
  readonly signingKey: HmacKey;
}

/** A key for HMAC-SHA256, its two padded blocks made once. */
export interface HmacKey {
  readonly inner: Buffer;
  readonly outer: Buffer;
}

interface SignedRequest {
  readonly method: string;
  readonly target: Target;
  readonly headers: IncomingHttpHeaders;
}

interface Claim {
  readonly scope: readonly string[];
  readonly accessKeyId: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly dateTime: string;
  readonly payloadHash: string;
  readonly presigned: boolean;
}

/** Prepares a key; hashing in one call each is several times cheaper than an Hmac object. */
function hmacKey(secret: Uint8Array): HmacKey {
  const bytes = secret.length > 64 ? hash('sha256', secret, 'buffer') : secret;
  const inner = Buffer.alloc(64, 0x36);
  const outer = Buffer.alloc(64, 0x5c);
  bytes.forEach((byte, i) => {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  });
  return { inner, outer };
}

function hmacInner(key: HmacKey, text: string): Buffer {
  const digest = hash('sha256', Buffer.concat([key.inner, Buffer.from(text)]), 'buffer');
  return Buffer.concat([key.outer, digest]);
}

/** HMAC-SHA256 in hexadecimal. */
export function hmacHex(key: HmacKey, text: string): string {
  return hash('sha256', hmacInner(key, text), 'hex');
}

/** SHA-256 in hexadecimal. */
export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** Checks requests against one pair of credentials and one region. */
export class Verifier {
  readonly #credentials: Credentials;
  readonly #region: string;
  readonly #clock: () => number;
  #keyDate = '';
  #key: HmacKey = hmacKey(Buffer.alloc(0));

  constructor(credentials: Credentials, region: string, clock: () => number) {
    this.#credentials = credentials;
    this.#region = region;
    this.#clock = clock;
  }

  /** Throws the S3 error that names what is wrong with the request's authentication. */
  verify(request: SignedRequest): Authenticated {
    const { headers, target } = request;
    const authorization = headers.authorization;
    const presigned = target.query.has('X-Amz-Algorithm') || target.query.has('X-Amz-Signature');
    if (authorization === undefined && !presigned) throw new S3Failure('AccessDenied');
    if (authorization !== undefined && presigned) {
      throw new S3Failure('InvalidArgument', {
        message: 'Only one auth mechanism allowed; header and query were both given.',
      });
    }
    const claim =
      authorization === undefined
        ? this.#presignedClaim(target.query, headers)
        : this.#headerClaim(authorization, headers);
    this.#checkScope(claim);
    this.#checkSignedHeaders(claim, headers);
    const scope = claim.scope.join('/');
    const canonical = canonicalRequest(request, claim);
    const toSign = `${algorithm}\n${claim.dateTime}\n${scope}\n${sha256Hex(canonical)}`;
    const signingKey = this.#signingKey(claim.scope[0] as string);
    const expected = hmacHex(signingKey, toSign);
    const given = Buffer.from(claim.signature, 'latin1');
    if (given.length !== 64 || !timingSafeEqual(given, Buffer.from(expected, 'latin1'))) {
      throw new S3Failure('SignatureDoesNotMatch', {
        details: { StringToSign: toSign, CanonicalRequest: canonical },
      });
    }
    const { dateTime, payloadHash } = claim;
    return { payloadHash, signature: expected, dateTime, scope, signingKey };
  }

  #headerClaim(authorization: string, headers: IncomingHttpHeaders): Claim {
    const match =
      /^AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature=([^,\s]+)\s*$/.exec(
        authorization,
      );
    if (match === null) {
      throw new S3Failure(
        authorization.startsWith('AWS ') ? 'InvalidRequest' : 'AuthorizationHeaderMalformed',
        {
          message: `The authorization mechanism you have provided is not supported. Please use ${algorithm}.`,
        },
      );
    }
    const [, credential = '', signedHeaders = '', signature = ''] = match;
    const payloadHash = headers['x-amz-content-sha256'];
    if (typeof payloadHash !== 'string') {
      throw new S3Failure('InvalidRequest', {
        message: 'Missing required header for this request: x-amz-content-sha256',
      });
    }
    const dateHeader = headers['x-amz-date'];
    const dateTime = typeof dateHeader === 'string' ? dateHeader : isoOfHttpDate(headers.date);
    const time = timeOf(dateTime);
    if (time === undefined) {
      throw new S3Failure('AccessDenied', {
        message: 'AWS authentication requires a valid Date or x-amz-date header',
      });
    }
    if (Math.abs(time - this.#clock()) > skewMsMax) throw new S3Failure('RequestTimeTooSkewed');
    const at = credential.indexOf('/');
    return {
      accessKeyId: credential.slice(0, Math.max(at, 0)),
      scope: credential.slice(at + 1).split('/'),
      signedHeaders: signedHeaders.split(';'),
      signature,
      dateTime,
      payloadHash,
      presigned: false,
    };
  }

  #presignedClaim(query: ReadonlyMap<string, string>, headers: IncomingHttpHeaders): Claim {
    const malformed = (message: string): S3Failure =>
      new S3Failure('AuthorizationQueryParametersError', { message });
    const credential = query.get('X-Amz-Credential');
    const signature = query.get('X-Amz-Signature');
    const dateTime = query.get('X-Amz-Date');
    const expires = query.get('X-Amz-Expires');
    const signedHeaders = query.get('X-Amz-SignedHeaders');
    if (
      credential === undefined ||
      signature === undefined ||
      dateTime === undefined ||
      expires === undefined ||
      signedHeaders === undefined ||
      query.get('X-Amz-Algorithm') !== algorithm
    ) {
      throw malformed(
        'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
      );
    }
    const time = timeOf(dateTime);
    if (time === undefined) throw malformed('X-Amz-Date must be in the ISO8601 Long Format');
    if (!/^\d{1,6}$/.test(expires) || Number(expires) > presignedSecondsMax) {
      throw malformed('X-Amz-Expires must be between 0 and a week (in seconds)');
    }
    const now = this.#clock();
    if (time - now > skewMsMax) {
      throw new S3Failure('AccessDenied', { message: 'Request is not yet valid' });
    }
    if (time + Number(expires) * 1000 < now) {
      throw new S3Failure('AccessDenied', { message: 'Request has expired' });
    }
    const at = credential.indexOf('/');
    const payload = query.get('X-Amz-Content-Sha256') ?? headers['x-amz-content-sha256'];
    return {
      accessKeyId: credential.slice(0, Math.max(at, 0)),
      scope: credential.slice(at + 1).split('/'),
      signedHeaders: signedHeaders.split(';'),
      signature,
      dateTime,
      payloadHash: typeof payload === 'string' ? payload : 'UNSIGNED-PAYLOAD',
      presigned: true,
    };
  }

  #checkScope(claim: Claim): void {
    const code = claim.presigned
      ? 'AuthorizationQueryParametersError'
      : 'AuthorizationHeaderMalformed';
    const [date, region, service, end] = claim.scope;
    if (claim.scope.length !== 4 || service !== 's3' || end !== 'aws4_request') {
      throw new S3Failure(code, {
        message: 'The credential must be <access key>/<date>/<region>/s3/aws4_request.',
      });
    }
    if (date !== claim.dateTime.slice(0, 8)) {
      throw new S3Failure(code, {
        message: 'The date in the credential scope does not match the date of the request.',
      });
    }
    if (claim.accessKeyId !== this.#credentials.accessKeyId) {
      throw new S3Failure('InvalidAccessKeyId', {
        details: { AWSAccessKeyId: claim.accessKeyId },
      });
    }
    if (region !== this.#region) {
      throw new S3Failure(code, {
        message: `The region '${region}' is wrong; expecting '${this.#region}'`,
        details: { Region: this.#region },
      });
    }
  }

  /** Host and every x-amz-* header must be covered, or they could be changed on the way. */
  #checkSignedHeaders(claim: Claim, headers: IncomingHttpHeaders): void {
    if (!claim.signedHeaders.includes('host')) {
      throw new S3Failure('AccessDenied', { message: 'The host header must be signed.' });
    }
    for (const name in headers) {
      if (!name.startsWith('x-amz-') || claim.signedHeaders.includes(name)) continue;
      if (name === 'x-amz-content-sha256') continue;
      throw new S3Failure('AccessDenied', {
        message: 'There were headers present in the request which were not signed',
        details: { HeadersNotSigned: name },
      });
    }
  }

  #signingKey(date: string): HmacKey {
    if (date !== this.#keyDate) {
      let key: Uint8Array = Buffer.from(`AWS4${this.#credentials.secretAccessKey}`);
      for (const part of [date, this.#region, 's3', 'aws4_request']) {
        key = hash('sha256', hmacInner(hmacKey(key), part), 'buffer');
      }
      this.#key = hmacKey(key);
      this.#keyDate = date;
    }
    return this.#key;
  }
}

function canonicalRequest({ method, target, headers }: SignedRequest, claim: Claim): string {
  let headerLines = '';
  for (const name of claim.signedHeaders) {
    const raw = headers[name];
    const value = raw === undefined ? '' : typeof raw === 'string' ? raw : raw.join(',');
    headerLines += `${name}:${/^\s|\s\s|\s$/.test(value) ? value.trim().replace(/ +/g, ' ') : value}\n`;
  }
  let query = '';
  if (target.queryPairs.length > 0) {
    query = target.queryPairs
      .filter(([name]) => !claim.presigned || name !== 'X-Amz-Signature')
      .map(([name, value]) => [name, `${name}=${value}`] as const)
      .toSorted(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0))
      .map(([, pair]) => pair)
      .join('&');
  }
  return `${method}\n${target.canonicalPath}\n${query}\n${headerLines}\n${claim.signedHeaders.join(';')}\n${claim.payloadHash}`;
}

let lastDateTime = '';
let lastTime = 0;

/** `YYYYMMDDTHHMMSSZ` as milliseconds since the epoch. */
function timeOf(dateTime: string): number | undefined {
  if (dateTime === lastDateTime) return lastTime;
  const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(dateTime);
  if (m === null) return undefined;
  const time = Date.parse(`${m[1]}-${m[2]}-${m[3]}T${m[4]}:${m[5]}:${m[6]}Z`);
  if (Number.isNaN(time)) return undefined;
  lastDateTime = dateTime;
  lastTime = time;
  return time;
}

function isoOfHttpDate(date: string | undefined): string {
  const time = date === undefined ? NaN : Date.parse(date);
  if (Number.isNaN(time)) return '';
  return `${new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}
