/** The multipart upload operations. */
import { createHash } from 'node:crypto';
import {
  checksumElement,
  checksumHeader,
  checksumOfHeaders,
  parseAlgorithm,
  startChecksum,
} from './checksum.ts';
import type { ChecksumAlgorithm, ChecksumType } from './checksum.ts';
import type { Extent } from './blob-store.ts';
import { writeConditions } from './conditions.ts';
import { header, xmlAnswer } from './exchange.ts';
import type { Answer, Exchange } from './exchange.ts';
import { encoder, listLimit } from './list-handlers.ts';
import { metaOfHeaders, refuseUnsupported, tagsOfHeaders } from './object-headers.ts';
import { putBytesMax, receiveBody, receiveDocument } from './receive-body.ts';
import { S3Failure } from './s3-error.ts';
import type { ClaimedPart } from './upload-table.ts';
import { copySource, withBody } from './write-object.ts';
import { childText, childrenNamed, element, parseXml, xmlDocument } from './xml.ts';

const partsMax = 10_000;

function partNumber(text: string | undefined): number {
  if (
    text === undefined ||
    !/^\d{1,5}$/.test(text) ||
    Number(text) < 1 ||
    Number(text) > partsMax
  ) {
    throw new S3Failure('InvalidArgument', {
      message: `Part number must be an integer between 1 and ${partsMax}, inclusive`,
    });
  }
  return Number(text);
}

