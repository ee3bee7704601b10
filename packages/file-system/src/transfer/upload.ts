/**
 * The upload of a cache file: one PUT up to 16 MiB, parts in parallel above. Once all bytes are read (and all
 * parts are in the store) it asks whether to go on; only then does the object change in S3, so that a file that
 * was written meanwhile is not published half old and half new. What it leaves open is aborted by the planner,
 * which has every upload on record.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Bucket, Multipart, PutResult } from '@moorage/object-store';
import type { Gate } from './gate.ts';
import type { TransferJob, TransferResult } from './jobs.ts';
import { hasMark } from './own-mark.ts';
import { planParts, singlePutBytesMax } from './part-plan.ts';
import type { Part } from './part-plan.ts';
import { headOrNothing, isGone, pinned, readPinned } from './read.ts';
import { isRefusal, putObject, tagsOf, written } from './write.ts';

type UploadJob = Extract<TransferJob, { kind: 'upload' }>;

export type Decision = 'commit' | 'cancel';

export interface Upload {
  bucket: Bucket;
  job: UploadJob;
  /** Held for each body in memory. */
  large: Gate;
  /** Tells that everything is staged; `decision` settles afterwards or before. */
  ready: () => void;
  decision: Promise<Decision>;
  begun: Begun;
}

/** Tells that an upload in parts was begun; resolves when that is on record. */
export type Begun = (upload: Multipart) => Promise<void>;

const partsAtATime = 4;

export async function uploadFile(upload: Upload): Promise<TransferResult> {
  const { job } = upload;
  const file = await open(job.path, 'r');
  try {
    return job.size <= singlePutBytesMax
      ? await upload.large.with(() => uploadWhole(upload, file))
      : await uploadInParts(upload, file);
  } catch (error) {
    if (isGone(error)) return { kind: 'gone', id: job.id };
    throw error;
  } finally {
    await file.close();
  }
}

async function uploadWhole(upload: Upload, file: FileHandle): Promise<TransferResult> {
  const { bucket, job } = upload;
  const body = await readPart(upload, file, { start: 0, end: job.size, copied: false });
  upload.ready();
  if ((await upload.decision) === 'cancel') return { kind: 'cancelled', id: job.id };
  const { id, key, condition, attributes, tagsOf: tagged } = job;
  const put = { kind: 'put', id, key, body, condition, attributes } as const;
  return putObject(bucket, tagged === undefined ? put : { ...put, tagsOf: tagged });
}

async function uploadInParts(upload: Upload, file: FileHandle): Promise<TransferResult> {
  const { bucket, job } = upload;
  const tagging = await tagsOf(bucket, job.tagsOf);
  const multipart = await bucket.multipart(job.key, { ...job.attributes, ...tagging });
  await upload.begun(multipart);
  await sendParts(upload, file, multipart);
  upload.ready();
  if ((await upload.decision) === 'cancel') return { kind: 'cancelled', id: job.id };
  try {
    return written(job.id, await multipart.complete(job.condition));
  } catch (error) {
    const finished = await afterRefusal(upload, error);
    if (finished === undefined) throw error;
    return finished.kind === 'written' ? { ...finished, isOpen: true } : finished;
  }
}

async function sendParts(upload: Upload, file: FileHandle, multipart: Multipart): Promise<void> {
  const { job } = upload;
  const plan = planParts(job.size, job.base?.unchanged ?? []);
  const numbered = plan.map((part, i) => ({ ...part, n: i + 1 }));
  const state = { stopped: false };
  void upload.decision.then((decision) => {
    state.stopped = decision === 'cancel';
  });
  const worker = async (): Promise<void> => {
    for (
      let part = numbered.shift();
      part !== undefined && !state.stopped;
      part = numbered.shift()
    ) {
      const { n, start, end } = part;
      if (part.copied && job.base !== undefined) {
        const { from } = job.base;
        const source = { key: from.key, ...pinned(from) };
        await multipart.copyPart(n, source, { start, end: end - 1 });
      } else {
        const bytes = part;
        await upload.large.with(async () =>
          multipart.uploadPart(n, await readPart(upload, file, bytes)),
        );
      }
    }
  };
  await Promise.all(Array.from({ length: partsAtATime }, worker));
}

/** The part's bytes: from the cache file, and from the base object where the file has none of its own. */
async function readPart(upload: Upload, file: FileHandle, part: Part): Promise<Uint8Array> {
  const { start, end } = part;
  const bytes = new Uint8Array(end - start);
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    // The file is shorter than the size it is known to have: the rest is a hole.
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  const { base } = upload.job;
  for (const missing of base?.missing ?? []) {
    const from = Math.max(missing.start, start);
    const to = Math.min(missing.end, end);
    if (base === undefined || from >= to) continue;
    bytes.set(await readPinned(upload.bucket, base.from, from, to), from - start);
  }
  return bytes;
}

/** Undefined when it was not a precondition that failed. */
async function afterRefusal(upload: Upload, error: unknown): Promise<TransferResult | undefined> {
  const { bucket, job } = upload;
  if (!isRefusal(error)) return undefined;
  const head = await headOrNothing(bucket, job.key);
  const sent = { size: job.size, metadata: job.attributes.metadata };
  if (head !== undefined && hasMark(head, sent)) return written(job.id, head satisfies PutResult);
  return { kind: 'conflict', id: job.id, head };
}
