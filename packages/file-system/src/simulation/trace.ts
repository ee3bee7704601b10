import { createHash } from 'node:crypto';

/** What happened, in order. Two runs of a seed have the same hash. */
export class Trace {
  readonly lines: string[] = [];
  readonly #hash = createHash('sha256');

  add(line: string): void {
    this.lines.push(line);
    this.#hash.update(`${line}\n`);
  }

  hash(): string {
    return this.#hash.copy().digest('hex');
  }
}
