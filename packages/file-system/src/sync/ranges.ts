/**
 * Bytes of files on demand: the range that is missing and, when it is read in sequence, a growing window ahead of it
 * in parallel pieces. Files below the size that the configuration sets come whole: at once when they are a single
 * piece, else by and by (see `Prefetch`). Every fetch is pinned to the version the inode stands for.
 */
import { FsError, failure } from '../operations.ts';
import type { Result, WaitId } from '../operations.ts';
import type { ByteSpan, TransferResult } from '../transfer/jobs.ts';
import { pinOf } from './base.ts';
import type { Context } from './context.ts';
import type { Heads } from './heads.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** Files up to this size have no cache file: their bytes travel in the result. The core's own limit. */
const packedBytesMax = 64 * 1024;
const blockBytes = 64 * 1024;
const pieceBytes = 4 * 1024 * 1024;
/** Of files up to this size that are to come whole, whoever reads a part waits for all. */
const wholeBytesMax = 1024 * 1024;
const windowBytesMin = 1024 * 1024;
const windowBytesMax = 32 * 1024 * 1024;
/** Files whose readers are remembered; the one that waited the longest is forgotten. */
const readersMax = 4096;
const triesMax = 8;
const failureMs = 2_000;

interface Fetch {
  ino: number;
  span: ByteSpan;
  waitId: WaitId;
  tries: number;
  /** Told whether it has come, when nobody asked for it. */
  done: ((ok: boolean) => void) | undefined;
}

export class Ranges {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #heads: Heads;
  readonly #fetches = new Map<number, Fetch[]>();
  /** Where a reader of the file would go on, and how far ahead we went for it; the last one to miss is last. */
  readonly #readers = new Map<number, { next: number; window: number }>();
  readonly #failed = new Map<number, { error: Result; untilMs: number }>();
  /** Told of files that were fetched as a whole because they were read, and of those whose rest is to follow. */
  onMiss: (ino: number, isWhole: boolean) => void = () => undefined;

  constructor(context: Context, keys: RemoteKeys, heads: Heads) {
    this.#context = context;
    this.#keys = keys;
    this.#heads = heads;
  }

  need(ino: number, offset: number, length: number): Result {
    const { tree } = this.#context;
    const failed = this.#failed.get(ino);
    if (failed !== undefined) {
      if (failed.untilMs > this.#context.now()) return failed.error;
      this.#failed.delete(ino);
    }
    const a = this.#context.attributes(ino);
    if (a === undefined) return failure(FsError.Stale);
    const { size } = a;
    const rule = this.#context.synchronization.importRule(tree.parentOf(ino));
    const isImported = size < rule.sizeLessThan;
    const isSmall = isImported && size <= wholeBytesMax;
    const from = isSmall ? 0 : floorBlock(offset);
    const to = isSmall ? size : ceilBlock(offset + length, size);
    // What is not missing may have been written here: a download must not touch it.
    let waitId: WaitId = this.#overlapping(ino, offset, length)?.waitId ?? 0;
    for (const missing of tree.missing(ino)) {
      const piece = { start: Math.max(missing.start, from), end: Math.min(missing.end, to) };
      if (piece.start < piece.end) waitId = this.#fetch(ino, piece, size) || waitId;
    }
    if (!isSmall) this.#readAhead(ino, offset, length, size);
    if (isImported) this.onMiss(ino, isSmall);
    return waitId;
  }

  /** Who reads in sequence has left room in the window for another piece: time to go on. */
  passed(ino: number, offset: number, length: number): void {
    const reader = this.#readers.get(ino);
    if (reader === undefined || reader.window === 0 || offset > reader.next) return;
    const ahead = reader.next - offset - length;
    if (ahead > Math.max(reader.window / 2, reader.window - pieceBytes)) return;
    const size = this.#context.attributes(ino)?.size ?? 0;
    if (reader.next < size) this.#readAhead(ino, offset, length, size);
  }

  /** Bytes of what `ahead` would fetch; 0 = nothing is missing, or it is under way. */
  nextPieceBytes(ino: number): number {
    const [missing] = this.#context.tree.missing(ino);
    if (missing === undefined || this.#at(ino, missing.start) !== undefined) return 0;
    return Math.min(missing.end, missing.start + pieceBytes) - missing.start;
  }

  /** Fetches the first piece that is missing. False: there is none, or it is under way. */
  ahead(ino: number, done: (ok: boolean) => void): boolean {
    const [missing] = this.#context.tree.missing(ino);
    if (missing === undefined || this.#at(ino, missing.start) !== undefined) return false;
    if (this.#context.base(ino) === undefined) return false;
    const { start } = missing;
    const end = Math.min(missing.end, start + pieceBytes, this.#nextStart(ino, start));
    const waitId = this.#context.tree.newWait();
    this.#start({ ino, span: { start, end }, waitId, tries: 0, done });
    return true;
  }

  isFetching(ino: number, offset: number, length: number): boolean {
    return this.#overlapping(ino, offset, length) !== undefined;
  }

  #overlapping(ino: number, offset: number, length: number): Fetch | undefined {
    const fetches = this.#fetches.get(ino);
    return fetches?.find(({ span }) => span.start < offset + length && span.end > offset);
  }

  /** Starts what is needed of the span beyond what is under way; the wait of its first byte. */
  #fetch(ino: number, span: ByteSpan, size: number): WaitId {
    let waitId: WaitId = 0;
    for (let at = span.start; at < span.end;) {
      const under = this.#at(ino, at);
      if (under !== undefined) {
        waitId ||= under.waitId;
        at = under.span.end;
        continue;
      }
      const next = this.#nextStart(ino, at);
      const end = Math.min(span.end, at + pieceBytes, next);
      const fetch = this.#start({
        ino,
        span: { start: at, end: Math.min(end, size) },
        waitId: this.#context.tree.newWait(),
        tries: 0,
        done: undefined,
      });
      waitId ||= fetch.waitId;
      at = end;
    }
    return waitId;
  }

  #at(ino: number, offset: number): Fetch | undefined {
    return this.#fetches.get(ino)?.find(({ span }) => span.start <= offset && span.end > offset);
  }

