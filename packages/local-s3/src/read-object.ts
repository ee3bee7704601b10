/** GET and HEAD of objects: versions, conditions, ranges, parts; and GetObjectAttributes. */
import { checksumElement } from './checksum.ts';
import { checkRead } from './conditions.ts';
import { header, xmlAnswer } from './exchange.ts';
import type { Answer, Exchange } from './exchange.ts';
import { httpDate, readHeaders } from './object-headers.ts';
import { S3Failure } from './s3-error.ts';
import type { Bucket } from './bucket-table.ts';
import type { ObjectVersion } from './version-table.ts';
import { element, xmlDocument } from './xml.ts';

const overrides = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const;

/** Query parameters of GET and HEAD. */
export const readParameters: readonly string[] = [
  'versionId',
  'partNumber',
  ...overrides.map((name) => `response-${name}`),
];

interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** The bytes a Range header asks for; undefined when it is to be ignored. */
function parseRange(text: string, size: number): Span | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(text.trim());
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const unsatisfiable = (): S3Failure =>
    new S3Failure('InvalidRange', {
      headers: { 'content-range': `bytes */${size}` },
      details: { RangeRequested: text, ActualObjectSize: String(size) },
    });
  if (match[1] === '') {
    const length = Number(match[2]);
    if (length === 0 || size === 0) throw unsatisfiable();
    return { start: Math.max(0, size - length), end: size };
  }
  const start = Number(match[1]);
  const last = match[2] === '' ? size - 1 : Number(match[2]);
  if (match[2] !== '' && last < start) return undefined;
  if (start >= size) throw unsatisfiable();
  return { start, end: Math.min(last + 1, size) };
}

function partSpan(version: ObjectVersion, text: string): Span {
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > 10_000) {
    throw new S3Failure('InvalidArgument', {
      message: 'Part number must be an integer between 1 and 10000, inclusive',
    });
  }
  const wanted = Number(text);
  const { parts } = version.meta;
  if (parts === undefined) {
    if (wanted !== 1) throw new S3Failure('InvalidPartNumber');
    return { start: 0, end: version.size };
  }
  let start = 0;
  for (const { number, size } of parts) {
    if (number === wanted) return { start, end: start + size };
    start += size;
  }
  throw new S3Failure('InvalidPartNumber');
}

function find(x: Exchange): { bucket: Bucket; version: ObjectVersion } {
  const { versions, buckets } = x.store;
  const bucket = buckets.get(x.target.bucket);
  const version = versions.readable(bucket, x.target.key, x.target.query.get('versionId'));
  return { bucket, version };
}

/** Waits until what was read is durable: nobody is to see what a power cut could take back. */
async function seen(x: Exchange, bucket: Bucket): Promise<void> {
  await x.store.versions.settled(bucket, x.target.key);
}

