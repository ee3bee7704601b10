/**
 * One log file per function, `<dir>/<name>.log`: every line its workers write, with START, END and
 * REPORT of each invocation. Written synchronously, in the order in which lines arrive; kept below
 * two files of `BYTES_MAX`, so that a handler that prints without end cannot fill the disk.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import type { Log } from './ports.ts';

const BYTES_MAX = 32 * 1024 * 1024;

export class FunctionLog {
  readonly #path: string;
  readonly #log: Log;
  #fd: number;
  #bytes: number;
  #failed = false;

  constructor(dir: string, name: string, log: Log) {
    mkdirSync(dir, { recursive: true });
    this.#path = join(dir, `${name}.log`);
    this.#log = log;
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    try {
      if (this.#bytes + bytes.byteLength > BYTES_MAX) this.#rotate();
      writeSync(this.#fd, bytes);
      this.#bytes += bytes.byteLength;
    } catch (cause) {
      // The invocation goes on: its caller still gets the lines.
      if (!this.#failed)
        this.#log('warn', 'a function log cannot be written', {
          path: this.#path,
          cause: String(cause),
        });
      this.#failed = true;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #rotate(): void {
    renameSync(this.#path, `${this.#path}.1`);
    closeSync(this.#fd);
    this.#fd = openSync(this.#path, 'a', 0o600);
    this.#bytes = 0;
  }
}
