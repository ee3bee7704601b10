/**
 * The bytes of files: reading, writing and cutting, over packed slots (small files) and cache files (large).
 *
 * Order within a change: bytes first (that may find the disk full), then the inode and its blocks, all inside
 * the caller's transaction; files and slots that became superfluous are given up after it (`settle`). So after a
 * crash the inode never speaks of bytes that are not there, and an unacknowledged write may at most have
 * touched the bytes it was asked to write.
 *
 * Blocks that are holes are zeros in the cache file as well, so that it can be read and uploaded as it is.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failpoint, failpoint } from '../failpoint.ts';
import { FsError, ok, type Status } from '../operations.ts';
import { isNoSpace } from '../store/database.ts';
import type { Inode } from '../store/inode.ts';
import type { Store } from '../store/store.ts';
import { CacheFiles, type WriteBack } from './cache-files.ts';
import { blockBytes, BlockState, Extents } from './extents.ts';
import {
  cacheFilePlace,
  classFor,
  isCacheFile,
  isSlot,
  noPlace,
  sizeClassOf,
  slotBytes,
  smallBytesMax,
} from './place.ts';
import { SlotFiles } from './slot-files.ts';

/** Bytes [start, end). */
export interface Span {
  start: number;
  end: number;
}

const zeros = new Uint8Array(smallBytesMax);

export class Content {
  readonly store: Store;
  readonly slots: SlotFiles;
  readonly caches: CacheFiles;
  /** Given up by the current transaction. */
  readonly #discarded: { ino: number; place: number }[] = [];
  /** Given up for S3 to keep: their space goes with the next commit of the database, which `reclaim` makes. */
  readonly #evicted: { ino: number; place: number; span: Span | undefined }[] = [];
  /** Bytes put here since `diskBytes` was last asked for. */
  grownBytes = 0;
  readonly #buffer = new Uint8Array(smallBytesMax);

  constructor(dir: string, store: Store, writeBack?: WriteBack) {
    this.store = store;
    const contentDir = join(dir, 'content');
    mkdirSync(contentDir, { recursive: true, mode: 0o700 });
    this.slots = new SlotFiles(contentDir, (each) => store.eachPlace(each));
    this.caches = new CacheFiles(contentDir, writeBack);
    this.#sweep(contentDir);
    store.database.afterCommit = () => this.#committed();
  }

  /** What all content takes on disk. Free slots that share a page of the disk with used ones count. */
  diskBytes(): number {
    this.grownBytes = 0;
    return this.slots.diskBytes() + this.caches.diskBytes();
  }

  /** In units of 512 bytes. */
  blocks(inode: Inode): number {
    const whole = Math.ceil(inode.size / 512);
    if (isSlot(inode.place)) return whole;
    if (inode.place === noPlace) return Math.ceil(Math.min(inode.size, inode.baseEnd) / 512);
    const used = this.store
      .extents(inode)
      .count([BlockState.clean, BlockState.dirty, BlockState.remote]);
    return Math.min(whole, used * (blockBytes / 512));
  }

  /** Whether some byte of [start, end) is only in S3. */
  isAbsent(inode: Inode, start: number, end: number): boolean {
    if (isSlot(inode.place) || start >= inode.baseEnd || end <= start) return false;
    if (inode.place === noPlace) return true;
    let absent = false;
    this.store.extents(inode).each(blockOf(start), blockAfter(end), (first, _end, state) => {
      if (state === BlockState.remote && first * blockBytes < inode.baseEnd) absent = true;
    });
    return absent;
  }

  /**
   * What has to be here before [start, end) can be replaced (blocks are kept whole); undefined = nothing.
   * There may be more than one such span: ask again when this one is here.
   */
  neededToWrite(inode: Inode, start: number, end: number): Span | undefined {
    if (isSlot(inode.place) || inode.baseEnd === 0) return undefined;
    const covers = (from: number, to: number): boolean => start <= from && end >= to;
    if (inode.place === noPlace && Math.max(inode.size, end) <= smallBytesMax)
      return covers(0, inode.baseEnd) ? undefined : { start: 0, end: inode.baseEnd };
    for (const block of [blockOf(start), blockOf(end - 1)]) {
      const from = block * blockBytes;
      const to = Math.min(from + blockBytes, inode.baseEnd);
      const remote =
        inode.place === noPlace
          ? from < to
          : this.store.extents(inode).stateAt(block) === BlockState.remote && from < to;
      if (remote && !covers(from, to)) return { start: from, end: to };
    }
    return undefined;
  }

  /** Bytes that are here or nowhere (see `isAbsent`); [offset, offset + length) lies within the file. */
  read(inode: Inode, offset: number, length: number, into: Uint8Array, at: number): void {
    if (isSlot(inode.place)) this.slots.read(inode.place, offset, length, into, at);
    else if (inode.place === noPlace) into.fill(0, at, at + length);
    else this.caches.read(inode.ino, inode.place, offset, length, into, at);
  }

