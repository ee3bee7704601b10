/**
 * Export: brings S3 to what the tree says, key by key.
 *
 * For every dirty inode it is known which key it is to have (its path) and what that key holds in S3: the
 * inode's own base, an object noted for deletion, or nothing. The write is conditional on that. An object that
 * was moved is copied by the store from its exact version, so that swaps and cycles need no order and no
 * temporary key; the old key is deleted after that. At most one job is under way for a key.
 *
 * Before a write leaves, a mark of it is recorded; when its answer is lost, or we die, the object is recognised
 * by the mark and taken for our own instead of for somebody else's.
 */
import { Kind } from '../operations.ts';
import type { Attributes } from '../operations.ts';
import type { RemoteHead, TransferResult } from '../transfer/jobs.ts';
import { goesInParts } from '../transfer/part-plan.ts';
import type { Barriers } from './barriers.ts';
import { newBase } from './base.ts';
import type { Base } from './base.ts';
import type { Conflicts } from './conflicts.ts';
import type { Context } from './context.ts';
import type { Deleter } from './deleter.ts';
import type { Attempts, Deletions } from './deletions.ts';
import { exportErrorOf, isRepairable } from './export-error.ts';
import type { Lanes } from './lanes.ts';
import type { NewJob } from './outbox.ts';
import { PendingExports } from './pending-exports.ts';
import type { Pending } from './pending-exports.ts';
import { Dirty } from './port.ts';
import type { ExportError, SyncFailure } from './port.ts';
import { foreignAttributes, headAttributes } from './posix-metadata.ts';
import type { ForeignAttributes } from './posix-metadata.ts';
import { faultOfKey } from './remote-keys.ts';
import type { RemoteKeys } from './remote-keys.ts';
import type { Uploads } from './uploads.ts';
import { markOf, writeJob } from './write-job.ts';

/** A write under way. */
interface Started {
  pending: Pending;
  key: string;
  generation: number;
  sendsContent: boolean;
  expectsObject: boolean;
  foreign: ForeignAttributes | undefined;
  /** Of the object the inode came from, as the job was told. */
  sourceVersion: string | undefined;
}

/** After so many uploads dropped for a file that never rests, the next one goes through as it is. */
const dropsMax = 3;
const repairMs = 60_000;

export class Exporter {
  readonly #context: Context;
  readonly #keys: RemoteKeys;
  readonly #lanes: Lanes;
  readonly #deletions: Deletions;
  readonly #attempts: Attempts;
  readonly #deleter: Deleter;
  readonly #barriers: Barriers;
  readonly #conflicts: Conflicts;
  readonly #uploads: Uploads;
  readonly pending: PendingExports;

  constructor(parts: {
    context: Context;
    keys: RemoteKeys;
    lanes: Lanes;
    deletions: Deletions;
    attempts: Attempts;
    deleter: Deleter;
    barriers: Barriers;
    conflicts: Conflicts;
    uploads: Uploads;
  }) {
    this.#context = parts.context;
    this.pending = new PendingExports(parts.context);
    this.#keys = parts.keys;
    this.#deletions = parts.deletions;
    this.#attempts = parts.attempts;
    this.#lanes = parts.lanes;
    this.#deleter = parts.deleter;
    this.#barriers = parts.barriers;
    this.#conflicts = parts.conflicts;
    this.#uploads = parts.uploads;
  }

  get pendingCount(): number {
    return this.pending.size + this.#deletions.size;
  }

  /** When something can be started, provided that nothing under way finishes before. */
  get due(): number {
    return this.#keys.moved.size > 0 ? Infinity : this.#lanes.due;
  }

