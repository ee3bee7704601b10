/**
 * The S3 side: carries out transfer jobs and delivers their results, many to a message. It runs on a thread of
 * its own, is told everything by the job and decides nothing about names, conflicts or time.
 *
 * A job never rejects: whatever goes wrong becomes its result.
 */
import { S3Error } from '@moorage/object-store';
import type { Bucket, BucketLocation, Multipart } from '@moorage/object-store';
import { listenTo } from './change-sources.ts';
import type { ChangeSource } from './change-sources.ts';
import { fetchBytes, headObject, listObjects } from './read.ts';
import type { JobId, RemoteChange, TransferJob, TransferResult } from './jobs.ts';
import { Gate } from './gate.ts';
import { uploadFile } from './upload.ts';
import type { Decision } from './upload.ts';
import { watchChanges } from './watch.ts';
import { abortUnknown, copyObject, deleteObject, putObject } from './write.ts';

type Started = Exclude<TransferJob, { kind: 'commit' | 'cancel' | 'proceed' }>;

export interface TransfersOptions {
  bucket: Bucket;
  /** Else the store itself is asked to tell of changes. */
  changes?: { source: ChangeSource; location: BucketLocation } | undefined;
  /** Called with what has finished since the last call; from a fresh stack. */
  deliver: (results: TransferResult[]) => void;
}

/** Parts and file-sized bodies held in memory at a time: 8 x 16 MiB. */
const largeBodiesMax = 8;

export class Transfers {
  readonly #bucket: Bucket;
  readonly #changes: TransfersOptions['changes'];
  readonly #deliver: (results: TransferResult[]) => void;
  readonly #large = new Gate(largeBodiesMax);
  /** Uploads that may still be told to go on or to stop. */
  readonly #undecided = new Map<JobId, (decision: Decision) => void>();
  /** Uploads in parts that wait until they are on record. */
  readonly #unrecorded = new Map<JobId, () => void>();
  #finished: TransferResult[] = [];
  #scheduled = false;
  #closed = false;
  /** Ends what would go on for ever. */
  readonly #stop = new AbortController();

  constructor(options: TransfersOptions) {
    this.#bucket = options.bucket;
    this.#changes = options.changes;
    this.#deliver = options.deliver;
  }

  accept(jobs: readonly TransferJob[]): void {
    for (const job of jobs) {
      if (job.kind === 'commit' || job.kind === 'cancel') {
        this.#undecided.get(job.id)?.(job.kind);
        this.#undecided.delete(job.id);
      } else if (job.kind === 'proceed') {
        this.#unrecorded.get(job.id)?.();
        this.#unrecorded.delete(job.id);
      } else {
        void this.#run(job);
      }
    }
  }

  /** Results of jobs under way are dropped; the planner starts those again after a restart. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stop.abort();
    for (const decide of this.#undecided.values()) decide('cancel');
    this.#undecided.clear();
    await this.#bucket.close();
  }

  async #run(job: Started): Promise<void> {
    try {
      const last = await this.#carryOut(job);
      this.#emit(last);
    } catch (error) {
      this.#emit(failureOf(job.id, error));
    } finally {
      this.#undecided.delete(job.id);
    }
  }

  async #carryOut(job: Started): Promise<TransferResult> {
    switch (job.kind) {
      case 'list':
        return listObjects(this.#bucket, job, (page) => this.#emit(page));
      case 'head':
        return headObject(this.#bucket, job);
      case 'fetch':
        return fetchBytes(this.#bucket, job);
      case 'put':
        return putObject(this.#bucket, job);
      case 'copy':
        return copyObject(this.#bucket, job, (upload) => this.#record(job.id, upload));
      case 'delete':
        return deleteObject(this.#bucket, job);
      case 'abort':
        await this.#bucket.abortUpload(job.key, job.uploadId);
        return { kind: 'deleted', id: job.id };
      case 'abort-unknown':
        return abortUnknown(this.#bucket, job);
      case 'watch':
        return this.#watch(job);
      case 'upload': {
        const decision = new Promise<Decision>((resolve) => this.#undecided.set(job.id, resolve));
        const ready = (): void => this.#emit({ kind: 'ready', id: job.id });
        const begun = (upload: Multipart): Promise<void> => this.#record(job.id, upload);
        const bucket = this.#bucket;
        return uploadFile({ bucket, job, large: this.#large, ready, decision, begun });
      }
    }
  }

  #watch(job: Extract<TransferJob, { kind: 'watch' }>): Promise<TransferResult> {
    const { signal } = this.#stop;
    if (this.#changes === undefined) {
      return watchChanges(this.#bucket, job, signal, (some) => this.#emit(some));
    }
    const { source, location } = this.#changes;
    const { id, prefix } = job;
    const emit = (changes: RemoteChange[]): void => this.#emit({ kind: 'changes', id, changes });
    return listenTo(source, { location, prefix, signal, emit });
  }

  #record(id: JobId, { uploadId, mayHaveTwin }: Multipart): Promise<void> {
    this.#emit({ kind: 'began', id, uploadId, mayHaveTwin });
    return new Promise((resolve) => this.#unrecorded.set(id, resolve));
  }

  #emit(result: TransferResult): void {
    if (this.#closed) return;
    this.#finished.push(result);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const results = this.#finished;
      this.#finished = [];
      if (!this.#closed) this.#deliver(results);
    });
  }
}

function failureOf(id: JobId, error: unknown): TransferResult {
  if (error instanceof S3Error) {
    return {
      kind: 'failed',
      id,
      code: error.code,
      message: error.message,
      retryable: error.retryable,
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  const { code } = error as { code?: unknown };
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return { kind: 'failed', id, code: isFull ? 'no-space' : 'local', message, retryable: true };
}