function checksumType(x: Exchange, algorithm: ChecksumAlgorithm): ChecksumType {
  const text = header(x, 'x-amz-checksum-type')?.toUpperCase();
  if (text === undefined) return algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE';
  const sha = algorithm === 'SHA1' || algorithm === 'SHA256';
  if (
    (text !== 'COMPOSITE' && text !== 'FULL_OBJECT') ||
    (text === 'FULL_OBJECT' && sha) ||
    (text === 'COMPOSITE' && algorithm === 'CRC64NVME')
  ) {
    throw new S3Failure('InvalidRequest', {
      message: `The ${text} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    });
  }
  return text;
}

/** CreateMultipartUpload. */
export async function createUpload(x: Exchange): Promise<Answer> {
  refuseUnsupported(x);
  const bucket = x.store.buckets.get(x.target.bucket);
  const asked = header(x, 'x-amz-checksum-algorithm');
  const algorithm = asked === undefined ? '' : parseAlgorithm(asked);
  const type = algorithm === '' ? '' : checksumType(x, algorithm);
  const { key } = x.target;
  const meta = metaOfHeaders(x);
  const tags = tagsOfHeaders(x);
  const id = x.store.uploads.create(bucket, { key, meta, tags, algorithm, checksumType: type });
  await x.store.database.settled();
  const inner = element('Bucket', bucket.name) + element('Key', key) + element('UploadId', id);
  return xmlAnswer(xmlDocument('InitiateMultipartUploadResult', inner), {
    'x-amz-checksum-algorithm': algorithm === '' ? undefined : algorithm,
    'x-amz-checksum-type': type === '' ? undefined : type,
  });
}

/** UploadPart, and UploadPartCopy when there is a copy source. */
export async function uploadPart(x: Exchange): Promise<Answer> {
  refuseUnsupported(x);
  const number = partNumber(x.target.query.get('partNumber'));
  const id = x.target.query.get('uploadId') ?? '';
  const bucket = x.store.buckets.get(x.target.bucket);
  const upload = x.store.uploads.get(bucket, x.target.key, id);
  if (header(x, 'x-amz-copy-source') !== undefined)
    return copyPart(x, id, number, upload.algorithm);
  return withBody(x, async (writer) => {
    const wanted = upload.algorithm === '' ? undefined : upload.algorithm;
    const { md5, size, checksum } = await receiveBody(x, writer, wanted);
    if (checksum !== undefined && wanted !== undefined && checksum.algorithm !== wanted) {
      throw new S3Failure('InvalidRequest', {
        message: `Checksum Type mismatch occurred, expected checksum Type: ${wanted}, actual checksum Type: ${checksum.algorithm}`,
      });
    }
    const fresh = await writer.finish();
    const eTag = md5.toString('hex');
    const value = wanted === undefined ? '' : (checksum?.value ?? '');
    const part = { number, eTag, size, checksum: value };
    x.store.uploads.putPart(bucket, x.target.key, id, part, { fresh });
    await x.store.database.settled();
    const headers: Record<string, string> = { etag: `"${eTag}"` };
    if (checksum !== undefined) headers[checksumHeader(checksum.algorithm)] = checksum.value;
    return { status: 200, headers };
  });
}

/** The extents of bytes `start` to `end` (exclusive). */
function sliceExtents(extents: readonly Extent[], start: number, end: number): Extent[] {
  const slice: Extent[] = [];
  let at = 0;
  for (const [id, offset, length] of extents) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + length);
    if (from < to) slice.push([id, offset + from - at, to - from]);
    at += length;
  }
  return slice.length > 0 ? slice : extents.slice(0, 1).map(([id, offset]) => [id, offset, 0]);
}

function copyRange(x: Exchange, size: number): { start: number; end: number } {
  const text = header(x, 'x-amz-copy-source-range');
  if (text === undefined) return { start: 0, end: size };
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(text);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]) + 1;
  if (match === null || start >= end) {
    throw new S3Failure('InvalidArgument', {
      message: 'The x-amz-copy-source-range value must be of the form bytes=first-last',
    });
  }
  if (end > size) {
    throw new S3Failure('InvalidArgument', {
      message: `Range specified is not valid for source object of size: ${size}`,
    });
  }
  return { start, end };
}

/** The bytes are read for their digests but shared, not copied. */
async function copyPart(
  x: Exchange,
  id: string,
  number: number,
  algorithm: ChecksumAlgorithm | '',
): Promise<Answer> {
  const { bucket: sourceBucket, version: source } = copySource(x);
  const { start, end } = copyRange(x, source.size);
  if (end - start > putBytesMax) throw new S3Failure('EntityTooLarge');
  const md5 = createHash('md5');
  const running = algorithm === '' ? undefined : startChecksum(algorithm);
  for await (const bytes of x.store.blobs.read(source.extents, start, end)) {
    md5.update(bytes);
    running?.update(bytes);
  }
  const eTag = md5.digest('hex');
  const checksum = running?.digest().toString('base64') ?? '';
  const shared = sliceExtents(source.extents, start, end);
  const { database, versions, uploads, buckets } = x.store;
  const part = database.write(() => {
    const still = versions.version(sourceBucket, source.key, source.versionId);
    if (still?.sequence !== source.sequence) throw new S3Failure('NoSuchKey');
    const bucket = buckets.get(x.target.bucket);
    const made = { number, eTag, size: end - start, checksum };
    return uploads.putPart(bucket, x.target.key, id, made, { shared });
  });
  await database.settled();
  let inner = element('LastModified', new Date(part.lastModified).toISOString());
  inner += element('ETag', `"${eTag}"`);
  if (algorithm !== '') inner += element(checksumElement(algorithm), checksum);
  return xmlAnswer(xmlDocument('CopyPartResult', inner), {
    'x-amz-copy-source-version-id': sourceBucket.versioning === '' ? undefined : source.versionId,
  });
}

/** CompleteMultipartUpload. */
export async function completeUpload(x: Exchange): Promise<Answer> {
  const id = x.target.query.get('uploadId') ?? '';
  const conditions = writeConditions(x.headers);
  // Digest headers of this request are the object's, not the document's.
  const checksum = checksumOfHeaders(x.headers);
  const document = parseXml(await receiveCompletion(x), 'CompleteMultipartUpload');
  const bucket = x.store.buckets.get(x.target.bucket);
  const upload = x.store.uploads.get(bucket, x.target.key, id);
  const claimed = childrenNamed(document, 'Part').map((part): ClaimedPart => {
    const eTag = childText(part, 'ETag');
    if (eTag === undefined) throw new S3Failure('MalformedXML');
    const { algorithm } = upload;
    const value = algorithm === '' ? undefined : childText(part, checksumElement(algorithm));
    return {
      number: partNumber(childText(part, 'PartNumber')),
      eTag,
      ...(value === undefined ? {} : { checksum: value }),
    };
  });
  const sizeText = header(x, 'x-amz-mp-object-size');
  const version = x.store.uploads.complete(bucket, x.target.key, id, claimed, conditions, {
    ...(checksum === undefined ? {} : { checksum: checksum.value }),
    ...(sizeText === undefined ? {} : { size: Number(sizeText) }),
  });
  await x.store.database.settled();
  let inner = element('Location', `http://${x.headers.host ?? ''}${x.target.canonicalPath}`);
  inner += element('Bucket', bucket.name) + element('Key', x.target.key);
  inner += element('ETag', `"${version.eTag}"`);
  const made = version.meta.checksum;
  if (made !== undefined) {
    inner +=
      element(checksumElement(made.algorithm), made.value) + element('ChecksumType', made.type);
  }
  return xmlAnswer(xmlDocument('CompleteMultipartUploadResult', inner), {
    'x-amz-version-id': bucket.versioning === 'Enabled' ? version.versionId : undefined,
  });
}

/** The document, without the object's checksum headers being held against it. */
async function receiveCompletion(x: Exchange): Promise<Buffer> {
  const headers = { ...x.headers };
  for (const name in headers) {
    if (name.startsWith('x-amz-checksum-')) delete headers[name];
  }
  return receiveDocument({ ...x, headers });
}

/** AbortMultipartUpload. */
export async function abortUpload(x: Exchange): Promise<Answer> {
  const bucket = x.store.buckets.get(x.target.bucket);
  x.store.uploads.abort(bucket, x.target.key, x.target.query.get('uploadId') ?? '');
  await x.store.database.settled();
  return { status: 204 };
}

const owner = '<ID>local</ID><DisplayName>local</DisplayName>';
/** Who owns everything here. */
const ownerElements = `<Initiator>${owner}</Initiator><Owner>${owner}</Owner>`;

/** ListParts. */
export function listParts(x: Exchange): Answer {
  const { query } = x.target;
  const bucket = x.store.buckets.get(x.target.bucket);
  const upload = x.store.uploads.get(bucket, x.target.key, query.get('uploadId') ?? '');
  const encode = encoder(x);
  const most = listLimit(x, 'max-parts');
  const marker = Number(query.get('part-number-marker') ?? '0');
  if (!Number.isSafeInteger(marker) || marker < 0) throw new S3Failure('InvalidArgument');
  const after = x.store.uploads.parts(upload.id).filter((p) => p.number > marker);
  const page = after.slice(0, most);
  let inner = element('Bucket', bucket.name) + element('Key', encode(upload.key));
  inner += element('UploadId', upload.id) + ownerElements;
  inner += element('StorageClass', upload.meta.storageClass ?? 'STANDARD');
  inner += element('PartNumberMarker', marker);
  inner += element('NextPartNumberMarker', page.at(-1)?.number ?? 0);
  inner += element('MaxParts', most) + element('IsTruncated', page.length < after.length);
  if (upload.algorithm !== '') inner += element('ChecksumAlgorithm', upload.algorithm);
  if (upload.checksumType !== '') inner += element('ChecksumType', upload.checksumType);
  for (const part of page) {
    inner += `<Part>${element('PartNumber', part.number)}${element('LastModified', new Date(part.lastModified).toISOString())}${element('ETag', `"${part.eTag}"`)}${element('Size', part.size)}`;
    if (upload.algorithm !== '' && part.checksum !== '') {
      inner += element(checksumElement(upload.algorithm), part.checksum);
    }
    inner += '</Part>';
  }
  return xmlAnswer(xmlDocument('ListPartsResult', inner));
}

/** ListMultipartUploads. */
export function listUploads(x: Exchange): Answer {
  const { query } = x.target;
  const bucket = x.store.buckets.get(x.target.bucket);
  const encode = encoder(x);
  const limit = listLimit(x, 'max-uploads');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = keyMarker === '' ? undefined : query.get('upload-id-marker');
  const page = x.store.uploads.list(bucket, { prefix, delimiter, limit, keyMarker, idMarker });
  const lastUpload = page.uploads.at(-1);
  const lastPrefix = page.prefixes.at(-1);
  const prefixIsLast =
    lastPrefix !== undefined && (lastUpload === undefined || lastPrefix > lastUpload.key);
  let inner = element('Bucket', bucket.name) + element('KeyMarker', encode(keyMarker));
  inner += element('UploadIdMarker', idMarker ?? '');
  if (page.more) {
    inner += element('NextKeyMarker', encode((prefixIsLast ? lastPrefix : lastUpload?.key) ?? ''));
    inner += element('NextUploadIdMarker', prefixIsLast ? '' : (lastUpload?.id ?? ''));
  }
  inner += element('Prefix', encode(prefix));
  if (delimiter !== '') inner += element('Delimiter', encode(delimiter));
  inner += element('MaxUploads', limit) + element('IsTruncated', page.more);
  if (query.has('encoding-type')) inner += element('EncodingType', 'url');
  for (const upload of page.uploads) {
    inner += `<Upload>${element('Key', encode(upload.key))}${element('UploadId', upload.id)}${ownerElements}${element('StorageClass', upload.meta.storageClass ?? 'STANDARD')}${element('Initiated', new Date(upload.initiated).toISOString())}</Upload>`;
  }
  for (const common of page.prefixes) {
    inner += `<CommonPrefixes>${element('Prefix', encode(common))}</CommonPrefixes>`;
  }
  return xmlAnswer(xmlDocument('ListMultipartUploadsResult', inner));
}