  oldestChangeMs(): number {
    let oldest = this.pending.oldestMs();
    for (const since of this.#deletions.since.values()) if (since < oldest) oldest = since;
    return oldest;
  }

  /** Bits that are new are put into the inode's row; called for every write, so the usual case comes first. */
  changed(ino: number, bits: number): void {
    const pending = this.pending.get(ino);
    const now = this.#context.now();
    if (pending !== undefined) {
      pending.last = now;
      pending.generation++;
      if (pending.failure !== undefined) this.#revive(pending);
      if ((pending.bits & bits) === bits) return;
      pending.bits |= bits;
      this.#context.tree.setDirty(ino, this.#context.tree.dirty(ino) | bits);
      return;
    }
    const { tree } = this.#context;
    if (!this.#context.isExportable(ino)) return;
    tree.setDirty(ino, tree.dirty(ino) | bits);
    this.resume(ino, bits);
  }

  /** An inode that is dirty already, at start. */
  resume(ino: number, bits: number): void {
    const pending = this.pending.add(ino, bits);
    this.#lanes.push(this.pending.dueOf(pending), ino);
  }

  /** The inode needs no export any more (unlinked, or in lost+found). */
  forget(ino: number): void {
    const pending = this.pending.get(ino);
    this.pending.delete(ino);
    if (pending?.job !== undefined) this.#context.outbox.decide('cancel', pending.job);
    this.#barriers.exported(ino, Infinity);
  }

  /** What is pending and passes the filter is exported without waiting. Returns what a barrier waits for. */
  hurry(filter: { ino: (ino: number) => boolean; key: (key: string) => boolean }): {
    inodes: Map<number, number>;
    keys: Set<string>;
    failures: SyncFailure[];
  } {
    const inodes = new Map<number, number>();
    const failures: SyncFailure[] = [];
    for (const pending of this.pending.values())
      if (filter.ino(pending.ino)) this.#hurryOne(pending, inodes, failures);
    const keys = new Set<string>();
    for (const key of this.#deletions.keys()) {
      const { ino } = this.#deletions.get(key) ?? {};
      if (!filter.key(key)) continue;
      if (ino !== undefined && this.pending.failureOf(ino) !== undefined && !inodes.has(ino))
        continue;
      // It was moved from here to elsewhere, and is deleted here only when it is there.
      const moved = ino === undefined ? undefined : this.pending.get(ino);
      if (moved !== undefined && !inodes.has(moved.ino)) this.#hurryOne(moved, new Map(), []);
      keys.add(key);
      this.#deleter.hurry(key);
    }
    return { inodes, keys, failures };
  }

  /** Other rules are in force: what waits may be due earlier. */
  reschedule(): void {
    for (const pending of this.pending.values()) {
      const waits = pending.job === undefined && pending.failure === undefined;
      if (waits) this.#lanes.push(this.pending.dueOf(pending), pending.ino);
    }
  }

  /** The same for one inode alone. */
  hurryFile(ino: number): ReturnType<Exporter['hurry']> {
    const inodes = new Map<number, number>();
    const failures: SyncFailure[] = [];
    const pending = this.pending.get(ino);
    if (pending !== undefined) this.#hurryOne(pending, inodes, failures);
    return { inodes, keys: new Set(), failures };
  }

  #hurryOne(pending: Pending, inodes: Map<number, number>, failures: SyncFailure[]): void {
    if (pending.failure !== undefined && !isRepairable(pending.failure.error)) {
      failures.push(pending.failure);
      return;
    }
    inodes.set(pending.ino, pending.generation);
    pending.urgent = pending.generation;
    pending.notBefore = 0;
    if (pending.job === undefined) this.#lanes.push(0, pending.ino);
  }

  /** Starts what is due. Inside a transaction. */
  start(now: number): void {
    while (this.#keys.moved.size === 0) {
      const next = this.#lanes.pop(now);
      if (next === undefined) return;
      if (typeof next === 'string') this.#deleter.start(next, now);
      else this.#startExport(next, now);
    }
  }

  #startExport(ino: number, now: number): void {
    const pending = this.pending.get(ino);
    if (pending === undefined || pending.job !== undefined) return;
    const due = this.pending.dueOf(pending);
    if (due > now) {
      this.#lanes.push(due, ino);
      return;
    }
    const { tree } = this.#context;
    const bits = tree.dirty(ino);
    const a = this.#context.attributes(ino);
    if (a === undefined || bits === 0 || !this.#context.isExportable(ino)) return this.forget(ino);
    if (this.#isLocalOnly(ino, a.kind)) return this.#clean(pending);
    const key = this.#keys.keyOf(ino, a.kind);
    const fault = faultOfKey(key);
    if (key === undefined || fault !== undefined) {
      const isOwn = fault !== 'NameNotUtf8' || !this.#keys.hasKeyName(ino);
      if (isOwn) this.#fail(pending, fault ?? 'NameNotUtf8', 'The path cannot be a key in S3.');
      else {
        const message = 'A directory above it has a name that cannot be in a key.';
        this.#fail(pending, 'DependencyExportFailed', message);
      }
      return;
    }
    if (!this.#lanes.waitFor(key, ino)) this.#send(pending, key, bits, a);
  }

  /** The key holds the object the inode came from, as far as is known. */
  #isInPlace(base: Base | undefined, key: string): base is Base {
    if (base === undefined || (base.key !== undefined && base.key !== key)) return false;
    // Another inode was there meanwhile, and its object was written.
    const held = this.#deletions.get(key)?.eTag;
    return held === undefined || held === base.eTag;
  }

  #isLocalOnly(ino: number, kind: Kind): boolean {
    if (kind === Kind.fifo || kind === Kind.socket) return true;
    return this.#keys.isLocalOnly(ino);
  }

  #send(pending: Pending, key: string, bits: number, a: Attributes): void {
    const { tree } = this.#context;
    const { ino } = pending;
    const base = this.#context.base(ino);
    const isDirectory = a.kind === Kind.directory;
    if (isDirectory && base === undefined && bits === Dirty.name && !tree.isEmpty(ino)) {
      // A directory that exists by its children alone needs no marker after a move either.
      return this.#clean(pending);
    }
    // Its key is that of a file in it.
    if (isDirectory && this.#keys.contentOf(ino) !== 0) return this.#clean(pending);
    const noted = this.#deletions.get(key);
    const inPlace = this.#isInPlace(base, key);
    const isUnsure = this.#attempts.of(key).length > 0 || (noted?.marks.length ?? 0) > 0;
    if (inPlace && bits === Dirty.name && !isUnsure) {
      // It was moved away and back, and nothing has been written there.
      this.#context.setBase(ino, newBase(base, base.foreign, undefined, base));
      this.#deletions.drop(key);
      return this.#clean(pending);
    }
    if (!inPlace && noted?.eTag === undefined && (noted?.marks.length ?? 0) > 0) {
      // What is there may be an older write of ours: that has to go first.
      this.#deleter.send(key);
      this.#lanes.waitFor(key, ino);
      return;
    }
    if (!inPlace && this.#needsVersion(key, ino)) return;
    const held = inPlace ? base : noted;
    const foreign = base?.foreign ?? held?.foreign;
    const expected = held?.eTag === undefined ? undefined : { ...held, eTag: held.eTag };
    const job = writeJob(this.#context, {
      ino,
      a,
      bits,
      key,
      base,
      held: expected,
      foreign,
      isUnsure,
    });
    if (job === undefined) {
      // Space may never come: whoever waits is told.
      const message = 'No space on the local disk for a file that is to be exported.';
      this.#context.failed('NoSpace', message);
      return this.#fail(pending, 'NoSpace', message);
    }
    this.#attempts.begin(key, { ...markOf(job), ino });
    if (goesInParts(job)) this.#uploads.expect(key);
    this.#run(
      {
        pending,
        key,
        generation: pending.generation,
        sendsContent: job.kind !== 'copy',
        expectsObject: expected !== undefined,
        foreign,
        sourceVersion: base?.versionId,
      },
      job,
    );
  }

