/**
 * Large files: a sparse file each, `<inode>.<generation>` in one of 256 directories, with a bounded number of
 * them open. A file's size here only says how far it was ever written; what of it counts, `Extents` says.
 *
 * What they take on disk is asked of the disk, file by file, for those that were touched since it was last asked.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failpoint, failpoint } from '../failpoint.ts';
import { blockBytes } from './extents.ts';
import { numberOf } from './place.ts';
import { punchHole } from './punch-hole.ts';

const openMax = 256;
/** A file that is written in order gets this far ahead of the disk. */
const aheadBytesMax = 8 * 1024 * 1024;

/** See `Flusher.writeBack`. */
export type WriteBack = (descriptor: number, offset: number, length: number) => boolean;

interface OpenFile {
  fd: number;
  /** Bytes written one after the other of which the disk has not been told. */
  start: number;
  end: number;
}

export class CacheFiles {
  readonly #dir: string;
  readonly #writeBack: WriteBack | undefined;
  /** By path, the least recently used first. */
  readonly #open = new Map<string, OpenFile>();
  readonly #made = new Set<string>();
  /** Bytes each file takes on disk, by path. */
  readonly #diskBytes = new Map<string, number>();
  /** Paths for which that may have changed. */
  readonly #touched = new Set<string>();
  #diskBytesInAll = 0;

  constructor(dir: string, writeBack?: WriteBack) {
    this.#dir = dir;
    this.#writeBack = writeBack;
  }

  path(ino: number, place: number): string {
    const dir = join(this.#dir, (ino & 0xff).toString(16).padStart(2, '0'));
    if (!this.#made.has(dir)) {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      this.#made.add(dir);
    }
    return join(dir, `${ino}.${numberOf(place)}`);
  }

  /** An empty file, whatever a crash may have left under its name. */
  make(ino: number, place: number): void {
    failpoint(Failpoint.cacheMake);
    const path = this.path(ino, place);
    const { O_RDWR, O_CREAT, O_TRUNC } = constants;
    this.#touched.add(path);
    this.#keep(path, openSync(path, O_RDWR | O_CREAT | O_TRUNC, 0o600));
  }

  /** Bytes beyond the end are zeros. */
  read(
    ino: number,
    place: number,
    offset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): void {
    const fd = this.#descriptor(ino, place);
    let done = 0;
    while (done < length) {
      const n = readSync(fd, into, at + done, length - done, offset + done);
      if (n === 0) break;
      done += n;
    }
    if (done < length) into.fill(0, at + done, at + length);
  }

  /** All of them, or it throws. */
  write(
    ino: number,
    place: number,
    offset: number,
    from: Uint8Array,
    at: number,
    length: number,
  ): void {
    for (let done = 0; done < length;)
      done += this.writeSome(ino, place, offset + done, from, at + done, length - done);
  }

  /** How many there was space for. Throws when there was none for any. */
  writeSome(
    ino: number,
    place: number,
    offset: number,
    from: Uint8Array,
    at: number,
    length: number,
  ): number {
    failpoint(Failpoint.cacheWrite);
    const path = this.path(ino, place);
    const file = this.#opened(path);
    this.#touched.add(path);
    const written = writeSync(file.fd, from, at, length, offset);
    this.#written(file, offset, written);
    return written;
  }

  /** What lies behind goes to the disk while the next is written: whoever calls fsync at the end waits less. */
  #written(file: OpenFile, offset: number, length: number): void {
    if (offset !== file.end) file.start = offset;
    file.end = offset + length;
    if (file.end - file.start < aheadBytesMax) return;
    // Not the block that is being written.
    const end = file.end - (file.end % blockBytes);
    if (this.#writeBack?.(file.fd, file.start, end - file.start) === true) file.start = end;
  }

  size(ino: number, place: number): number {
    return fstatSync(this.#descriptor(ino, place)).size;
  }

  /** Drops all bytes from `size` on, also when they would be needed again as zeros. */
  truncate(ino: number, place: number, size: number): void {
    ftruncateSync(this.#descriptor(ino, place), size);
    this.touched(ino, place);
  }

  /** The bytes read as zeros and take no space. False: that cannot be done here. */
  punch(ino: number, place: number, offset: number, length: number): boolean {
    this.touched(ino, place);
    return punchHole(this.#descriptor(ino, place), offset, length);
  }

  /** Its bytes have changed, here or by the transfer side. */
  touched(ino: number, place: number): void {
    this.#touched.add(this.path(ino, place));
  }

  /** A file that was there before: it counts from now on. */
  found(path: string): void {
    this.#touched.add(path);
  }

  /** What all of them take on disk. */
  diskBytes(): number {
    for (const path of this.#touched) {
      const stats = statSync(path, { throwIfNoEntry: false });
      this.#count(path, stats === undefined ? 0 : stats.blocks * 512);
    }
    this.#touched.clear();
    return this.#diskBytesInAll;
  }

  #count(path: string, bytes: number): void {
    this.#diskBytesInAll += bytes - (this.#diskBytes.get(path) ?? 0);
    if (bytes === 0) this.#diskBytes.delete(path);
    else this.#diskBytes.set(path, bytes);
  }

  sync(ino: number, place: number): void {
    fdatasyncSync(this.#descriptor(ino, place));
  }

  remove(ino: number, place: number): void {
    const path = this.path(ino, place);
    const file = this.#open.get(path);
    if (file !== undefined) {
      closeSync(file.fd);
      this.#open.delete(path);
    }
    rmSync(path, { force: true });
    this.#touched.delete(path);
    this.#count(path, 0);
  }

  close(): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #descriptor(ino: number, place: number): number {
    return this.#opened(this.path(ino, place)).fd;
  }

  #opened(path: string): OpenFile {
    const file = this.#open.get(path);
    if (file === undefined) {
      const { O_RDWR, O_CREAT } = constants;
      return this.#keep(path, openSync(path, O_RDWR | O_CREAT, 0o600));
    }
    this.#open.delete(path);
    this.#open.set(path, file);
    return file;
  }

  #keep(path: string, fd: number): OpenFile {
    const old = this.#open.get(path);
    if (old !== undefined) closeSync(old.fd);
    this.#open.delete(path);
    const file = { fd, start: 0, end: 0 };
    this.#open.set(path, file);
    if (this.#open.size > openMax) {
      const [oldest, { fd: descriptor }] = this.#open.entries().next().value!;
      closeSync(descriptor);
      this.#open.delete(oldest);
    }
    return file;
  }
}
