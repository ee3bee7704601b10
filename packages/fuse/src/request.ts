/**
 * The request being handled, read in place from one preallocated buffer.
 *
 * 64-bit fields are read as two 32-bit halves: a node id is `view · 2^48 + inode` and so does not fit a
 * double as a whole, everything else (offsets, sizes, `unique`) does. Machines we serve are little-endian.
 */
import { requestHeaderBytes } from './wire.ts';

const bytesMax = 1024 * 1024 + 64 * 1024;

export class RequestBuffer {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #longs: BigUint64Array;
  readonly #signedLongs: BigInt64Array;

  constructor() {
    // Not from Node's shared pool: offset 0, so that the views below are aligned.
    const memory = new ArrayBuffer(bytesMax);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#longs = new BigUint64Array(memory);
    this.#signedLongs = new BigInt64Array(memory);
  }

  u32(at: number): number {
    return this.#words[at >> 2]!;
  }
  /** A 64-bit value that is known to stay below 2^53. */
  u64(at: number): number {
    return this.#words[at >> 2]! + this.#words[(at >> 2) + 1]! * 0x1_0000_0000;
  }
  bigU64(at: number): bigint {
    return this.#longs[at >> 3]!;
  }
  i64(at: number): number {
    return Number(this.#signedLongs[at >> 3]!);
  }
  /** The inode in a node id: its lower 48 bits. */
  inode(at: number): number {
    return this.#words[at >> 2]! + (this.#words[(at >> 2) + 1]! & 0xffff) * 0x1_0000_0000;
  }
  /** The view in a node id: its upper 16 bits. */
  view(at: number): number {
    return this.#words[(at >> 2) + 1]! >>> 16;
  }
  /** A NUL-ended name as a binary string; `nameEnd` is then the offset after its NUL. */
  name(at: number): string {
    const end = this.bytes.indexOf(0, at);
    this.nameEnd = end + 1;
    return this.bytes.toString('latin1', at, end);
  }
  nameEnd = 0;

  length(): number {
    return this.#words[0]!;
  }
  opcode(): number {
    return this.#words[1]!;
  }
  uniqueLow(): number {
    return this.#words[2]!;
  }
  uniqueHigh(): number {
    return this.#words[3]!;
  }
  uid(): number {
    return this.#words[6]!;
  }
  gid(): number {
    return this.#words[7]!;
  }
  pid(): number {
    return this.#words[8]!;
  }
  /** A copy of the whole request, to be loaded again later. */
  copy(): Uint8Array {
    return new Uint8Array(this.bytes.subarray(0, Math.max(this.length(), requestHeaderBytes)));
  }
  load(copy: Uint8Array): void {
    this.bytes.set(copy, 0);
  }
}
