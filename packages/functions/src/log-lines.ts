/** Output of a worker as lines. */
import { StringDecoder } from 'node:string_decoder';

/** Lambda cuts a log event at 256 KiB. */
const LINE_CHARS_MAX = 262_144;

/** Cuts a byte stream into lines; what is no UTF-8 becomes U+FFFD, a lone \r ends no line. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    while (this.#rest.length > LINE_CHARS_MAX) {
      this.#onLine(this.#rest.slice(0, LINE_CHARS_MAX));
      this.#rest = this.#rest.slice(LINE_CHARS_MAX);
    }
  }

  /** Passes on what has no line end yet. */
  flush(): void {
    if (this.#rest === '') return;
    const line = this.#rest;
    this.#rest = '';
    this.#onLine(line);
  }
}

/** Keeps the last `bytesMax` bytes of lines. */
export class LogTail {
  readonly #bytesMax: number;
  #lines: string[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#bytes += Buffer.byteLength(line) + 1;
    while (this.#lines.length > 1) {
      const first = Buffer.byteLength(this.#lines[0]!) + 1;
      if (this.#bytes - first < this.#bytesMax) break;
      this.#lines.shift();
      this.#bytes -= first;
    }
  }

  toString(): string {
    const all = Buffer.from(this.#lines.map((line) => `${line}\n`).join(''));
    let start = Math.max(0, all.byteLength - this.#bytesMax);
    // Not in the middle of a character.
    while (start > 0 && start < all.byteLength && (all[start]! & 0xc0) === 0x80) start++;
    return all.toString('utf8', start);
  }
}
