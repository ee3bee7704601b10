/**
 * Large files: a sparse file each, `<inode>.<generation>` in one of 256 directories, with a bounded number of
 * them open. A file's size here only says how far it was ever written; what of it counts, `Extents` says.
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
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failpoint, failpoint } from '../failpoint.ts';
import { numberOf } from './place.ts';

const openMax = 256;

export class CacheFiles {
  readonly #dir: string;
  /** Open descriptors by path, the least recently used first. */
  readonly #open = new Map<string, number>();
  readonly #made = new Set<string>();

  constructor(dir: string) {
    this.#dir = dir;
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

  write(
    ino: number,
    place: number,
    offset: number,
    from: Uint8Array,
    at: number,
    length: number,
  ): void {
    failpoint(Failpoint.cacheWrite);
    const fd = this.#descriptor(ino, place);
    for (let done = 0; done < length;)
      done += writeSync(fd, from, at + done, length - done, offset + done);
  }

  size(ino: number, place: number): number {
    return fstatSync(this.#descriptor(ino, place)).size;
  }

  /** Drops all bytes from `size` on, also when they would be needed again as zeros. */
  truncate(ino: number, place: number, size: number): void {
    ftruncateSync(this.#descriptor(ino, place), size);
  }

  sync(ino: number, place: number): void {
    fdatasyncSync(this.#descriptor(ino, place));
  }

  remove(ino: number, place: number): void {
    const path = this.path(ino, place);
    const fd = this.#open.get(path);
    if (fd !== undefined) {
      closeSync(fd);
      this.#open.delete(path);
    }
    rmSync(path, { force: true });
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #descriptor(ino: number, place: number): number {
    const path = this.path(ino, place);
    const fd = this.#open.get(path);
    if (fd === undefined) {
      const { O_RDWR, O_CREAT } = constants;
      return this.#keep(path, openSync(path, O_RDWR | O_CREAT, 0o600));
    }
    this.#open.delete(path);
    this.#open.set(path, fd);
    return fd;
  }

  #keep(path: string, fd: number): number {
    const old = this.#open.get(path);
    if (old !== undefined) closeSync(old);
    this.#open.delete(path);
    this.#open.set(path, fd);
    if (this.#open.size > openMax) {
      const [oldest, descriptor] = this.#open.entries().next().value!;
      closeSync(descriptor);
      this.#open.delete(oldest);
    }
    return fd;
  }
}
