/**
 * Data brought in before anybody reads it: the small files of a directory that was looked into for the first time
 * (trigger ON_DIRECTORY_FIRST_ACCESS), or of which one had to be fetched; and the rest of a file of which a part was
 * read and that is to be here whole.
 *
 * It is bounded in requests and in bytes under way, gives way to exports, stops where the cache would have to give
 * something up for it, and takes the directory first that was used last. What does not fit into the queue, or fails,
 * is fetched when it is read.
 */
import { Kind } from '../operations.ts';
import type { Context } from './context.ts';
import type { Evictor } from './evictor.ts';
import { aheadBytesMax } from './heads.ts';
import type { Heads } from './heads.ts';
import type { Lanes } from './lanes.ts';
import type { Ranges } from './ranges.ts';

const jobsMax = 24;
const jobsMaxWhileExporting = 8;
const bytesMax = 32 * 1024 * 1024;
const queuedMax = 262_144;
/** Neighbours of a file that had to be fetched. */
const neighboursMax = 1_000;
const neighbourBytesMax = 64 * 1024 * 1024;

interface Batch {
  directory: number;
  files: number[];
  /** Those before it are done. */
  at: number;
}

export class Prefetch {
  readonly #context: Context;
  readonly #heads: Heads;
  readonly #ranges: Ranges;
  readonly #evictor: Evictor;
  readonly #lanes: Lanes;
  /** The last one is worked on. */
  readonly #batches: Batch[] = [];
  readonly #queued = new Set<number>();
  #files = 0;
  #jobs = 0;
  #bytes = 0;

  constructor(parts: {
    context: Context;
    heads: Heads;
    ranges: Ranges;
    evictor: Evictor;
    lanes: Lanes;
  }) {
    this.#context = parts.context;
    this.#heads = parts.heads;
    this.#ranges = parts.ranges;
    this.#evictor = parts.evictor;
    this.#lanes = parts.lanes;
  }

  /** Its children have just been listed for the first time. */
  listed(directory: number): void {
    const rule = this.#context.synchronization.importRule(directory);
    if (rule.trigger !== 'ON_DIRECTORY_FIRST_ACCESS' || rule.sizeLessThan === 0) return;
    this.#collect(directory, 0, queuedMax, Infinity);
  }

  /** A small file had to be fetched: whoever reads one of a directory usually reads them all. */
  missed(ino: number): void {
    const { tree, synchronization } = this.#context;
    const directory = tree.parentOf(ino);
    if (directory === 0 || this.#queued.has(directory)) return;
    if (synchronization.importRule(directory).trigger !== 'ON_DIRECTORY_FIRST_ACCESS') return;
    this.#collect(directory, ino, neighboursMax, neighbourBytesMax);
  }

  /** The file is to be here whole. */
  rest(ino: number): void {
    this.#add({ directory: -ino, files: [ino], at: 0 });
  }

  #collect(directory: number, after: number, countMax: number, sizeMax: number): void {
    if (this.#queued.has(directory)) return;
    const { sizeLessThan } = this.#context.synchronization.importRule(directory);
    const files: number[] = [];
    let bytes = 0;
    this.#context.tree.childrenAfter(directory, after, (_, ino, kind) => {
      if (kind !== Kind.file) return true;
      const size = this.#context.attributes(ino)?.size ?? 0;
      if (size === 0 || size >= sizeLessThan) return true;
      bytes += size;
      files.push(ino);
      return files.length < countMax && bytes < sizeMax;
    });
    this.#add({ directory, files, at: 0 });
  }

  #add(batch: Batch): void {
    if (batch.files.length === 0 || this.#queued.has(batch.directory)) return;
    this.#queued.add(batch.directory);
    this.#batches.push(batch);
    this.#files += batch.files.length;
    while (this.#files > queuedMax && this.#batches.length > 1) this.#drop(0);
    this.#send();
  }

  #drop(index: number): void {
    const [batch] = this.#batches.splice(index, 1);
    if (batch === undefined) return;
    this.#queued.delete(batch.directory);
    this.#files -= batch.files.length - batch.at;
  }

  #send(): void {
    const lanes = this.#lanes.jobs > 0 ? jobsMaxWhileExporting : jobsMax;
    while (this.#jobs < lanes && this.#bytes < bytesMax) {
      const batch = this.#batches.at(-1);
      if (batch === undefined) return;
      if (!this.#evictor.hasRoom(this.#bytes)) {
        while (this.#batches.length > 0) this.#drop(0);
        return;
      }
      const ino = batch.files[batch.at++];
      if (ino === undefined) {
        this.#batches.pop();
        this.#queued.delete(batch.directory);
        continue;
      }
      this.#files--;
      this.#bring(ino);
    }
  }

  /** The next piece of the file, until nothing is missing. */
  #bring(ino: number): void {
    const a = this.#context.attributes(ino);
    if (a === undefined || a.kind !== Kind.file || this.#context.tree.dirty(ino) !== 0) return;
    const { sizeLessThan } = this.#context.synchronization.importRule(
      this.#context.tree.parentOf(ino),
    );
    if (a.size >= sizeLessThan) return;
    const isKnown = this.#context.tree.isKnown(ino);
    const bytes = isKnown ? this.#ranges.nextPieceBytes(ino) : Math.min(a.size, aheadBytesMax);
    if (bytes === 0) return;
    this.#jobs++;
    this.#bytes += bytes;
    const done = (ok: boolean): void => {
      this.#jobs--;
      this.#bytes -= bytes;
      const goesOn = ok && (isKnown || this.#context.tree.isKnown(ino));
      if (goesOn && this.#evictor.hasRoom(this.#bytes)) this.#bring(ino);
      this.#send();
    };
    const isSent = isKnown ? this.#ranges.ahead(ino, done) : this.#heads.ahead(ino, done);
    if (isSent) return;
    this.#jobs--;
    this.#bytes -= bytes;
  }
}
