/** PUT, copy and DELETE of objects, DeleteObjects, and tagging. */
import { createHash } from 'node:crypto';
import { startChecksum } from './checksum.ts';
import type { Checksum, ChecksumAlgorithm } from './checksum.ts';
import { parseAlgorithm } from './checksum.ts';
import { bareETag, checkRead, writeConditions } from './conditions.ts';
import { header, xmlAnswer } from './exchange.ts';
import type { Answer, Exchange } from './exchange.ts';
import type { BlobWriter } from './blob-store.ts';
import type { Bucket } from './bucket-table.ts';
import {
  metaOfHeaders,
  refuseUnsupported,
  tagsOfHeaders,
  writtenHeaders,
} from './object-headers.ts';
import type { ObjectMeta } from './object-meta.ts';
import { putBytesMax, receiveBody, receiveDocument } from './receive-body.ts';
import { S3Failure } from './s3-error.ts';
import { parseTagDocument, tagDocument } from './tagging.ts';
import { parseTarget } from './uri.ts';
import type { DeleteOutcome, ObjectVersion } from './version-table.ts';
import { childText, childrenNamed, element, parseXml, xmlDocument } from './xml.ts';

const deletedAtOnceMax = 1000;

/** Runs `use` with a new body; a body that did not get named is thrown away. */
export async function withBody<T>(
  x: Exchange,
  use: (writer: BlobWriter) => Promise<T>,
): Promise<T> {
  const writer = x.store.blobs.startWriting();
  try {
    return await use(writer);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** PutObject. */
export async function putObject(x: Exchange): Promise<Answer> {
  refuseUnsupported(x);
  const bucket = x.store.buckets.get(x.target.bucket);
  const conditions = writeConditions(x.headers);
  const headerMeta = metaOfHeaders(x);
  const tags = tagsOfHeaders(x);
  return withBody(x, async (writer) => {
    const { md5, size, checksum } = await receiveBody(x, writer);
    const fresh = await writer.finish();
    const meta: ObjectMeta =
      checksum === undefined
        ? headerMeta
        : { ...headerMeta, checksum: { ...checksum, type: 'FULL_OBJECT' } };
    const made = { content: { fresh }, eTag: md5.toString('hex'), size, meta, tags };
    // The bucket is looked up again: it may have changed while the body came in.
    const now = x.store.buckets.get(bucket.name);
    const version = x.store.versions.put(now, x.target.key, made, conditions);
    await x.store.database.settled();
    const headers = writtenHeaders(version, now.versioning === 'Enabled');
    return { status: 200, headers };
  });
}

/** The object a copy reads, its source conditions checked. */
export function copySource(x: Exchange): { bucket: Bucket; version: ObjectVersion } {
  const raw = header(x, 'x-amz-copy-source') ?? '';
  const mark = raw.lastIndexOf('?versionId=');
  const path = mark < 0 ? raw : raw.slice(0, mark);
  let source;
  try {
    source = parseTarget(encodeLoose(path.startsWith('/') ? path : `/${path}`));
  } catch {
    source = undefined;
  }
  if (source === undefined || source.bucket === '' || source.key === '') {
    throw new S3Failure('InvalidArgument', {
      message: 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    });
  }
  const bucket = x.store.buckets.get(source.bucket);
  const versionId = mark < 0 ? undefined : raw.slice(mark + '?versionId='.length);
  let version: ObjectVersion;
  try {
    version = x.store.versions.readable(bucket, source.key, versionId);
  } catch (error) {
    if (error instanceof S3Failure && error.code === 'MethodNotAllowed') {
      throw new S3Failure('InvalidRequest', {
        message:
          'The source of a copy request may not specifically refer to a delete marker by version id.',
      });
    }
    throw error;
  }
  checkRead(x.headers, version, 'x-amz-copy-source-');
  return { bucket, version };
}

/** Clients differ in what they leave unencoded in x-amz-copy-source; all of it is the key's. */
function encodeLoose(path: string): string {
  return path
    .replace(/[^\u0021-\u007e]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replaceAll('?', '%3F');
}

/** CopyObject: bytes are shared, never copied. */
export async function copyObject(x: Exchange): Promise<Answer> {
  refuseUnsupported(x);
  const bucket = x.store.buckets.get(x.target.bucket);
  const conditions = writeConditions(x.headers);
  const { bucket: sourceBucket, version: source } = copySource(x);
  if (source.size > putBytesMax) {
    throw new S3Failure('InvalidRequest', {
      message:
        'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120',
    });
  }
  const replaceMeta = directive(x, 'x-amz-metadata-directive');
  const replaceTags = directive(x, 'x-amz-tagging-directive');
  const toItself = sourceBucket.id === bucket.id && source.key === x.target.key;
  const sameVersion = x.store.versions.latest(bucket, x.target.key)?.sequence === source.sequence;
  const storageClass = header(x, 'x-amz-storage-class');
  if (toItself && sameVersion && !replaceMeta && !replaceTags && storageClass === undefined) {
    throw new S3Failure('InvalidRequest', {
      message:
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    });
  }
  const { meta: sourceMeta } = source;
  const given = metaOfHeaders(x);
  const { parts: _parts, checksum: oldChecksum, storageClass: _old, ...keptMeta } = sourceMeta;
  const { checksum: _none, ...replaced } = given;
  const base: ObjectMeta = replaceMeta
    ? replaced
    : {
        ...keptMeta,
        ...(given.storageClass === undefined ? {} : { storageClass: given.storageClass }),
      };
  const asked = header(x, 'x-amz-checksum-algorithm');
  const { eTag, checksum } = await digestsOfCopy(x, source, {
    algorithm: asked === undefined ? oldChecksum?.algorithm : parseAlgorithm(asked),
  });
  const made = {
    content: { shared: source.extents },
    eTag,
    size: source.size,
    meta: checksum === undefined ? base : { ...base, checksum },
    tags: replaceTags ? tagsOfHeaders(x) : source.tags,
  };
  const now = x.store.buckets.get(bucket.name);
  const { database, versions } = x.store;
  const version = database.write(() => {
    // Computing digests gave others a turn: the source may be gone, its blobs with it.
    const still = versions.version(sourceBucket, source.key, source.versionId);
    if (still?.sequence !== source.sequence) throw new S3Failure('NoSuchKey');
    return versions.put(now, x.target.key, made, conditions);
  });
  await database.settled();
  let inner = element('LastModified', new Date(version.lastModified).toISOString());
  inner += element('ETag', `"${version.eTag}"`);
  if (checksum !== undefined) {
    inner += element(`Checksum${checksum.algorithm}`, checksum.value);
    inner += element('ChecksumType', checksum.type);
  }
  return xmlAnswer(xmlDocument('CopyObjectResult', inner), {
    'x-amz-version-id': now.versioning === 'Enabled' ? version.versionId : undefined,
    'x-amz-copy-source-version-id': sourceBucket.versioning === '' ? undefined : source.versionId,
  });
}

function directive(x: Exchange, name: string): boolean {
  const value = header(x, name);
  if (value !== undefined && value !== 'COPY' && value !== 'REPLACE') {
    throw new S3Failure('InvalidArgument', { message: `Unknown ${name}.` });
  }
  return value === 'REPLACE';
}

/** A copy has the ETag and checksum of a single PUT; they are read from the bytes where unknown. */
async function digestsOfCopy(
  x: Exchange,
  source: ObjectVersion,
  { algorithm }: { readonly algorithm: ChecksumAlgorithm | undefined },
): Promise<{ eTag: string; checksum: Checksum | undefined }> {
  const known = source.meta.checksum;
  const checksumKnown =
    algorithm === undefined || (known?.algorithm === algorithm && known.type === 'FULL_OBJECT');
  if (source.meta.parts === undefined && checksumKnown) {
    return { eTag: source.eTag, checksum: algorithm === undefined ? undefined : known };
  }
  const md5 = createHash('md5');
  const running = algorithm === undefined ? undefined : startChecksum(algorithm);
  for await (const bytes of x.store.blobs.read(source.extents, 0, source.size)) {
    md5.update(bytes);
    running?.update(bytes);
  }
  const value = running?.digest().toString('base64');
  return {
    eTag: md5.digest('hex'),
    checksum:
      algorithm === undefined || value === undefined
        ? undefined
        : { algorithm, value, type: 'FULL_OBJECT' },
  };
}

/** DeleteObject. */
export async function deleteObject(x: Exchange): Promise<Answer> {
  const bucket = x.store.buckets.get(x.target.bucket);
  const conditions = writeConditions(x.headers);
  const versionId = x.target.query.get('versionId');
  const outcome = removeOne(x, bucket, x.target.key, versionId, conditions.ifMatch);
  await x.store.database.settled();
  return {
    status: 204,
    headers: {
      'x-amz-delete-marker': outcome.deleteMarker ? 'true' : undefined,
      'x-amz-version-id': outcome.versionId,
    },
  };
}

function removeOne(
  x: Exchange,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
  ifMatch: string | undefined,
): DeleteOutcome {
  const conditions = ifMatch === undefined ? {} : { ifMatch };
  const { versions } = x.store;
  return versionId === undefined
    ? versions.deleteCurrent(bucket, key, conditions)
    : versions.deleteVersion(bucket, key, versionId, conditions);
}

/** DeleteObjects: every key has its own outcome. */
export async function deleteObjects(x: Exchange): Promise<Answer> {
  const bucket = x.store.buckets.get(x.target.bucket);
  const document = parseXml(await receiveDocument(x), 'Delete');
  const quiet = childText(document, 'Quiet') === 'true';
  const objects = childrenNamed(document, 'Object');
  if (objects.length === 0 || objects.length > deletedAtOnceMax)
    throw new S3Failure('MalformedXML');
  let inner = '';
  for (const object of objects) {
    const key = childText(object, 'Key');
    if (key === undefined || key === '') throw new S3Failure('MalformedXML');
    const versionId = childText(object, 'VersionId');
    const eTag = childText(object, 'ETag');
    const asked =
      element('Key', key) + (versionId === undefined ? '' : element('VersionId', versionId));
    try {
      const outcome = removeOne(
        x,
        bucket,
        key,
        versionId,
        eTag === undefined ? undefined : bareETag(eTag),
      );
      if (quiet) continue;
      const marker = outcome.deleteMarker
        ? element('DeleteMarker', true) +
          element('DeleteMarkerVersionId', outcome.versionId ?? 'null')
        : '';
      inner += `<Deleted>${asked}${marker}</Deleted>`;
    } catch (error) {
      if (!(error instanceof S3Failure)) throw error;
      inner += `<Error>${asked}${element('Code', error.code)}${element('Message', error.message)}</Error>`;
    }
  }
  await x.store.database.settled();
  return xmlAnswer(xmlDocument('DeleteResult', inner));
}

function taggedVersion(x: Exchange): { version: ObjectVersion; headers: Answer['headers'] } {
  const bucket = x.store.buckets.get(x.target.bucket);
  const version = x.store.versions.readable(bucket, x.target.key, x.target.query.get('versionId'));
  const id = bucket.versioning === '' ? undefined : version.versionId;
  return { version, headers: { 'x-amz-version-id': id } };
}

/** GetObjectTagging. */
export function getTagging(x: Exchange): Answer {
  const { version, headers } = taggedVersion(x);
  return xmlAnswer(tagDocument(version.tags), headers);
}

/** PutObjectTagging. */
export async function putTagging(x: Exchange): Promise<Answer> {
  const tags = parseTagDocument(await receiveDocument(x), 10);
  const { version, headers } = taggedVersion(x);
  x.store.versions.setTags(version, tags);
  await x.store.database.settled();
  return { status: 200, headers: headers ?? {} };
}

/** DeleteObjectTagging. */
export async function deleteTagging(x: Exchange): Promise<Answer> {
  const { version, headers } = taggedVersion(x);
  x.store.versions.setTags(version, '');
  await x.store.database.settled();
  return { status: 204, headers: headers ?? {} };
}
