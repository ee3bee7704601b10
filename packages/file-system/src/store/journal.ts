/**
 * The redo log: what was committed since the database's last own commit.
 *
 * Appending a record is one write(2) into a file that has its full size from the start, so it survives kill -9
 * of the process, cannot fail for lack of space, and costs a few microseconds where a database commit costs
 * a hundred. `reset` starts again at the beginning; records left from an earlier round have lower sequence
 * numbers, and a torn record has a wrong checksum: both end the replay.
 *
 * Record: length u32, crc32 of the rest u32, sequence f64, payload (UTF-8 JSON). Little endian.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { Failpoint, failpoint } from '../failpoint.ts';

const headerBytes = 16;

export class Journal {
  readonly #fd: number;
  readonly bytesMax: number;
  #at = 0;
  #sequence = 0;
  #buffer: Buffer = Buffer.allocUnsafe(65536);

  constructor(path: string) {
    this.#fd = openSync(path, 'r+', 0o600);
    this.bytesMax = fstatSync(this.#fd).size;
  }

  /** Makes the file with its blocks. Throws ENOSPC. */
  static make(path: string, bytes: number): void {
    const fd = openSync(path, 'w', 0o600);
    const zeros = Buffer.alloc(1 << 20);
    for (let at = 0; at < bytes;) {
      at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at);
    }
    fsyncSync(fd);
    closeSync(fd);
  }

  get sequence(): number {
    return this.#sequence;
  }

  get bytesLeft(): number {
    return this.bytesMax - this.#at;
  }

  /** False when it does not fit; nothing is written then. */
  append(payload: string): boolean {
    // UTF-8 needs at most two bytes for a character of a binary string, three for any other.
    const room = headerBytes + payload.length * 3;
    if (this.#buffer.length < room) this.#buffer = Buffer.allocUnsafe(room * 2);
    const buffer = this.#buffer;
    const length = buffer.write(payload, headerBytes, 'utf8');
    const end = headerBytes + length;
    if (end > this.bytesLeft) return false;
    buffer.writeUInt32LE(length, 0);
    buffer.writeDoubleLE(this.#sequence + 1, 8);
    buffer.writeUInt32LE(crc32(buffer.subarray(8, end)), 4);
    failpoint(Failpoint.journalAppend);
    for (let done = 0; done < end;)
      done += writeSync(this.#fd, buffer, done, end - done, this.#at + done);
    this.#at += end;
    this.#sequence++;
    failpoint(Failpoint.journalAppended);
    return true;
  }

  /** The database has everything up to here. */
  reset(): void {
    this.#at = 0;
  }

  /**
   * Calls `each` for the records above `sequence`, in order, and leaves the journal ready to append after the
   * last of them.
   */
  replay(sequence: number, each: (payload: string) => void): void {
    const all = Buffer.allocUnsafe(this.bytesMax);
    let filled = 0;
    for (let n = 1; n > 0 && filled < all.length; filled += n)
      n = readSync(this.#fd, all, filled, all.length - filled, filled);
    this.#at = 0;
    this.#sequence = sequence;
    let at = 0;
    let expected = 0;
    while (at + headerBytes <= filled) {
      const length = all.readUInt32LE(at);
      const end = at + headerBytes + length;
      if (length === 0 || end > filled) break;
      const found = all.readDoubleLE(at + 8);
      if (expected !== 0 && found !== expected) break;
      if (crc32(all.subarray(at + 8, end)) !== all.readUInt32LE(at + 4)) break;
      expected = found + 1;
      at = end;
      if (found <= sequence) continue;
      each(all.toString('utf8', at - length, at));
      this.#sequence = found;
      this.#at = end;
    }
  }

  /** To be flushed. */
  get descriptor(): number {
    return this.#fd;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
