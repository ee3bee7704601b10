/** ListObjects (V1 and V2) and ListObjectVersions. */
import { xmlAnswer } from './exchange.ts';
import type { Answer, Exchange } from './exchange.ts';
import type { ObjectPage } from './listing.ts';
import { S3Failure } from './s3-error.ts';
import { percentEncode } from './uri.ts';
import type { ObjectVersion } from './version-table.ts';
import { element, xmlDocument } from './xml.ts';

const pageMax = 1000;
const owner = '<Owner><ID>local</ID><DisplayName>local</DisplayName></Owner>';

/** How keys are written: as they are, or percent-encoded when encoding-type=url. */
export function encoder(x: Exchange): (text: string) => string {
  const type = x.target.query.get('encoding-type');
  if (type === undefined) return (text) => text;
  if (type !== 'url') {
    throw new S3Failure('InvalidArgument', {
      message: 'Invalid Encoding Method specified in Request',
    });
  }
  return (text) => percentEncode(text, true);
}

/** The page size asked for, at most 1,000. */
export function listLimit(x: Exchange, parameter: string): number {
  const text = x.target.query.get(parameter);
  if (text === undefined || text === '') return pageMax;
  if (!/^\d{1,10}$/.test(text) || Number(text) > 0x7fffffff) {
    throw new S3Failure('InvalidArgument', {
      message: `Argument ${parameter} must be an integer between 0 and 2147483647`,
    });
  }
  return Math.min(Number(text), pageMax);
}

function contents(page: ObjectPage, encode: (text: string) => string, withOwner: boolean): string {
  let inner = '';
  for (const object of page.objects) {
    inner += `<Contents>${element('Key', encode(object.key))}${summary(object)}${withOwner ? owner : ''}</Contents>`;
  }
  for (const prefix of page.prefixes) {
    inner += `<CommonPrefixes>${element('Prefix', encode(prefix))}</CommonPrefixes>`;
  }
  return inner;
}

function summary(object: ObjectVersion): string {
  const { checksum, storageClass } = object.meta;
  return `<LastModified>${new Date(object.lastModified).toISOString()}</LastModified><ETag>&quot;${object.eTag}&quot;</ETag>${
    checksum === undefined
      ? ''
      : `<ChecksumAlgorithm>${checksum.algorithm}</ChecksumAlgorithm><ChecksumType>${checksum.type}</ChecksumType>`
  }<Size>${object.size}</Size><StorageClass>${storageClass ?? 'STANDARD'}</StorageClass>`;
}

/** ListObjectsV2. */
export async function listObjectsV2(x: Exchange): Promise<Answer> {
  const { query } = x.target;
  const bucket = x.store.buckets.get(x.target.bucket);
  const encode = encoder(x);
  const limit = listLimit(x, 'max-keys');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const startAfter = query.get('start-after');
  const token = query.get('continuation-token');
  const after = token === undefined ? (startAfter ?? '') : keyOfToken(token);
  const page = x.store.listing.objects(bucket, { prefix, delimiter, limit, after });
  await x.store.database.settled();
  const { last } = page;
  let inner = element('Name', bucket.name) + element('Prefix', encode(prefix));
  if (delimiter !== '') inner += element('Delimiter', encode(delimiter));
  inner += element('MaxKeys', limit);
  inner += element('KeyCount', page.objects.length + page.prefixes.length);
  inner += element('IsTruncated', last !== undefined);
  if (query.has('encoding-type')) inner += element('EncodingType', 'url');
  if (startAfter !== undefined) inner += element('StartAfter', encode(startAfter));
  if (token !== undefined) inner += element('ContinuationToken', token);
  if (last !== undefined) inner += element('NextContinuationToken', tokenOfKey(last));
  inner += contents(page, encode, query.get('fetch-owner') === 'true');
  return xmlAnswer(xmlDocument('ListBucketResult', inner));
}

function tokenOfKey(key: string): string {
  return `1${Buffer.from(key).toString('base64url')}`;
}

function keyOfToken(token: string): string {
  const key = Buffer.from(token.slice(1), 'base64url').toString();
  if (token === '' || tokenOfKey(key) !== token) {
    throw new S3Failure('InvalidArgument', {
      message: 'The continuation token provided is incorrect',
    });
  }
  return key;
}

/** ListObjects, the first version. */
export async function listObjects(x: Exchange): Promise<Answer> {
  const { query } = x.target;
  const bucket = x.store.buckets.get(x.target.bucket);
  const encode = encoder(x);
  const limit = listLimit(x, 'max-keys');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const after = query.get('marker') ?? '';
  const page = x.store.listing.objects(bucket, { prefix, delimiter, limit, after });
  await x.store.database.settled();
  let inner = element('Name', bucket.name) + element('Prefix', encode(prefix));
  inner += element('Marker', encode(after));
  if (page.last !== undefined) inner += element('NextMarker', encode(page.last));
  if (delimiter !== '') inner += element('Delimiter', encode(delimiter));
  inner += element('MaxKeys', limit) + element('IsTruncated', page.last !== undefined);
  if (query.has('encoding-type')) inner += element('EncodingType', 'url');
  inner += contents(page, encode, true);
  return xmlAnswer(xmlDocument('ListBucketResult', inner));
}

/** ListObjectVersions. */
export async function listVersions(x: Exchange): Promise<Answer> {
  const { query } = x.target;
  const bucket = x.store.buckets.get(x.target.bucket);
  const encode = encoder(x);
  const limit = listLimit(x, 'max-keys');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const after = query.get('key-marker') ?? '';
  const givenMarker = query.get('version-id-marker');
  const afterVersion = givenMarker === '' ? undefined : givenMarker;
  if (afterVersion !== undefined && after === '') {
    throw new S3Failure('InvalidArgument', {
      message: 'A version-id marker cannot be specified without a key marker.',
    });
  }
  const page = x.store.listing.versions(bucket, { prefix, delimiter, limit, after }, afterVersion);
  await x.store.database.settled();
  let inner = element('Name', bucket.name) + element('Prefix', encode(prefix));
  inner += element('KeyMarker', encode(after)) + element('VersionIdMarker', afterVersion ?? '');
  if (page.next !== undefined) {
    inner += element('NextKeyMarker', encode(page.next.key));
    if (page.next.versionId !== undefined) {
      inner += element('NextVersionIdMarker', page.next.versionId);
    }
  }
  if (delimiter !== '') inner += element('Delimiter', encode(delimiter));
  inner += element('MaxKeys', limit) + element('IsTruncated', page.next !== undefined);
  if (query.has('encoding-type')) inner += element('EncodingType', 'url');
  for (const version of page.versions) {
    const head =
      element('Key', encode(version.key)) +
      element('VersionId', version.versionId) +
      element('IsLatest', version.isLatest);
    inner += version.isDeleteMarker
      ? `<DeleteMarker>${head}${element('LastModified', new Date(version.lastModified).toISOString())}${owner}</DeleteMarker>`
      : `<Version>${head}${summary(version)}${owner}</Version>`;
  }
  for (const common of page.prefixes) {
    inner += `<CommonPrefixes>${element('Prefix', encode(common))}</CommonPrefixes>`;
  }
  return xmlAnswer(xmlDocument('ListVersionsResult', inner));
}