  /**
   * Sets bytes and size. Returns how many bytes the disk had space for; 0: for none, and nothing has changed.
   * `neededToWrite` must be undefined, and `length` not 0. Inside a transaction.
   */
  write(inode: Inode, offset: number, from: Uint8Array, at: number, length: number): number {
    let written: number;
    try {
      if (Math.max(inode.size, offset + length) <= smallBytesMax && !isCacheFile(inode.place))
        written = this.#writeSmall(inode, offset, from, at, length);
      else written = this.#writeLarge(inode, offset, from, at, length);
    } catch (error) {
      if (isNoSpace(error)) return 0;
      throw error;
    }
    if (written === 0) return 0;
    if (offset + written > inode.size) inode.size = offset + written;
    this.grownBytes += written;
    this.store.touch(inode);
    return written;
  }

  /** Inside a transaction; on NoSpace nothing has changed. Bytes cut off or added read as zeros later. */
  truncate(inode: Inode, size: number): Status {
    try {
      if (size === 0) this.drop(inode);
      else if (size < inode.size) this.#shrink(inode, size);
      else if (size > inode.size) this.#grow(inode, size);
    } catch (error) {
      if (isNoSpace(error)) return FsError.NoSpace;
      throw error;
    }
    inode.size = size;
    this.store.touch(inode);
    return ok;
  }

  /** The file has no bytes here any more, and none of S3's either. Inside a transaction. */
  drop(inode: Inode): void {
    if (inode.place !== noPlace) {
      this.#discarded.push({ ino: inode.ino, place: inode.place });
      if (isCacheFile(inode.place)) this.store.replaceExtents(inode, undefined);
      inode.place = noPlace;
    }
    inode.baseEnd = 0;
    this.store.touch(inode);
  }

  /**
   * S3 has the same bytes, and from now on it alone has them: all of the file or (`span`, whole blocks of a cache
   * file that are clean) some. Inside a transaction, with `reclaim` after it before anything else is done.
   */
  release(inode: Inode, span?: Span): void {
    this.#evicted.push({ ino: inode.ino, place: inode.place, span });
    if (span !== undefined) {
      this.store.setBlocks(inode, blockOf(span.start), blockAfter(span.end), BlockState.remote);
      return;
    }
    if (isCacheFile(inode.place)) this.store.replaceExtents(inode, undefined);
    inode.place = noPlace;
    this.store.touch(inode);
  }

  /**
   * The space of what was released goes back to the disk. Not before the database has committed that the bytes are
   * in S3 only: after a power failure they would be taken for zeros.
   */
  reclaim(): void {
    if (this.#evicted.length > 0) this.store.database.commit();
    // No commit for lack of space: blocks may be downloaded again from now on, and cannot be cut out any more.
    const files = this.#evicted.filter(({ span }) => span === undefined);
    this.#evicted.splice(0, this.#evicted.length, ...files);
  }

  #committed(): void {
    const isReclaimed = this.#evicted.length > 0;
    if (isReclaimed) failpoint(Failpoint.contentReclaim);
    for (const { ino, place, span } of this.#evicted) {
      if (isSlot(place)) this.slots.free(place);
      else if (span === undefined) this.caches.remove(ino, place);
      else this.caches.punch(ino, place, span.start, span.end - span.start);
    }
    this.#evicted.length = 0;
    this.slots.committed(isReclaimed);
  }

  /** The inode is about to be removed from the store. Inside a transaction. */
  discard(inode: Inode): void {
    if (inode.place !== noPlace) this.#discarded.push({ ino: inode.ino, place: inode.place });
  }

