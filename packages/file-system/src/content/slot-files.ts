/**
 * Small files, packed: one file per size class, cut into slots.
 *
 * A slot that was freed is used again only after the database has committed that it is free: otherwise a power
 * failure could bring back a file whose slot holds somebody else's bytes.
 */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Failpoint, failpoint } from '../failpoint.ts';
import { isSlot, numberOf, sizeClassOf, slotBytes, slotPlace } from './place.ts';

interface SizeClass {
  fd: number;
  bytes: number;
  free: number[];
  /** Freed since the last commit. */
  freed: number[];
  /** No slot at or above this is in use. */
  end: number;
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
      return { fd: openSync(join(dir, `slots-${bytes}`), 'r+'), bytes, free, freed: [], end };
    });
  }

  allocate(sizeClass: number): number {
    const { free } = this.#classes[sizeClass]!;
    return slotPlace(sizeClass, free.pop() ?? this.#classes[sizeClass]!.end++);
  }

  free(place: number): void {
    this.#classes[sizeClassOf(place)]!.freed.push(numberOf(place));
  }

  /** The slot was allocated but never became part of a committed inode. */
  cancel(place: number): void {
    this.#classes[sizeClassOf(place)]!.free.push(numberOf(place));
  }

  /** The database has committed. A class of which most is free gives the free end of its file back. */
  committed(): void {
    for (const sizeClass of this.#classes) {
      const { free, freed, fd, bytes } = sizeClass;
      if (freed.length === 0) continue;
      for (const slot of freed) free.push(slot);
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

  write(place: number, offset: number, from: Uint8Array, at: number, length: number): void {
    const { fd, bytes } = this.#classes[sizeClassOf(place)]!;
    const start = numberOf(place) * bytes + offset;
    failpoint(Failpoint.slotWrite);
    for (let done = 0; done < length;)
      done += writeSync(fd, from, at + done, length - done, start + done);
  }

  sync(place: number): void {
    fdatasyncSync(this.#classes[sizeClassOf(place)]!.fd);
  }

  close(): void {
    for (const { fd } of this.#classes) closeSync(fd);
  }
}
