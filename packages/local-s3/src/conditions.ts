/** Conditional requests: what the headers ask, and whether an object meets it. */
import type { IncomingHttpHeaders } from 'node:http';
import { S3Failure } from './s3-error.ts';

/** Preconditions of a write: `*`, or an ETag without its quotes. */
export interface WriteConditions {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: '*';
}

/** Whether there is anything to check. */
export function isConditional(conditions: WriteConditions): boolean {
  return conditions.ifMatch !== undefined || conditions.ifNoneMatch !== undefined;
}

/** The state a precondition is held against. */
export interface Tagged {
  readonly eTag: string;
  readonly isDeleteMarker: boolean;
  /** Milliseconds since the epoch. */
  readonly lastModified: number;
}

/** Strips the quotes clients put around an ETag. */
export function bareETag(text: string): string {
  return text.trim().replace(/^(?:W\/)?"(.*)"$/, '$1');
}

/** Reads If-Match and If-None-Match of a write. */
export function writeConditions(headers: IncomingHttpHeaders): WriteConditions {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch.trim() !== '*') {
    throw new S3Failure('NotImplemented', {
      message: 'If-None-Match on writes takes only the value *.',
    });
  }
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new S3Failure('NotImplemented', {
      message: 'Use either If-Match or If-None-Match, not both.',
    });
  }
  return {
    ...(ifMatch === undefined ? {} : { ifMatch: bareETag(ifMatch) }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: '*' }),
  };
}

function failed(condition: string): S3Failure {
  return new S3Failure('PreconditionFailed', { details: { Condition: condition } });
}

/** Throws unless a write over `current` (the newest version of the key) is allowed. */
export function checkWrite(conditions: WriteConditions, current: Tagged | undefined): void {
  const exists = current !== undefined && !current.isDeleteMarker;
  if (conditions.ifNoneMatch !== undefined && exists) throw failed('If-None-Match');
  if (conditions.ifMatch === undefined) return;
  if (!exists) {
    if (conditions.ifMatch === '*') throw failed('If-Match');
    throw new S3Failure('NoSuchKey');
  }
  if (conditions.ifMatch !== '*' && conditions.ifMatch !== current.eTag) throw failed('If-Match');
}

function listed(header: string, eTag: string): boolean {
  return header.split(',').some((one) => one.trim() === '*' || bareETag(one) === eTag);
}

/**
 * Reads: the four conditions in RFC 9110's order. `prefix` names those of a copy's source
 * (`x-amz-copy-source-`), for which an unmet condition is always 412.
 */
export function checkRead(headers: IncomingHttpHeaders, object: Tagged, prefix = ''): void {
  const header = (name: string): string | undefined => {
    const value = headers[`${prefix}${name}`];
    return typeof value === 'string' ? value : undefined;
  };
  const modifiedSeconds = Math.floor(object.lastModified / 1000);
  const seconds = (text: string | undefined): number | undefined => {
    const time = text === undefined ? NaN : Date.parse(text);
    return Number.isNaN(time) ? undefined : Math.floor(time / 1000);
  };
  const ifMatch = header('if-match');
  if (ifMatch !== undefined) {
    if (!listed(ifMatch, object.eTag)) throw failed('If-Match');
  } else {
    const since = seconds(header('if-unmodified-since'));
    if (since !== undefined && modifiedSeconds > since) throw failed('If-Unmodified-Since');
  }
  const unmodified = (condition: string): S3Failure =>
    prefix === '' ? new S3Failure('NotModified') : failed(condition);
  const ifNoneMatch = header('if-none-match');
  if (ifNoneMatch !== undefined) {
    if (listed(ifNoneMatch, object.eTag)) throw unmodified('If-None-Match');
  } else {
    const since = seconds(header('if-modified-since'));
    if (since !== undefined && modifiedSeconds <= since) throw unmodified('If-Modified-Since');
  }
}
