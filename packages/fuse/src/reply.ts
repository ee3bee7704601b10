/** The reply being written, in one preallocated buffer: header, then `length` counts the body. */
import { replyHeaderBytes } from './wire.ts';

/** The largest body: a READ of 1 MiB. */
const bytesMax = replyHeaderBytes + 1024 * 1024 + 4096;

export class ReplyBuffer {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  /** Body bytes to send. Reset before each request. */
  length = 0;

  constructor() {
    const memory = new ArrayBuffer(bytesMax);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
  }

  u16(at: number, value: number): void {
    this.bytes[at] = value & 0xff;
    this.bytes[at + 1] = (value >>> 8) & 0xff;
  }
  u32(at: number, value: number): void {
    this.#words[at >> 2] = value;
  }
  /** A whole number of either sign below 2^53. */
  u64(at: number, value: number): void {
    this.#words[at >> 2] = value >>> 0;
    this.#words[(at >> 2) + 1] = Math.floor(value / 0x1_0000_0000);
  }
  node(at: number, view: number, ino: number): void {
    this.#words[at >> 2] = ino >>> 0;
    this.#words[(at >> 2) + 1] = Math.floor(ino / 0x1_0000_0000) + view * 0x1_0000;
  }
  zero(from: number, to: number): void {
    this.#words.fill(0, from >> 2, to >> 2);
  }
  /** Writes the header and returns how many bytes to send. */
  finish(errno: number, uniqueLow: number, uniqueHigh: number): number {
    const total = replyHeaderBytes + (errno === 0 ? this.length : 0);
    this.#words[0] = total;
    this.#words[1] = -errno;
    this.#words[2] = uniqueLow;
    this.#words[3] = uniqueHigh;
    return total;
  }
}
