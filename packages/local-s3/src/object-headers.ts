/** Object metadata from request headers, and back into answer headers. */
import { checksumHeader } from './checksum.ts';
import { header } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { ObjectMeta } from './object-meta.ts';
import { S3Failure } from './s3-error.ts';
import { parseTagHeader } from './tagging.ts';
import type { ObjectVersion } from './version-table.ts';

const userPrefix = 'x-amz-meta-';
const userBytesMax = 2048;
const storedHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-website-redirect-location',
] as const;
const storageClasses = new Set([
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'DEEP_ARCHIVE',
  'GLACIER_IR',
]);
const refused = [
  'x-amz-write-offset-bytes',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-copy-source-server-side-encryption-customer-algorithm',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
] as const;

/** Throws for headers that ask for what is not here, rather than ignore them. */
export function refuseUnsupported(x: Exchange): void {
  for (const name of refused) {
    if (x.headers[name] !== undefined) {
      throw new S3Failure('NotImplemented', {
        message: 'A header you provided implies functionality that is not implemented',
        details: { Header: name },
      });
    }
  }
  const encryption = header(x, 'x-amz-server-side-encryption');
  if (encryption !== undefined && encryption !== 'AES256') {
    throw new S3Failure('NotImplemented', {
      message: 'Server side encryption with keys of a key service is not implemented.',
    });
  }
  const acl = header(x, 'x-amz-acl');
  if (acl !== undefined && acl !== 'private' && acl !== 'bucket-owner-full-control') {
    throw new S3Failure('AccessControlListNotSupported');
  }
}

/** Metadata of a PUT, a multipart upload or a copy with REPLACE. */
export function metaOfHeaders(x: Exchange): ObjectMeta {
  const headers: Record<string, string> = {};
  let any = false;
  for (const name of storedHeaders) {
    let value = header(x, name);
    if (value === undefined) continue;
    if (name === 'content-encoding') {
      value = value
        .split(',')
        .map((coding) => coding.trim())
        .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked')
        .join(',');
      if (value === '') continue;
    }
    headers[name] = value;
    any = true;
  }
  const user = userMetadata(x);
  const contentType = header(x, 'content-type');
  const storageClass = header(x, 'x-amz-storage-class');
  if (storageClass !== undefined && !storageClasses.has(storageClass)) {
    throw new S3Failure('InvalidStorageClass');
  }
  return {
    ...(contentType === undefined ? {} : { contentType }),
    ...(any ? { headers } : {}),
    ...(user === undefined ? {} : { user }),
    ...(storageClass === undefined || storageClass === 'STANDARD' ? {} : { storageClass }),
  };
}

function userMetadata(x: Exchange): Record<string, string> | undefined {
  let user: Record<string, string> | undefined;
  let bytes = 0;
  for (const name in x.headers) {
    if (!name.startsWith(userPrefix) || name.length === userPrefix.length) continue;
    const value = x.headers[name];
    const text = typeof value === 'string' ? value : (value ?? []).join(',');
    user ??= {};
    user[name.slice(userPrefix.length)] = text;
    bytes += name.length - userPrefix.length + text.length;
  }
  if (bytes > userBytesMax) {
    throw new S3Failure('MetadataTooLarge', {
      details: { Size: String(bytes), MaxSizeAllowed: String(userBytesMax) },
    });
  }
  return user;
}

/** Tags of the x-amz-tagging header, checked. */
export function tagsOfHeaders(x: Exchange): string {
  const text = header(x, 'x-amz-tagging');
  return text === undefined ? '' : parseTagHeader(text);
}

type Headers = Record<string, string | number | undefined>;

/** Version id and checksum, as answers to writes carry them. */
export function writtenHeaders(
  version: Pick<ObjectVersion, 'versionId' | 'eTag' | 'meta'>,
  versioned: boolean,
): Headers {
  const headers: Headers = { etag: `"${version.eTag}"` };
  if (versioned) headers['x-amz-version-id'] = version.versionId;
  const { checksum } = version.meta;
  if (checksum !== undefined) {
    headers[checksumHeader(checksum.algorithm)] = checksum.value;
    headers['x-amz-checksum-type'] = checksum.type;
  }
  return headers;
}

/** Headers of GET and HEAD, but for length and range. */
export function readHeaders(
  version: ObjectVersion,
  o: { readonly versioned: boolean; readonly withChecksum: boolean },
): Headers {
  const { meta } = version;
  const headers: Headers = {
    etag: `"${version.eTag}"`,
    'last-modified': httpDate(version.lastModified),
    'accept-ranges': 'bytes',
    'content-type': meta.contentType ?? 'binary/octet-stream',
  };
  if (o.versioned) headers['x-amz-version-id'] = version.versionId;
  for (const name in meta.headers) headers[name] = meta.headers[name];
  for (const name in meta.user) headers[userPrefix + name] = meta.user[name];
  if (meta.storageClass !== undefined) headers['x-amz-storage-class'] = meta.storageClass;
  if (version.tags !== '') headers['x-amz-tagging-count'] = version.tags.split('&').length;
  if (o.withChecksum && meta.checksum !== undefined) {
    headers[checksumHeader(meta.checksum.algorithm)] = meta.checksum.value;
    headers['x-amz-checksum-type'] = meta.checksum.type;
  }
  return headers;
}

let dateSecond = -1;
let dateText = '';

/** RFC 9110 date of a time in milliseconds. */
export function httpDate(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(time).toUTCString();
  }
  return dateText;
}