/** GET and HEAD. */
export async function readObject(x: Exchange): Promise<Answer> {
  const { bucket, version } = find(x);
  const versioned = bucket.versioning !== '';
  const { query } = x.target;
  try {
    checkRead(x.headers, version);
  } catch (error) {
    if (error instanceof S3Failure && error.code === 'NotModified') {
      const { etag, 'last-modified': modified } = readHeaders(version, {
        versioned,
        withChecksum: false,
      });
      return { status: 304, headers: { etag, 'last-modified': modified } };
    }
    throw error;
  }
  const partNumber = query.get('partNumber');
  const rangeText = header(x, 'range');
  if (partNumber !== undefined && rangeText !== undefined) {
    throw new S3Failure('InvalidRequest', {
      message: 'Cannot specify both Range header and partNumber query parameter',
    });
  }
  const span =
    partNumber !== undefined
      ? partSpan(version, partNumber)
      : rangeText === undefined || !rangeStillApplies(x, version)
        ? undefined
        : parseRange(rangeText, version.size);
  const { start, end } = span ?? { start: 0, end: version.size };
  const whole = start === 0 && end === version.size;
  const withChecksum = whole && header(x, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const headers = readHeaders(version, { versioned, withChecksum });
  headers['content-length'] = end - start;
  if (span !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${version.size}`;
  if (partNumber !== undefined && version.meta.parts !== undefined) {
    headers['x-amz-mp-parts-count'] = version.meta.parts.length;
  }
  for (const name of overrides) headers[name] = query.get(`response-${name}`) ?? headers[name];
  const status = span === undefined || version.size === 0 ? 200 : 206;
  if (x.method === 'HEAD') {
    await seen(x, bucket);
    return { status, headers };
  }
  const inline = x.store.blobs.inlineBytes(version.extents);
  if (inline !== undefined) {
    await seen(x, bucket);
    return { status, headers, body: whole ? inline : inline.subarray(start, end) };
  }
  const stream = x.store.blobs.read(version.extents, start, end);
  try {
    await seen(x, bucket);
  } catch (error) {
    await stream.return();
    throw error;
  }
  return { status, headers, stream };
}

/** If-Range: the range counts only while the object is the one the client has a piece of. */
function rangeStillApplies(x: Exchange, version: ObjectVersion): boolean {
  const condition = header(x, 'if-range');
  if (condition === undefined) return true;
  if (condition.includes('"')) return condition.trim() === `"${version.eTag}"`;
  return Date.parse(condition) >= Math.floor(version.lastModified / 1000) * 1000;
}

const attributeNames = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'] as const;

/** GetObjectAttributes. */
export async function readAttributes(x: Exchange): Promise<Answer> {
  const wanted = (header(x, 'x-amz-object-attributes') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (
    wanted.length === 0 ||
    wanted.some((w) => !(attributeNames as readonly string[]).includes(w))
  ) {
    throw new S3Failure('InvalidArgument', {
      message: `x-amz-object-attributes must list some of ${attributeNames.join(', ')}.`,
    });
  }
  const { bucket, version } = find(x);
  const { meta } = version;
  let inner = '';
  if (wanted.includes('ETag')) inner += element('ETag', version.eTag);
  if (wanted.includes('Checksum') && meta.checksum !== undefined) {
    const { algorithm, value, type } = meta.checksum;
    inner += `<Checksum>${element(checksumElement(algorithm), value)}${element('ChecksumType', type)}</Checksum>`;
  }
  if (wanted.includes('ObjectParts') && meta.parts !== undefined) inner += partsElement(x, version);
  if (wanted.includes('StorageClass'))
    inner += element('StorageClass', meta.storageClass ?? 'STANDARD');
  if (wanted.includes('ObjectSize')) inner += element('ObjectSize', version.size);
  await seen(x, bucket);
  return xmlAnswer(xmlDocument('GetObjectAttributesResponse', inner), {
    'last-modified': httpDate(version.lastModified),
    'x-amz-version-id': bucket.versioning === '' ? undefined : version.versionId,
  });
}

function partsElement(x: Exchange, { meta }: ObjectVersion): string {
  const parts = meta.parts ?? [];
  const most = Number(header(x, 'x-amz-max-parts') ?? '1000');
  const marker = Number(header(x, 'x-amz-part-number-marker') ?? '0');
  if (!(most >= 0 && marker >= 0)) throw new S3Failure('InvalidArgument');
  const after = parts.filter((p) => p.number > marker);
  const page = after.slice(0, Math.min(most, 1000));
  let inner = element('PartsCount', parts.length);
  inner += element('PartNumberMarker', marker);
  inner += element('NextPartNumberMarker', page.at(-1)?.number ?? marker);
  inner += element('MaxParts', most) + element('IsTruncated', page.length < after.length);
  // Amazon S3 lists single parts only where they have checksums of their own.
  const algorithm = meta.checksum?.algorithm;
  if (algorithm !== undefined) {
    for (const { number, size, checksum = '' } of page) {
      inner += `<Part>${element('PartNumber', number)}${element('Size', size)}${element(checksumElement(algorithm), checksum)}</Part>`;
    }
  }
  return `<ObjectParts>${inner}</ObjectParts>`;
}
