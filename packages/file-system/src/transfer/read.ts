/** Jobs that read: listings, heads, and bytes of one exact version. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { S3Error } from '@moorage/object-store';
import { Failpoint, failpoint } from '../failpoint.ts';
import type { Bucket, ListPage, ObjectHead } from '@moorage/object-store';
import type { ByteSpan, ObjectPin, RemoteHead, TransferJob, TransferResult } from './jobs.ts';

type JobOf<Kind> = Extract<TransferJob, { kind: Kind }>;

/** Pages that are asked for before the first of them is read: a store makes them one after the other. */
const pagesAheadMax = 4;

/** Emits every page but the last one, which is the result. The next ones are on their way while a page is read. */
export async function listObjects(
  bucket: Bucket,
  job: JobOf<'list'>,
  emit: (page: TransferResult) => void,
): Promise<TransferResult> {
  const options = {
    prefix: job.prefix,
    ...(job.recursive ? {} : { delimiter: '/' }),
    ...(job.countMax === undefined ? {} : { maxKeys: job.countMax }),
  };
  const asked = new Map<string | undefined, Promise<ListPage>>();
  const ask = (continuation: string | undefined): Promise<ListPage> => {
    const known = asked.get(continuation);
    if (known !== undefined) return known;
    const page = bucket.list({
      ...options,
      ...(continuation !== undefined && { continuation }),
      onContinuation: (next) => {
        if (job.countMax === undefined && asked.size < pagesAheadMax) void ask(next);
      },
    });
    // Its failure is met when it is waited for.
    page.catch(() => undefined);
    asked.set(continuation, page);
    return page;
  };
  for (let at: string | undefined; ;) {
    const page = await ask(at);
    asked.delete(at);
    const { continuation } = page;
    const last = continuation === undefined || job.countMax !== undefined;
    if (!last) {
      at = continuation;
      void ask(at);
      await setImmediate();
    }
    const result: TransferResult = {
      kind: 'page',
      id: job.id,
      objects: page.objects,
      prefixes: page.prefixes,
      last,
      ...(last && continuation !== undefined && { isCut: true }),
    };
    if (last) return result;
    emit(result);
  }
}

/** A small object's bytes come with its attributes: one GET instead of a HEAD and a GET. */
export async function headObject(bucket: Bucket, job: JobOf<'head'>): Promise<TransferResult> {
  try {
    if (job.bodyBytesMax === 0) {
      return { kind: 'head', id: job.id, head: remoteHead(await bucket.head(job.key)) };
    }
    // Without bytes when it has grown since it was listed: what a HEAD would have told is enough.
    const { head, body } = await bucket.getSmall(job.key, job.bodyBytesMax);
    return {
      kind: 'head',
      id: job.id,
      head: remoteHead(head),
      ...(body !== undefined && { body }),
    };
  } catch (error) {
    if (isAbsent(error)) return { kind: 'head', id: job.id, head: undefined };
    if (job.bodyBytesMax > 0 && error instanceof S3Error && error.code === 'ObjectArchived') {
      return headObject(bucket, { ...job, bodyBytesMax: 0 });
    }
    throw error;
  }
}

export async function fetchBytes(bucket: Bucket, job: JobOf<'fetch'>): Promise<TransferResult> {
  const { start, end } = job.span;
  try {
    if (job.path === undefined) {
      return { kind: 'fetched', id: job.id, body: await readPinned(bucket, job.from, start, end) };
    }
    // Into the page cache: a trip to the thread pool for each piece costs more than the copy.
    const fd = openSync(job.path, 'r+');
    let at = start;
    try {
      await receivePinned(bucket, job.from, job.span, (bytes) => {
        failpoint(Failpoint.downloadWrite);
        for (let done = 0; done < bytes.length;) {
          done += writeSync(fd, bytes, done, bytes.length - done, at + done);
        }
        at += bytes.length;
      });
    } finally {
      closeSync(fd);
    }
    return { kind: 'fetched', id: job.id };
  } catch (error) {
    if (isGone(error)) return { kind: 'gone', id: job.id };
    throw error;
  }
}

/** The bytes of a span of a pinned object. */
export async function readPinned(
  bucket: Bucket,
  from: ObjectPin,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(end - start);
  let at = 0;
  await receivePinned(bucket, from, { start, end }, (bytes) => {
    all.set(bytes, at);
    at += bytes.length;
  });
  return all;
}

function receivePinned(
  bucket: Bucket,
  from: ObjectPin,
  { start, end }: ByteSpan,
  sink: (bytes: Uint8Array) => void,
): Promise<void> {
  return bucket.receive(from.key, { ...pinned(from), range: { start, end: end - 1 } }, sink);
}

/** By version where there are versions, and by ETag in any case. */
export function pinned(from: ObjectPin): { versionId?: string; ifMatch: string } {
  return from.versionId === undefined
    ? { ifMatch: from.eTag }
    : { ifMatch: from.eTag, versionId: from.versionId };
}

export async function headOrNothing(bucket: Bucket, key: string): Promise<RemoteHead | undefined> {
  try {
    return remoteHead(await bucket.head(key));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

export function remoteHead(head: ObjectHead): RemoteHead {
  const remote: RemoteHead = {
    key: head.key,
    size: head.size,
    eTag: head.eTag,
    lastModified: head.lastModified,
    metadata: head.metadata,
  };
  if (head.versionId !== undefined) remote.versionId = head.versionId;
  if (head.tagCount !== undefined) remote.tagCount = head.tagCount;
  if (head.contentType !== undefined) remote.contentType = head.contentType;
  if (head.contentEncoding !== undefined) remote.contentEncoding = head.contentEncoding;
  if (head.contentDisposition !== undefined) remote.contentDisposition = head.contentDisposition;
  if (head.contentLanguage !== undefined) remote.contentLanguage = head.contentLanguage;
  if (head.cacheControl !== undefined) remote.cacheControl = head.cacheControl;
  if (head.expires !== undefined) remote.expires = head.expires;
  return remote;
}

export function isAbsent(error: unknown): boolean {
  return error instanceof S3Error && error.code === 'NoSuchKey';
}

/** What a read or copy of a pinned object meets when that object is no more. */
export function isGone(error: unknown): boolean {
  return (
    error instanceof S3Error &&
    (error.code === 'NoSuchKey' ||
      error.code === 'NoSuchVersion' ||
      error.code === 'PreconditionFailed' ||
      error.code === 'InvalidRange')
  );
}
