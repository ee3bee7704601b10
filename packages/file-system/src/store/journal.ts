/**
 * The redo log: what was committed since the database's last own commit.
 *
 * Appending a record is storing it in the memory of a file that has its full size from the start, so it survives
 * kill -9 of the process, cannot fail for lack of space, and costs a microsecond where a database commit costs
 * a hundred. `reset` starts again at the beginning; records left from an earlier round have lower sequence
 * numbers, and a torn record has a wrong checksum: both end the replay.
 *
 * Record: length u32, crc32 of the rest u32, sequence f64, payload (UTF-8 JSON). Little endian.
 */
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { Failpoint, failpoint } from '../failpoint.ts';
import { mapFile, type MappedFile } from './map-file.ts';

const headerBytes = 16;

export class Journal {
  readonly #fd: number;
  readonly #mapped: MappedFile;
  readonly bytesMax: number;
  #at = 0;
  #sequence = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'r+', 0o600);
    this.bytesMax = fstatSync(this.#fd).size;
    this.#mapped = mapFile(this.#fd, this.bytesMax, path);
  }

  /** Makes the file with its blocks, whole or not at all. Throws ENOSPC. */
  static make(path: string, bytes: number): void {
    const unfinished = `${path}.new`;
    try {
      const fd = openSync(unfinished, 'w', 0o600);
      try {
        const zeros = Buffer.alloc(1 << 20);
        for (let at = 0; at < bytes;)
          at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      rmSync(unfinished, { force: true });
      throw error;
    }
    renameSync(unfinished, path);
  }

  get sequence(): number {
    return this.#sequence;
  }

  get bytesLeft(): number {
    return this.bytesMax - this.#at;
  }

  /** False when it does not fit; nothing is written then. */
  append(payload: string): boolean {
    const { bytes } = this.#mapped;
    const at = this.#at;
    // UTF-8 needs at most three bytes for a character.
    if (headerBytes + payload.length * 3 > this.bytesLeft)
      if (headerBytes + Buffer.byteLength(payload) > this.bytesLeft) return false;
    failpoint(Failpoint.journalAppend);
    const length = bytes.write(payload, at + headerBytes, 'utf8');
    const end = at + headerBytes + length;
    bytes.writeUInt32LE(length, at);
    bytes.writeDoubleLE(this.#sequence + 1, at + 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 8, end)), at + 4);
    this.#at = end;
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
    const all = this.#mapped.bytes;
    this.#at = 0;
    this.#sequence = sequence;
    let at = 0;
    let expected = 0;
    while (at + headerBytes <= all.length) {
      const length = all.readUInt32LE(at);
      const end = at + headerBytes + length;
      if (length === 0 || end > all.length) break;
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
    this.#mapped.unmap();
    closeSync(this.#fd);
  }
}