  /** After the transaction was committed. */
  settle(): void {
    if (this.#discarded.length === 0) return;
    failpoint(Failpoint.contentSettle);
    for (const { ino, place } of this.#discarded) {
      if (isSlot(place)) this.slots.free(place);
      else this.caches.remove(ino, place);
    }
    this.#discarded.length = 0;
  }

  /** Gives a file that has none (or a slot) a cache file with the same bytes. Inside a transaction. */
  toCacheFile(inode: Inode): void {
    if (isCacheFile(inode.place)) return;
    const place = cacheFilePlace(this.store.newGeneration());
    this.caches.make(inode.ino, place);
    const extents = new Extents();
    if (isSlot(inode.place)) {
      const dirty = inode.baseEnd === 0;
      this.slots.read(inode.place, 0, inode.size, this.#buffer, 0);
      try {
        this.caches.write(inode.ino, place, 0, this.#buffer, 0, inode.size);
      } catch (error) {
        this.caches.remove(inode.ino, place);
        throw error;
      }
      extents.set(0, 1, dirty ? BlockState.dirty : BlockState.clean);
      this.#discarded.push({ ino: inode.ino, place: inode.place });
    } else {
      extents.set(0, blockAfter(inode.baseEnd), BlockState.remote);
    }
    const wasHere = isSlot(inode.place);
    inode.place = place;
    if (wasHere) this.#stayDurable(inode);
    this.store.replaceExtents(inode, extents);
    this.store.touch(inode);
  }

  /** Puts all bytes of a small file into a slot. `bytes` is the whole file. Inside a transaction. */
  fillSlot(inode: Inode, bytes: Uint8Array): void {
    const place = this.slots.allocate(classFor(bytes.length));
    try {
      this.slots.write(place, 0, bytes, 0, bytes.length);
    } catch (error) {
      this.slots.cancel(place);
      throw error;
    }
    inode.place = place;
    this.store.touch(inode);
  }

  /**
   * Its bytes have moved. Any fsync or commit makes the row with the new place durable; where the bytes were promised
   * to be, they have to be before. Only files that were synced pay for it.
   */
  #stayDurable(inode: Inode): void {
    if (inode.synced) this.sync(inode);
  }

  /** Durable on disk; the inode's row is the database's business. */
  sync(inode: Inode): void {
    if (isSlot(inode.place)) this.slots.sync(inode.place);
    else if (isCacheFile(inode.place)) this.caches.sync(inode.ino, inode.place);
  }

  close(): void {
    this.slots.close();
    this.caches.close();
  }

  #writeSmall(inode: Inode, offset: number, from: Uint8Array, at: number, length: number): number {
    const end = offset + length;
    const old = inode.place;
    let written = length;
    if (isSlot(old) && slotBytes[sizeClassOf(old)]! >= end) {
      if (offset > inode.size) this.slots.write(old, inode.size, zeros, 0, offset - inode.size);
      written = this.slots.writeSome(old, offset, from, at, length);
    } else {
      const size = Math.max(inode.size, end);
      const whole = this.#buffer;
      if (isSlot(old)) this.slots.read(old, 0, inode.size, whole, 0);
      else whole.fill(0, 0, inode.size);
      if (offset > inode.size) whole.fill(0, inode.size, offset);
      whole.set(from.subarray(at, at + length), offset);
      this.fillSlot(inode, whole.subarray(0, size));
      if (isSlot(old)) {
        this.#discarded.push({ ino: inode.ino, place: old });
        this.#stayDurable(inode);
      }
    }
    // Small files are exported whole.
    inode.baseEnd = 0;
    return written;
  }

  #writeLarge(inode: Inode, offset: number, from: Uint8Array, at: number, length: number): number {
    this.toCacheFile(inode);
    if (offset > inode.size) this.#clearBeyondEnd(inode);
    let written = this.caches.writeSome(inode.ino, inode.place, offset, from, at, length);
    if (written < length) written = this.#wholeBlocks(inode, offset, written);
    if (written > 0)
      this.store.setBlocks(inode, blockOf(offset), blockAfter(offset + written), BlockState.dirty);
    return written;
  }

  /** Of so many bytes written, those that count: a block whose other bytes are in S3 only was to be written whole. */
  #wholeBlocks(inode: Inode, offset: number, written: number): number {
    const last = blockOf(offset + written);
    const isAbsent = this.isAbsent(inode, last * blockBytes, (last + 1) * blockBytes);
    return isAbsent ? Math.max(0, last * blockBytes - offset) : written;
  }

  /** Bytes of a write that was never finished may be behind the end, where there will be zeros now. */
  #clearBeyondEnd(inode: Inode): void {
    if (this.caches.size(inode.ino, inode.place) > inode.size)
      this.caches.truncate(inode.ino, inode.place, inode.size);
  }

  #shrink(inode: Inode, size: number): void {
    if (isCacheFile(inode.place)) {
      if (this.caches.size(inode.ino, inode.place) > size)
        this.caches.truncate(inode.ino, inode.place, size);
      const end = Math.max(blockAfter(inode.size), blockAfter(inode.baseEnd));
      this.store.setBlocks(inode, blockAfter(size), end, BlockState.hole);
    }
    inode.baseEnd = Math.min(inode.baseEnd, size);
  }

  #grow(inode: Inode, size: number): void {
    if (isCacheFile(inode.place)) this.#clearBeyondEnd(inode);
    if (!isSlot(inode.place)) return;
    if (size > smallBytesMax) this.toCacheFile(inode);
    else {
      const place = inode.place;
      if (slotBytes[sizeClassOf(place)]! >= size)
        this.slots.write(place, inode.size, zeros, 0, size - inode.size);
      else {
        this.slots.read(place, 0, inode.size, this.#buffer, 0);
        this.#buffer.fill(0, inode.size, size);
        this.fillSlot(inode, this.#buffer.subarray(0, size));
        this.#discarded.push({ ino: inode.ino, place });
        this.#stayDurable(inode);
      }
      inode.baseEnd = 0;
    }
  }

  /** Cache files that no inode speaks of: made or given up when the last process died. */
  #sweep(contentDir: string): void {
    for (const shard of readdirSync(contentDir, { withFileTypes: true })) {
      if (!shard.isDirectory()) continue;
      for (const name of readdirSync(join(contentDir, shard.name))) {
        const [ino, generation] = name.split('.').map(Number);
        const inode = this.store.get(ino!);
        const path = join(contentDir, shard.name, name);
        if (inode === undefined || inode.place !== cacheFilePlace(generation!))
          rmSync(path, { force: true });
        else this.caches.found(path);
      }
    }
  }
}

/** The block a byte is in. */
export function blockOf(offset: number): number {
  return Math.floor(offset / blockBytes);
}
/** The first block that begins at or after this byte. */
export function blockAfter(offset: number): number {
  return Math.ceil(offset / blockBytes);
}
