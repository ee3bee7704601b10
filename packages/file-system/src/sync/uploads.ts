/**
 * Uploads in parts that may be open in the store. A store keeps their parts, and bills them, until they are completed
 * or aborted, so each is on record before its first part is sent and until it is certainly over: a crash at any moment
 * leaves nothing behind.
 *
 * Of an upload that was being begun when we died or gave up, only key and time are known. It is looked for after a
 * pause: ours has no parts, and whoever else begins an upload of that key has sent some by then.
 */
import type { TransferResult } from '../transfer/jobs.ts';
import { Record } from './base.ts';
import type { Context } from './context.ts';
import type { Lanes } from './lanes.ts';

const unknownPauseMs = 30_000;

interface OpenUpload {
  /** Absent: it was perhaps begun, at some time in between. */
  uploadId?: string;
  fromMs: number;
  toMs: number;
}

export class Uploads {
  readonly #context: Context;
  readonly #lanes: Lanes;
  readonly #byKey = new Map<string, OpenUpload[]>();
  /** Of the job under way. */
  readonly #current = new Map<string, OpenUpload>();

  constructor(context: Context, lanes: Lanes) {
    this.#context = context;
    this.#lanes = lanes;
    context.tree.eachRecord(Record.upload, (record, text) => {
      this.#byKey.set(record.slice(Record.upload.length), JSON.parse(text) as OpenUpload[]);
    });
  }

  /** What an earlier process left. */
  resume(): void {
    for (const [key, uploads] of this.#byKey) {
      for (const upload of uploads) {
        if (upload.uploadId === undefined) upload.toMs = Math.max(upload.toMs, this.#context.now());
        this.#end(key, upload);
      }
    }
  }

  /** A job that will begin an upload is about to leave. */
  expect(key: string): void {
    const now = this.#context.now();
    const upload = { fromMs: now, toMs: now };
    this.#current.set(key, upload);
    this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), upload]);
    this.#keep(key);
  }

  began(key: string, result: Extract<TransferResult, { kind: 'began' }>): void {
    const upload = this.#current.get(key);
    if (upload === undefined) return;
    upload.uploadId = result.uploadId;
    if (result.mayHaveTwin) {
      const twin = { fromMs: upload.fromMs, toMs: this.#context.now() };
      this.#byKey.get(key)?.push(twin);
      this.#end(key, twin);
    }
    this.#keep(key);
  }

  /** The job is over. Of a job that begins no upload nothing is known here. */
  ended(key: string, isCompleted: boolean): void {
    const upload = this.#current.get(key);
    if (upload === undefined) return;
    this.#current.delete(key);
    upload.toMs = this.#context.now();
    if (isCompleted) this.#drop(key, upload);
    else {
      this.#keep(key);
      this.#end(key, upload);
    }
  }

  #end(key: string, upload: OpenUpload, tries: number = 0): void {
    const { uploadId, toMs } = upload;
    const due = uploadId === undefined ? toMs + unknownPauseMs : 0;
    const pause = tries === 0 ? 0 : this.#context.now() + this.#context.backoffMs(tries);
    this.#context.timers.push(Math.max(due, pause), () => {
      if (uploadId !== undefined) this.#abort(key, upload, uploadId, tries);
      else this.#abortUnknown(key, upload, tries);
    });
  }

  #abort(key: string, upload: OpenUpload, uploadId: string, tries: number): void {
    this.#context.outbox.send({ kind: 'abort', key, uploadId }, (result) =>
      this.#onResult(key, upload, result, tries),
    );
  }

  #abortUnknown(key: string, upload: OpenUpload, tries: number): void {
    // One that is being begun must not be mistaken for it.
    if (this.#lanes.isBusy(key)) return this.#end(key, upload, tries + 1);
    const { fromMs, toMs } = upload;
    this.#lanes.occupy(key);
    this.#context.outbox.send({ kind: 'abort-unknown', key, fromMs, toMs }, (result) => {
      this.#lanes.vacate(key);
      this.#onResult(key, upload, result, tries);
    });
  }

  #onResult(key: string, upload: OpenUpload, result: TransferResult, tries: number): void {
    if (result.kind !== 'failed') return this.#drop(key, upload);
    this.#context.failed(result.code, result.message);
    // What is refused for good (no permission) is tried again at the next start.
    if (result.retryable) this.#end(key, upload, tries + 1);
  }

  #drop(key: string, upload: OpenUpload): void {
    const left = (this.#byKey.get(key) ?? []).filter((other) => other !== upload);
    if (left.length === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, left);
    this.#keep(key);
  }

  #keep(key: string): void {
    const uploads = this.#byKey.get(key);
    const text = uploads === undefined ? undefined : JSON.stringify(uploads);
    this.#context.tree.setRecord(Record.upload + key, text);
  }
}
