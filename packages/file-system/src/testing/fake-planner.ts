/** A planner that only takes notes, and plays the S3 side when the test says so. For tests only. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Planner } from '../core/core.ts';
import { Kind, rootIno, type Result } from '../operations.ts';
import type { ConflictRecord, RemoteAttributes, Settlement } from '../sync/port.ts';
import type { Fixture } from './fixture.ts';

export class FakePlanner implements Planner {
  readonly #fx: Fixture;
  readonly needs: { ino: number; offset: number; length: number }[] = [];
  readonly changes: { ino: number; bits: number }[] = [];
  readonly notes: string[] = [];
  fetching = false;
  readonly conflictList: ConflictRecord[] = [];
  /** Directories that are not to be had yet. */
  readonly unlisted: Set<number> = new Set();
  readonly attributes: RemoteAttributes = remoteAttributes;
  #wait = 0;

  constructor(fx: Fixture) {
    this.#fx = fx;
    fx.fs.attach(this);
  }

  created(ino: number): void {
    this.notes.push(`created ${this.#fx.fs.tree.nameOf(ino)}`);
  }
  changed(ino: number, bits: number): void {
    this.changes.push({ ino, bits });
  }
  moved(ino: number, _oldParent: number, oldName: string): void {
    this.notes.push(`moved ${oldName} ${this.#fx.fs.tree.nameOf(ino)}`);
  }
  unlinked(ino: number, _parent: number, name: string): void {
    this.notes.push(`unlinked ${name} ${this.#fx.fs.tree.base(ino)}`);
  }
  needDirectory(ino: number): Result {
    return this.unlisted.has(ino) ? ++this.#wait : 0;
  }
  needTree(ino: number): Result {
    return this.needDirectory(ino);
  }
  needAttributes(): Result {
    return ++this.#wait;
  }
  needRange(ino: number, offset: number, length: number): Result {
    this.needs.push({ ino, offset, length });
    return ++this.#wait;
  }
  passed(): void {
    // Nothing is ever fetched ahead.
  }
  isFetching(): boolean {
    return this.fetching;
  }
  touched(): void {}
  barrierOfFile(): number {
    return ++this.#wait;
  }
  barrierFailures(): [] {
    return [];
  }
  conflicts(): readonly ConflictRecord[] {
    return this.conflictList;
  }
  settle(id: string, { how, path }: Settlement): void {
    this.notes.push(`settled ${id} ${how} ${path}`);
  }
  statusText(ino: number): string {
    return `S3Key: s3://bucket/${this.#fx.fs.tree.nameOf(ino)}\n`;
  }

  /** Writes `r`s into the cache file where bytes are missing, as the transfer side would. */
  download(ino: number, start: number, end: number): void {
    const { tree } = this.#fx.fs;
    const fd = openSync(tree.cacheFile(ino)!, 'r+');
    for (const span of tree.missing(ino)) {
      const from = Math.max(span.start, start);
      const to = Math.min(span.end, end);
      if (from < to) writeSync(fd, Buffer.alloc(to - from, 'r'), 0, to - from, from);
    }
    closeSync(fd);
    tree.markPresent(ino, { start, end });
  }
}

const remoteAttributes: RemoteAttributes = {
  kind: Kind.file,
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSec: 1000,
  mtimeNsec: 5,
  known: true,
};

/** A file in the root that is in S3 only. */
export function remoteFile(fx: Fixture, name: string, size: number): number {
  return fx.fs.tree.addRemote(rootIno, name, { ...remoteAttributes, size });
}
