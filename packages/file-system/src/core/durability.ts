/**
 * fsync(2): what was acknowledged becomes durable, on disk and, if that is wanted, in S3.
 *
 * Flushing takes as long as the disk takes, and nobody else is to wait for that: it is done elsewhere (`Flusher`), and
 * the request is Pending until then. While a flush is under way others gather; the next one is for all of them, the
 * journal once. Why that is as safe as doing it here: everything acknowledged has been written to the files before
 * its fsync arrives, so a flush that begins later covers it; and what is written or committed meanwhile can only
 * make more durable. The journal comes last: should we die between the two, it does not speak of bytes that are not
 * there.
 */
import { closeSync, fdatasyncSync, openSync } from 'node:fs';
import { isCacheFile, isSlot } from '../content/place.ts';
import { FsError, ok, pending, type Caller, type Status, type WaitId } from '../operations.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import type { Core } from './core.ts';

export interface Flusher {
  /** fdatasync(2) of each in this order, then `FileSystem.flushed` is to be called. One call at a time. */
  flush(descriptors: readonly number[]): void;
  /**
   * These bytes will hardly change any more: their way to the disk may begin, so that a flush has less left to do.
   * False: not now. The descriptor may be closed before it is looked at; then nothing comes of it.
   */
  writeBack(descriptor: number, offset: number, length: number): boolean;
}

/** When fsync(2) returns: when it is on this disk, or when the file's version is in S3 as well. */
export type FsyncTarget = 'disk' | 's3';

interface Waiting {
  ino: number;
  request: number;
  waitId: WaitId;
  stage: 'gathered' | 'flushing' | 'flushed' | 'exporting';
  failed: boolean;
}

export class Durability {
  readonly #core: Core;
  readonly #flusher: Flusher | undefined;
  readonly #target: FsyncTarget;
  /** By request, in the order of arrival. */
  readonly #waiting = new Map<number, Waiting>();
  /** Opened for the flush under way; undefined = none is. */
  #opened: number[] | undefined;

  /** Without a flusher the caller's thread flushes. */
  constructor(core: Core, flusher: Flusher | undefined, target: FsyncTarget) {
    this.#core = core;
    this.#flusher = flusher;
    this.#target = target;
  }

  fsync(c: Caller, ino: number): Status {
    const known = this.#waiting.get(c.request);
    if (known !== undefined) return this.#goOn(known);
    const inode = this.#core.found(ino);
    if (inode === undefined) return FsError.Stale;
    if (this.#flusher === undefined || c.request === 0) return this.#flushHere(inode);
    const waitId = this.#core.newWait();
    const waiting: Waiting = { ino, request: c.request, waitId, stage: 'gathered', failed: false };
    this.#waiting.set(c.request, waiting);
    if (this.#opened === undefined) this.#start();
    return this.#wait(waiting);
  }

  /** The flush has been done. */
  flushed(failed: boolean): void {
    for (const fd of this.#opened ?? []) closeSync(fd);
    this.#opened = undefined;
    let more = false;
    for (const waiting of this.#waiting.values()) {
      if (waiting.stage === 'gathered') more = true;
      if (waiting.stage !== 'flushing') continue;
      waiting.stage = 'flushed';
      waiting.failed = failed;
      this.#core.ready(waiting.waitId);
    }
    if (more) this.#start();
  }

  /** Its process was interrupted: nobody waits for it any more. */
  cancel(waitId: WaitId): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.waitId !== waitId) continue;
      this.#waiting.delete(waiting.request);
      if (waiting.stage === 'exporting') this.#core.planner.barrierFailures(waitId);
    }
  }

  #wait(waiting: Waiting): Status {
    this.#core.pendingOn = waiting.waitId;
    return pending;
  }

  /** The request is repeated. */
  #goOn(waiting: Waiting): Status {
    switch (waiting.stage) {
      case 'gathered':
      case 'flushing':
        return this.#wait(waiting);
      case 'flushed':
        if (waiting.failed) return this.#answer(waiting, FsError.Io);
        if (this.#target === 'disk') return this.#answer(waiting, ok);
        waiting.stage = 'exporting';
        waiting.waitId = this.#core.planner.barrierOfFile(waiting.ino);
        return waiting.waitId === 0 ? this.#answer(waiting, ok) : this.#wait(waiting);
      case 'exporting':
        return this.#answer(waiting, this.#exported(waiting));
    }
  }

  #answer(waiting: Waiting, status: Status): Status {
    this.#waiting.delete(waiting.request);
    return status;
  }

  /** The planner has told why, in the log and in the file's status attribute. */
  #exported({ ino, waitId }: Waiting): Status {
    const [failure] = this.#core.planner.barrierFailures(waitId);
    if (failure !== undefined) return failure.error === 'NoSpace' ? FsError.NoSpace : FsError.Io;
    // It lost against S3: the version there is not this one.
    const flags = this.#core.store.get(ino)?.flags ?? 0;
    return (flags & InodeFlag.lostAndFound) === 0 ? ok : FsError.Io;
  }

  #start(): void {
    const descriptors = new Set<number>();
    this.#opened = [];
    for (const waiting of this.#waiting.values()) {
      if (waiting.stage !== 'gathered') continue;
      waiting.stage = 'flushing';
      const inode = this.#core.store.get(waiting.ino);
      if (inode === undefined) continue;
      inode.synced = true;
      const { slots, caches } = this.#core.content;
      if (isSlot(inode.place)) descriptors.add(slots.descriptor(inode.place));
      else if (isCacheFile(inode.place)) {
        // One of its own: those of cache files are closed when there are too many.
        const fd = openSync(caches.path(inode.ino, inode.place), 'r');
        this.#opened.push(fd);
        descriptors.add(fd);
      }
    }
    descriptors.add(this.#core.store.database.journalDescriptor);
    this.#flusher!.flush([...descriptors]);
  }

  #flushHere(inode: Inode): Status {
    try {
      inode.synced = true;
      this.#core.content.sync(inode);
      fdatasyncSync(this.#core.store.database.journalDescriptor);
      return ok;
    } catch {
      return FsError.Io;
    }
  }
}
