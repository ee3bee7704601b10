// Numbers for the versions of each function's code, kept in the stack's state directory.
//
// A durable execution keeps the version it began with; so the same number must stand for the same
// code when the stack is brought up again, even if the sources have changed meanwhile.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FunctionBuild } from '../build/build-functions.ts';

export interface FunctionVersion extends FunctionBuild {
  /** Digits, counting from 1. */
  readonly version: string;
}

type VersionTable = Record<string, FunctionVersion[]>;

export class Versions {
  readonly #file: string;
  readonly #table: VersionTable;
  #changed = false;

  /** Reads `versions.json` of the directory, if there is one. */
  constructor(stateDir: string) {
    this.#file = path.join(stateDir, 'versions.json');
    this.#table = existsSync(this.#file)
      ? (JSON.parse(readFileSync(this.#file, 'utf8')) as VersionTable)
      : {};
  }

  /** All versions of a function whose code still exists, the given build last. */
  publish(functionName: string, build: FunctionBuild): FunctionVersion[] {
    const known = (this.#table[functionName] ??= []);
    let current = known.find(({ hash }) => hash === build.hash);
    if (!current || current.codeDir !== build.codeDir || current.handler !== build.handler) {
      const version = current?.version ?? String(known.length + 1);
      const published = { ...build, version };
      if (current) known[known.indexOf(current)] = published;
      else known.push(published);
      current = published;
      this.#changed = true;
    }
    const others = known.filter((other) => other !== current && existsSync(other.codeDir));
    return [...others, current];
  }

  /** To be called after the last `publish`, before any execution begins. */
  save(): void {
    if (!this.#changed) return;
    const temporary = `${this.#file}.new`;
    writeFileSync(temporary, JSON.stringify(this.#table, null, 1));
    renameSync(temporary, this.#file);
    this.#changed = false;
  }
}