  /**
   * Another inode was moved away from this key and still needs the object here as the source of its copy; that
   * needs its version, which a listing does not tell. True: it is being asked for.
   */
  #needsVersion(key: string, next: number): boolean {
    const deletion = this.#deletions.get(key);
    if (deletion?.ino === undefined || deletion.versionId !== undefined) return false;
    const { ino } = deletion;
    const source = this.#context.base(ino);
    if (source === undefined || source.key !== key) return false;
    this.#lanes.occupy(key);
    this.#context.outbox.send({ kind: 'head', key, bodyBytesMax: 0 }, (result) => {
      let wait = 0;
      if (result.kind === 'head' && result.head?.eTag === source.eTag) {
        const learnt = { ...source, versionId: result.head.versionId ?? 'null' };
        if (this.#context.base(ino)?.key === key) this.#context.setBase(ino, learnt);
        this.#deletions.learn(key, learnt);
      } else if (result.kind === 'head') {
        // The source has changed in S3: the copy will find that out; nothing is to be waited for.
        this.#deletions.release(key, ino);
      } else if (result.kind === 'failed') {
        this.#context.failed(result.code, result.message);
        wait = this.#context.backoffMs(2);
      }
      this.#lanes.vacate(key);
      this.#lanes.push(this.#context.now() + wait, next);
    });
    return true;
  }

  #run(started: Started, job: NewJob): void {
    const { pending, key } = started;
    this.#lanes.occupy(key);
    pending.job = this.#context.outbox.send(job, (result) => this.#onResult(started, result));
  }

  #onResult(started: Started, result: TransferResult): void {
    const { pending, key } = started;
    if (result.kind === 'began') {
      this.#uploads.began(key, result);
      this.#context.outbox.decide('proceed', result.id);
      return;
    }
    if (result.kind === 'ready') {
      const rests = pending.generation === started.generation || pending.drops >= dropsMax;
      const isWanted = this.pending.get(pending.ino) === pending;
      this.#context.outbox.decide(rests && isWanted ? 'commit' : 'cancel', result.id);
      return;
    }
    pending.job = undefined;
    this.#lanes.vacate(key);
    this.#uploads.ended(key, result.kind === 'written' && result.isOpen !== true);
    switch (result.kind) {
      case 'written':
        this.#onWritten(started, result);
        break;
      case 'conflict':
        this.#onConflict(started, result.head);
        break;
      case 'cancelled':
        this.#attempts.withdraw(key);
        pending.drops++;
        this.#again(pending);
        break;
      case 'gone':
        this.#attempts.withdraw(key);
        // Learnt meanwhile, because another object was to take its place: it is there still.
        if (this.#context.base(pending.ino)?.versionId === started.sourceVersion) {
          this.#onSourceGone(pending);
        } else this.#again(pending);
        break;
      case 'failed':
        if (!result.retryable) this.#attempts.withdraw(key);
        this.#onFailed(pending, result);
        break;
      case 'changes':
      case 'deleted':
      case 'fetched':
      case 'head':
      case 'page':
      case 'unsupported':
        throw new Error(`A write was answered with ${result.kind}.`);
    }
  }

  #onWritten(started: Started, written: Extract<TransferResult, { kind: 'written' }>): void {
    const { tree } = this.#context;
    const { pending, key } = started;
    const { ino } = pending;
    this.#attempts.settle(key);
    this.#context.exported++;
    const times = { syncedMs: this.#context.now(), modifiedMs: written.dateMs };
    const base = newBase(written, started.foreign, undefined, times);
    const a = this.#context.attributes(ino);
    if (a === undefined || !this.#context.isExportable(ino)) {
      this.#deletions.note(key, base);
      this.#deleter.schedule(key);
      return this.forget(ino);
    }
    const old = this.#context.base(ino);
    if (this.#keys.keyOf(ino, a.kind) !== key) {
      // Moved while it was under way: now its object is here and has to follow.
      if (old?.key !== undefined && old.key !== key) this.#deleter.release(old.key, ino);
      this.#context.setBase(ino, { ...base, key });
      this.#deletions.note(key, base, { ino });
      this.#deleter.schedule(key);
      return this.#again(pending);
    }
    if (old?.key !== undefined && old.key !== key) this.#deleter.release(old.key, ino);
    this.#context.setBase(ino, base);
    this.#deletions.drop(key);
    pending.tries = 0;
    pending.drops = 0;
    if (pending.generation !== started.generation) {
      pending.since = this.#context.now();
      if (pending.urgent <= started.generation) pending.urgent = -1;
      this.#barriers.exported(ino, started.generation);
      return this.#again(pending);
    }
    if (started.sendsContent && a.kind === Kind.file) tree.setExported(ino);
    this.#clean(pending);
  }

  #onConflict(started: Started, head: RemoteHead | undefined): void {
    const { pending, key } = started;
    const { ino } = pending;
    const a = this.#context.attributes(ino);
    if (a === undefined || !this.#context.isExportable(ino)) {
      this.#attempts.settle(key);
      return this.forget(ino);
    }
    const base = this.#context.base(ino);
    const inPlace = this.#isInPlace(base, key);
    const mark =
      head === undefined
        ? undefined
        : (this.#attempts.markOf(key, head) ?? this.#deletions.markOf(key, head));
    if (head !== undefined && mark !== undefined) {
      // An earlier write of ours whose answer was lost: go on from there.
      const learnt = newBase(head, started.foreign);
      if (inPlace && mark.ino === ino) this.#context.setBase(ino, { ...learnt, ...keyOf(base) });
      else this.#deletions.note(key, learnt);
      return this.#again(pending);
    }
    this.#attempts.settle(key);
    if (this.#keys.keyOf(ino, a.kind) !== key) return this.#again(pending);
    // The directory's own key has bytes: there is no place for its attributes.
    if (a.kind === Kind.directory && (head?.size ?? 0) > 0) return this.#clean(pending);
    if (head === undefined && a.kind === Kind.directory) {
      // Its marker was deleted: it is a directory all the same, and gets a new one.
      if (inPlace) this.#context.setBase(ino, undefined);
      this.#deletions.drop(key);
      this.changed(ino, Dirty.content);
      return this.#again(pending);
    }
    if (head === undefined && !inPlace) {
      // What we were about to replace has been deleted there too.
      this.#deletions.drop(key);
      if (started.expectsObject) return this.#again(pending);
    }
    this.pending.delete(ino);
    if (this.#conflicts.resolve(ino, key, head)) {
      this.#barriers.exported(ino, Infinity);
      // The marker from which a directory was moved.
      if (base?.key !== undefined && base.key !== key) this.#deleter.release(base.key, ino);
    } else {
      this.pending.putBack(pending);
      this.#fail(pending, 'InternalError', 'The local copy could not be moved to lost+found.');
    }
  }

  #onSourceGone(pending: Pending): void {
    const { tree } = this.#context;
    const { ino } = pending;
    const a = this.#context.attributes(ino);
    if (a === undefined) return this.forget(ino);
    if (a.kind !== Kind.file || tree.missing(ino).length === 0) {
      // The bytes are here: they are sent instead of copied.
      const base = this.#context.base(ino);
      if (base?.key !== undefined) this.#deleter.release(base.key, ino);
      this.#context.setBase(ino, undefined);
      this.changed(ino, Dirty.content);
      return this.#again(pending);
    }
    const base = this.#context.base(ino);
    const isOthers = base?.key !== undefined && this.#keys.resolve(base.key) !== 0;
    if (base?.key !== undefined && !isOthers && (tree.dirty(ino) & Dirty.content) === 0) {
      this.#followSource(pending, base, base.key);
      return;
    }
    const key = this.#keys.keyOf(ino, a.kind);
    if (isOthers && key !== undefined) {
      // Replaced there after it had been moved here, and its version was never told: it cannot be had any more.
      this.pending.delete(ino);
      if (this.#conflicts.resolve(ino, key, undefined)) {
        this.#barriers.exported(ino, Infinity);
        return;
      }
      this.pending.putBack(pending);
    }
    this.#fail(pending, 'InternalError', 'The object this file came from has been deleted in S3.');
  }

  /**
   * A file was moved here and, before that reached S3, its object was replaced or deleted there, and the old
   * version cannot be named. What is there now is what has been moved.
   */
  #followSource(pending: Pending, base: Base, key: string): void {
    const { ino } = pending;
    if (this.#lanes.waitFor(key, ino)) return;
    this.#lanes.occupy(key);
    this.#context.outbox.send({ kind: 'head', key, bodyBytesMax: 0 }, (result) => {
      this.#lanes.vacate(key);
      const { tree } = this.#context;
      const isSame =
        this.pending.get(ino) === pending &&
        this.#context.base(ino)?.eTag === base.eTag &&
        (tree.dirty(ino) & Dirty.content) === 0;
      if (result.kind === 'failed') {
        this.#context.failed(result.code, result.message);
        pending.notBefore = this.#context.now() + this.#context.backoffMs(pending.tries++);
      } else if (result.kind === 'head' && isSame) {
        if (result.head === undefined) {
          this.#deletions.drop(key);
          tree.removeRemote(ino);
          return this.forget(ino);
        }
        const { defaults } = this.#context.options;
        tree.replaceRemote(ino, headAttributes(result.head, false, undefined, defaults));
        this.#context.setBase(ino, newBase(result.head, foreignAttributes(result.head), key));
        this.#deletions.learn(key, result.head);
      }
      this.#again(pending);
    });
  }

  #onFailed(pending: Pending, failed: Extract<TransferResult, { kind: 'failed' }>): void {
    this.#context.failed(failed.code, failed.message);
    const error = exportErrorOf(failed);
    if (error !== undefined) return this.#fail(pending, error, failed.message);
    pending.notBefore = this.#context.now() + this.#context.backoffMs(pending.tries++);
    this.#again(pending);
  }

  #fail(pending: Pending, error: ExportError, message: string): void {
    const { ino } = pending;
    pending.failure = { path: this.#keys.pathOf(ino), error, message };
    this.#barriers.failed(ino, pending.failure);
    // Its old object is deleted only after it: nobody is to wait for that either.
    const oldKey = this.#context.base(ino)?.key;
    if (oldKey !== undefined) this.#barriers.deleted(oldKey);
    if (!isRepairable(error)) return;
    pending.notBefore = this.#context.now() + repairMs;
    this.#lanes.push(pending.notBefore, ino);
  }

  #revive(pending: Pending): void {
    pending.failure = undefined;
    pending.notBefore = 0;
    this.#again(pending);
  }

  #again(pending: Pending): void {
    if (this.pending.get(pending.ino) !== pending) return;
    this.#lanes.push(this.pending.dueOf(pending), pending.ino);
  }

  #clean(pending: Pending): void {
    const { ino } = pending;
    this.#context.tree.setDirty(ino, 0);
    this.pending.delete(ino);
    this.#barriers.exported(ino, Infinity);
  }
}

function keyOf(base: Base): { key?: string } {
  return base.key === undefined ? {} : { key: base.key };
}
