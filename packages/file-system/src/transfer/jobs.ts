/**
 * What the serving side asks of the S3 side and what it hears back: plain objects that are sent between threads.
 *
 * A job says everything the transfer side needs; that side keeps no state but the jobs it is busy with. Every
 * job but `commit`, `cancel` and `proceed` gets exactly one final result (`page` with `last`, or any other kind but
 * `began`, `ready` and `changes`).
 * Keys are whole S3 keys, the mount's prefix included. ETags have no quotes.
 */
import type { ObjectHeaders, S3ErrorCode, WriteCondition } from '@moorage/object-store';

export type JobId = number;

/** What an object is to say about itself: user metadata (POSIX keys and foreign ones) and standard headers. */
export interface ObjectAttributes extends ObjectHeaders {
  metadata: Record<string, string>;
}

/** One exact object: the version when the store has versions, and the ETag in any case. */
export interface ObjectPin {
  key: string;
  eTag: string;
  versionId?: string;
}

/** Bytes [start, end). */
export interface ByteSpan {
  start: number;
  end: number;
}

/**
 * How to tell an object of ours whose ETag was never learnt (its answer was lost, or we died): by its size and
 * what else is known of it. Our metadata holds the time of change to the nanosecond.
 */
export interface OwnMark {
  /** Whose it is; means something to the planner alone. */
  ino?: number;
  size: number;
  eTag?: string;
  metadata?: Record<string, string>;
}

export type TransferJob =
  /** Objects below a prefix, a page at a time: the immediate children, or everything; or only the first few. */
  | { kind: 'list'; id: JobId; prefix: string; recursive: boolean; countMax?: number }
  /** Attributes of an object; with `bodyBytesMax` its bytes as well when it is not larger. */
  | { kind: 'head'; id: JobId; key: string; bodyBytesMax: number }
  /** Bytes of one exact version: inline (no `path`) or written to `path` at the same offset. */
  | { kind: 'fetch'; id: JobId; from: ObjectPin; span: ByteSpan; path?: string }
  | {
      kind: 'put';
      id: JobId;
      key: string;
      body: Uint8Array;
      condition: WriteCondition;
      attributes: ObjectAttributes;
      /** Keep the tags of this object. */
      tagsOf?: ObjectPin;
    }
  /**
   * A body in a cache file. Sends `ready` once all bytes are read or uploaded; goes on at `commit`, so that the
   * serving side can drop an upload whose file was written meanwhile.
   */
  | {
      kind: 'upload';
      id: JobId;
      key: string;
      path: string;
      size: number;
      /** The object this one was made from, and which of its bytes are still the same at the same place. */
      base?: { from: ObjectPin; size: number; unchanged: ByteSpan[]; missing: ByteSpan[] };
      condition: WriteCondition;
      attributes: ObjectAttributes;
      tagsOf?: ObjectPin;
    }
  /** Tell of changes below a prefix as they happen, for as long as the store does. */
  | { kind: 'watch'; id: JobId; prefix: string }
  | { kind: 'commit'; id: JobId }
  /** `began` is on record: parts may be sent. */
  | { kind: 'proceed'; id: JobId }
  | { kind: 'cancel'; id: JobId }
  /** Server-side copy; without `attributes` the source's are kept. */
  | {
      kind: 'copy';
      id: JobId;
      from: ObjectPin;
      size: number;
      key: string;
      condition: WriteCondition;
      attributes: ObjectAttributes | undefined;
    }
  /** Aborts one upload in parts. It may be over already. */
  | { kind: 'abort'; id: JobId; key: string; uploadId: string }
  /** Aborts what was begun in this time for the key and never got a part. By our clock. */
  | { kind: 'abort-unknown'; id: JobId; key: string; fromMs: number; toMs: number }
  /** Deletes what has this ETag or one of these marks. Already gone is a success. */
  | { kind: 'delete'; id: JobId; key: string; eTag?: string; marks: OwnMark[] };

export interface RemoteObject {
  key: string;
  size: number;
  eTag: string;
  /** Milliseconds since the epoch. */
  lastModified: number;
}

/** What HEAD tells. */
export interface RemoteHead extends RemoteObject, ObjectAttributes {
  versionId?: string;
  tagCount?: number;
}

/** The current object of a key has changed. */
export interface RemoteChange {
  key: string;
  /** '' when it was deleted. */
  eTag: string;
  versionId?: string;
}

export type TransferResult =
  /** `isCut`: there is more than the `countMax` that was asked for. */
  | {
      kind: 'page';
      id: JobId;
      objects: RemoteObject[];
      prefixes: string[];
      last: boolean;
      isCut?: true;
    }
  /** `head` is undefined when there is no such object. */
  | { kind: 'head'; id: JobId; head: RemoteHead | undefined; body?: Uint8Array }
  | { kind: 'fetched'; id: JobId; body?: Uint8Array }
  /**
   * An upload in parts was begun. No part is sent before `proceed`. `mayHaveTwin`: the answer to an earlier try was
   * lost, and what that began is not known.
   */
  | { kind: 'began'; id: JobId; uploadId: string; mayHaveTwin: boolean }
  | { kind: 'ready'; id: JobId }
  /**
   * The object is in S3 (by this job or by an earlier try of it whose answer was lost). `isOpen`: the upload in
   * parts that this job has begun was not completed.
   */
  | { kind: 'written'; id: JobId; eTag: string; versionId?: string; dateMs?: number; isOpen?: true }
  | { kind: 'deleted'; id: JobId }
  /** The key holds something else than was expected: what it holds now, undefined = nothing. */
  | { kind: 'conflict'; id: JobId; head: RemoteHead | undefined }
  /** fetch, copy: the exact version asked for is no more. */
  | { kind: 'gone'; id: JobId }
  | { kind: 'cancelled'; id: JobId }
  /** The first one (it may be empty) says that the store does tell of changes. */
  | { kind: 'changes'; id: JobId; changes: RemoteChange[] }
  /** watch: the store does not tell of changes. */
  | { kind: 'unsupported'; id: JobId }
  /** `local`: the cache file could not be read or written; `no-space`: because the disk is full. */
  | {
      kind: 'failed';
      id: JobId;
      code: S3ErrorCode | 'local' | 'no-space';
      message: string;
      retryable: boolean;
    };
