/**
 * Small files, packed: one file per size class, cut into slots.
 *
 * A slot that was freed is used again, and its space given back, only after the database has committed that it is
 * free: otherwise a power failure could bring back a file whose slot holds somebody else's bytes.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failpoint, failpoint } from '../failpoint.ts';
import { isSlot, numberOf, sizeClassOf, slotBytes, slotPlace } from './place.ts';
import { punchHole } from './punch-hole.ts';

/** The unit in which disks give space back. */
const pageBytes = 4096;
/** Less than this is soon used again. */
const givenBackBytesMin = 1024 * 1024;

interface SizeClass {
  fd: number;
  bytes: number;
  free: number[];
  /** Freed since the last commit. */
  freed: number[];
  /** No slot at or above this is in use. */
  end: number;
  /** 1 for each slot that holds a file (or did until the coming commit). */
  used: Uint8Array;
}

export class SlotFiles {
  readonly #classes: SizeClass[];

  /** `places` calls back with every place in use. */
  constructor(dir: string, places: (each: (place: number) => void) => void) {
    const used: number[][] = slotBytes.map(() => []);
    places((place) => {
      if (isSlot(place)) used[sizeClassOf(place)]!.push(numberOf(place));
    });
    this.#classes = slotBytes.map((bytes, index) => {
      const slots = used[index]!.sort((a, b) => a - b);
      const free: number[] = [];
      let end = 0;
      for (const slot of slots) {
        for (; end < slot; end++) free.push(end);
        end = slot + 1;
      }
      // The lowest first, so that files stay dense.
      free.reverse();
      const fd = openSync(join(dir, `slots-${bytes}`), 'a+', 0o600);
      closeSync(fd);
      const inUse = new Uint8Array(Math.max(1024, end * 2));
      for (const slot of slots) inUse[slot] = 1;
      const path = join(dir, `slots-${bytes}`);
      return { fd: openSync(path, 'r+'), bytes, free, freed: [], end, used: inUse };
    });
  }

  /** What all of them take on disk. */
  diskBytes(): number {
    let blocks = 0;
    for (const { fd } of this.#classes) blocks += fstatSync(fd).blocks;
    return blocks * 512;
  }

  allocate(sizeClass: number): number {
    const { free } = this.#classes[sizeClass]!;
    const slot = free.pop() ?? this.#classes[sizeClass]!.end++;
    this.#setUsed(sizeClass, slot, 1);
    return slotPlace(sizeClass, slot);
  }

  #setUsed(sizeClass: number, slot: number, value: 0 | 1): void {
    const owner = this.#classes[sizeClass]!;
    if (slot >= owner.used.length) {
      const wider = new Uint8Array(slot * 2);
      wider.set(owner.used);
      owner.used = wider;
    }
    owner.used[slot] = value;
  }

  free(place: number): void {
    this.#classes[sizeClassOf(place)]!.freed.push(numberOf(place));
  }

  /** The slot was allocated but never became part of a committed inode. */
  cancel(place: number): void {
    this.#setUsed(sizeClassOf(place), numberOf(place), 0);
    this.#classes[sizeClassOf(place)]!.free.push(numberOf(place));
  }

  /**
   * The database has committed: what was freed can be used again. With `givesBack`, or when it is much, it takes no
   * space until then.
   */
  committed(givesBack: boolean): void {
    for (const sizeClass of this.#classes) {
      const { free, freed, fd, bytes, used } = sizeClass;
      if (freed.length === 0) continue;
      for (const slot of freed) {
        free.push(slot);
        used[slot] = 0;
      }
      if (givesBack || freed.length * bytes >= givenBackBytesMin) givePagesBack(sizeClass);
      freed.length = 0;
      if (free.length * 2 < sizeClass.end) continue;
      // The lowest last: that is where `allocate` takes from.
      free.sort((a, b) => b - a);
      let kept = 0;
      while (free[kept] === sizeClass.end - 1) {
        kept++;
        sizeClass.end--;
      }
      free.splice(0, kept);
      if (kept > 0) ftruncateSync(fd, sizeClass.end * bytes);
    }
  }

  /** Bytes beyond the end of the slot file are zeros. */
  read(place: number, offset: number, length: number, into: Uint8Array, at: number): void {
    const { fd, bytes } = this.#classes[sizeClassOf(place)]!;
    const start = numberOf(place) * bytes + offset;
    let done = 0;
    while (done < length) {
      const n = readSync(fd, into, at + done, length - done, start + done);
      if (n === 0) break;
      done += n;
    }
    if (done < length) into.fill(0, at + done, at + length);
  }

  /** All of them, or it throws. */
  write(place: number, offset: number, from: Uint8Array, at: number, length: number): void {
    for (let done = 0; done < length;)
      done += this.writeSome(place, offset + done, from, at + done, length - done);
  }

  /** How many there was space for. Throws when there was none for any. */
  writeSome(place: number, offset: number, from: Uint8Array, at: number, length: number): number {
    const { fd, bytes } = this.#classes[sizeClassOf(place)]!;
    failpoint(Failpoint.slotWrite);
    return writeSync(fd, from, at, length, numberOf(place) * bytes + offset);
  }

  /** The open file a place is in, until `close`. */
  descriptor(place: number): number {
    return this.#classes[sizeClassOf(place)]!.fd;
  }

  sync(place: number): void {
    fdatasyncSync(this.#classes[sizeClassOf(place)]!.fd);
  }

  close(): void {
    for (const { fd } of this.#classes) closeSync(fd);
  }
}

/** Pages that hold no slot in use any more, neighbours in one call. */
function givePagesBack({ fd, bytes, freed, used }: SizeClass): void {
  let start = 0;
  let end = 0;
  for (const slot of freed.sort((a, b) => a - b)) {
    const first = freePageStart(slot, bytes, used);
    const last = freePageEnd(slot, bytes, used);
    if (last <= first) continue;
    if (first > end) {
      punchHole(fd, start, end - start);
      start = first;
    }
    end = Math.max(end, last);
  }
  punchHole(fd, start, end - start);
}

/** Where the free pages that the slot reaches into begin. */
function freePageStart(slot: number, bytes: number, used: Uint8Array): number {
  const page = Math.floor((slot * bytes) / pageBytes) * pageBytes;
  for (let at = Math.floor(page / bytes); at < slot; at++) {
    if (used[at] === 1) return page + pageBytes;
  }
  return page;
}

function freePageEnd(slot: number, bytes: number, used: Uint8Array): number {
  const page = Math.ceil(((slot + 1) * bytes) / pageBytes) * pageBytes;
  for (let at = slot + 1; at * bytes < page; at++) {
    if (used[at] === 1) return page - pageBytes;
  }
  return page;
}