  #nextStart(ino: number, offset: number): number {
    let next = Infinity;
    for (const { span } of this.#fetches.get(ino) ?? []) {
      if (span.start > offset && span.start < next) next = span.start;
    }
    return next;
  }

  #readAhead(ino: number, offset: number, length: number, size: number): void {
    const known = this.#readers.get(ino);
    const reader = known ?? { next: 0, window: 0 };
    const end = offset + length;
    // Many files are only looked at: a first read that is small says nothing yet.
    const isSequential =
      known === undefined
        ? length >= windowBytesMin
        : offset <= reader.next && end + windowBytesMax >= reader.next;
    reader.window = isSequential
      ? Math.min(windowBytesMax, Math.max(windowBytesMin, 4 * length, reader.window * 2))
      : 0;
    let next = end + reader.window;
    // Whole pieces, once there are several.
    if (reader.window > pieceBytes) next -= next % pieceBytes;
    // Of reads in sequence a later one may come first.
    reader.next = isSequential ? Math.max(reader.next, next) : next;
    this.#readers.delete(ino);
    this.#readers.set(ino, reader);
    if (this.#readers.size > readersMax) this.#readers.delete(this.#readers.keys().next().value!);
    if (reader.window === 0) return;
    const from = ceilBlock(end, size);
    const to = ceilBlock(Math.min(size, reader.next), size);
    for (const { start, end: missingEnd } of this.#context.tree.missing(ino)) {
      const piece = { start: floorBlock(Math.max(start, from)), end: Math.min(missingEnd, to) };
      if (piece.start < piece.end) this.#fetch(ino, piece, size);
    }
  }

  #start(fetch: Fetch): Fetch {
    const list = this.#fetches.get(fetch.ino);
    if (list === undefined) this.#fetches.set(fetch.ino, [fetch]);
    else list.push(fetch);
    this.#send(fetch);
    return fetch;
  }

  #send(fetch: Fetch): void {
    const { tree } = this.#context;
    const { ino, span } = fetch;
    const a = this.#context.attributes(ino);
    const base = this.#context.base(ino);
    const key =
      base?.key ??
      (a === undefined
        ? undefined
        : this.#keys.remoteKey(tree.parentOf(ino), tree.nameOf(ino), a.kind));
    if (a === undefined || base === undefined || key === undefined) {
      // Not before whoever asks has heard what to wait for.
      this.#context.timers.push(0, () => this.#finish(fetch, failure(FsError.Io)));
      return;
    }
    const job = { kind: 'fetch' as const, from: pinOf(base, key), span };
    const eTag = base.eTag;
    const hear = (result: TransferResult): void => this.#onResult(fetch, eTag, result);
    if (a.size <= packedBytesMax) {
      this.#context.outbox.send(job, hear);
      return;
    }
    const path = tree.cacheFile(ino);
    if (path === undefined) {
      this.#context.timers.push(0, () => this.#finish(fetch, failure(FsError.NoSpace)));
    } else this.#context.outbox.send({ ...job, path }, hear);
  }

  #onResult(fetch: Fetch, eTag: string, result: TransferResult): void {
    const { tree } = this.#context;
    const { ino, span } = fetch;
    switch (result.kind) {
      case 'fetched':
        // Replaced meanwhile: the bytes are of another version, and whoever waits asks again.
        if (this.#context.attributes(ino) !== undefined && this.#context.base(ino)?.eTag === eTag) {
          if (result.body === undefined) tree.markPresent(ino, span);
          else tree.fill(ino, result.body);
          if (
            tree
              .missing(ino)
              .some((missing) => missing.start < span.end && missing.end > span.start)
          ) {
            this.#finish(fetch, failure(FsError.NoSpace));
            return;
          }
        }
        this.#finish(fetch, 0);
        return;
      case 'gone':
        this.#onGone(fetch);
        return;
      case 'failed':
        this.#onFailed(fetch, result);
        return;
      case 'cancelled':
      case 'changes':
      case 'conflict':
      case 'deleted':
      case 'head':
      case 'page':
      case 'ready':
      case 'unsupported':
      case 'written':
        throw new Error(`A fetch was answered with ${result.kind}.`);
    }
  }

  /** The version was deleted for good: what the key holds now is taken over, unless there are changes here. */
  #onGone(fetch: Fetch): void {
    const { tree } = this.#context;
    const { ino } = fetch;
    const canFollow = tree.dirty(ino) === 0 && this.#context.base(ino)?.key === undefined;
    if (canFollow && tree.parentOf(ino) !== 0) this.#heads.refresh(ino);
    fetch.tries++;
    this.#finish(
      fetch,
      canFollow && fetch.tries < triesMax ? failure(FsError.Again) : failure(FsError.Io),
    );
  }

  #onFailed(fetch: Fetch, failed: Extract<TransferResult, { kind: 'failed' }>): void {
    this.#context.failed(failed.code, failed.message);
    if (failed.retryable && ++fetch.tries < triesMax) {
      const due = this.#context.now() + this.#context.backoffMs(fetch.tries);
      this.#context.timers.push(due, () => this.#send(fetch));
      return;
    }
    this.#finish(fetch, failure(errorOf(failed.code)));
  }

  #finish(fetch: Fetch, error: Result): void {
    const { ino } = fetch;
    const list = (this.#fetches.get(ino) ?? []).filter((other) => other !== fetch);
    if (list.length > 0) this.#fetches.set(ino, list);
    else this.#fetches.delete(ino);
    fetch.done?.(error === 0);
    if (error === failure(FsError.Again)) {
      // The reader asks again soon; by then the new version is known.
      this.#context.timers.push(this.#context.now() + 50, () =>
        this.#context.tree.ready(fetch.waitId),
      );
      return;
    }
    // Whoever reads it asks for it again, and hears why.
    if (error !== 0 && fetch.done === undefined)
      this.#failed.set(ino, { error, untilMs: this.#context.now() + failureMs });
    this.#context.tree.ready(fetch.waitId);
  }
}

function errorOf(code: Extract<TransferResult, { kind: 'failed' }>['code']): FsError {
  if (code === 'AccessDenied') return FsError.AccessDenied;
  return code === 'no-space' ? FsError.NoSpace : FsError.Io;
}

function floorBlock(offset: number): number {
  return Math.floor(offset / blockBytes) * blockBytes;
}

function ceilBlock(offset: number, size: number): number {
  return Math.min(size, Math.ceil(offset / blockBytes) * blockBytes);
}
