/**
 * Jobs that write: small bodies, server-side copies, deletions. Every write has a precondition; when that fails
 * the key is looked at, because what is there may be what an earlier try of ours has put there.
 */
import { S3Error, isSentObject, md5Of } from '@moorage/object-store';
import type { Bucket, PutResult } from '@moorage/object-store';
import type {
  JobId,
  ObjectAttributes,
  ObjectPin,
  RemoteHead,
  TransferJob,
  TransferResult,
} from './jobs.ts';
import { hasMark } from './own-mark.ts';
import { singleCopyBytesMax } from './part-plan.ts';
import { headOrNothing, isGone, pinned } from './read.ts';
import type { Begun } from './upload.ts';

type JobOf<Kind> = Extract<TransferJob, { kind: Kind }>;

const copyPartsAtATime = 8;

export async function putObject(bucket: Bucket, job: JobOf<'put'>): Promise<TransferResult> {
  const { key, body, condition, attributes } = job;
  try {
    const tagging = await tagsOf(bucket, job.tagsOf);
    const options = { ...attributes, ...condition, ...tagging };
    return written(job.id, await bucket.put(key, body, options));
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const head = await headOrNothing(bucket, key);
    const sent = {
      size: body.length,
      eTag: await md5Of(body),
      metadata: attributes.metadata,
    };
    return head !== undefined && isSentObject(head, sent)
      ? written(job.id, head)
      : { kind: 'conflict', id: job.id, head };
  }
}

export async function copyObject(
  bucket: Bucket,
  job: JobOf<'copy'>,
  begun: Begun,
): Promise<TransferResult> {
  const { from, key, condition, attributes, size } = job;
  try {
    if (size > singleCopyBytesMax) return written(job.id, await copyInParts(bucket, job, begun));
    const source = { key: from.key, ...pinned(from) };
    const options =
      attributes === undefined ? { ...condition } : { ...condition, replace: attributes };
    return written(job.id, await bucket.copy(source, key, options));
  } catch (error) {
    if (!isGone(error)) throw error;
    const finished = await afterRefusedCopy(bucket, job);
    return finished.kind === 'written' ? { ...finished, isOpen: true } : finished;
  }
}

/** Either the source is no more or the destination is not what was expected. */
async function afterRefusedCopy(bucket: Bucket, job: JobOf<'copy'>): Promise<TransferResult> {
  const { id, from, key, condition, attributes, size } = job;
  const head = await headOrNothing(bucket, key);
  const mark =
    attributes === undefined ? { size, eTag: from.eTag } : { size, metadata: attributes.metadata };
  const isItself = from.key === key && head?.eTag === from.eTag;
  if (head !== undefined && !isItself && hasMark(head, mark)) return written(id, head);
  const asExpected =
    condition.ifNoneMatch === undefined
      ? head !== undefined && head.eTag === condition.ifMatch
      : head === undefined;
  return asExpected ? { kind: 'gone', id } : { kind: 'conflict', id, head };
}

async function copyInParts(bucket: Bucket, job: JobOf<'copy'>, begun: Begun): Promise<PutResult> {
  const { from, size, key, condition } = job;
  const source = { key: from.key, ...pinned(from) };
  const kept = job.attributes ?? (await bucket.head(from.key, pinned(from)));
  const upload = await bucket.multipart(key, {
    ...headersOf(kept),
    ...(await tagsOf(bucket, from)),
  });
  await begun(upload);
  const partBytes = Math.max(singleCopyBytesMax, Math.ceil(size / 5_000));
  const parts = Array.from({ length: Math.ceil(size / partBytes) }, (_, i) => i);
  const worker = async (): Promise<void> => {
    for (let i = parts.shift(); i !== undefined; i = parts.shift()) {
      const end = Math.min((i + 1) * partBytes, size) - 1;
      await upload.copyPart(i + 1, source, { start: i * partBytes, end });
    }
  };
  await Promise.all(Array.from({ length: copyPartsAtATime }, worker));
  return upload.complete(condition);
}

/** The store's clock and ours may differ by so much. */
const skewMs = 5 * 60 * 1000;

/**
 * For an upload whose number was never learnt. Ours sends no part before it is on record, so one that has parts is
 * somebody else's; and whoever else begins one sends its parts long before the planner asks for this.
 */
export async function abortUnknown(
  bucket: Bucket,
  job: JobOf<'abort-unknown'>,
): Promise<TransferResult> {
  const { id, key, fromMs, toMs } = job;
  for (const upload of await bucket.listUploads(key)) {
    const { initiated, uploadId } = upload;
    if (upload.key !== key || initiated < fromMs - skewMs || initiated > toMs + skewMs) continue;
    if (!(await bucket.hasParts(key, uploadId))) await bucket.abortUpload(key, uploadId);
  }
  return { kind: 'deleted', id };
}

export async function deleteObject(bucket: Bucket, job: JobOf<'delete'>): Promise<TransferResult> {
  const { id, key, eTag, marks } = job;
  if (eTag !== undefined && (await deleteExactly(bucket, key, eTag)))
    return { kind: 'deleted', id };
  const head = await headOrNothing(bucket, key);
  if (head === undefined) return { kind: 'deleted', id };
  const ours = marks.some((mark) => hasMark(head, mark));
  if (ours && (await deleteExactly(bucket, key, head.eTag))) return { kind: 'deleted', id };
  return { kind: 'conflict', id, head: ours ? await headOrNothing(bucket, key) : head };
}

/** False when the key holds something else. */
async function deleteExactly(bucket: Bucket, key: string, eTag: string): Promise<boolean> {
  try {
    await bucket.delete(key, { ifMatch: eTag });
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/** The tags to be kept, in the shape of a put's options. */
export async function tagsOf(
  bucket: Bucket,
  pin: ObjectPin | undefined,
): Promise<{ tagging?: string }> {
  if (pin === undefined) return {};
  const { versionId } = pin;
  const tagging = await bucket.getTagging(pin.key, versionId === undefined ? {} : { versionId });
  return tagging === '' ? {} : { tagging };
}

export function written(
  id: JobId,
  result: PutResult | RemoteHead,
): Extract<TransferResult, { kind: 'written' }> {
  const { eTag, versionId } = result;
  const dateMs = 'lastModified' in result ? result.lastModified : result.dateMs;
  return {
    ...{ kind: 'written', id, eTag },
    ...(versionId !== undefined && { versionId }),
    ...(dateMs !== undefined && { dateMs }),
  };
}

/** A precondition that does not hold; an If-Match on nothing is answered with 404 by some. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof S3Error && (error.code === 'PreconditionFailed' || error.code === 'NoSuchKey')
  );
}

function headersOf(attributes: ObjectAttributes): ObjectAttributes {
  const { metadata, contentType, contentEncoding, contentDisposition, contentLanguage } =
    attributes;
  const kept: ObjectAttributes = { metadata };
  if (contentType !== undefined) kept.contentType = contentType;
  if (contentEncoding !== undefined) kept.contentEncoding = contentEncoding;
  if (contentDisposition !== undefined) kept.contentDisposition = contentDisposition;
  if (contentLanguage !== undefined) kept.contentLanguage = contentLanguage;
  if (attributes.cacheControl !== undefined) kept.cacheControl = attributes.cacheControl;
  if (attributes.expires !== undefined) kept.expires = attributes.expires;
  return kept;
}
