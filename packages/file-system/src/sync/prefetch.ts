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
/** Directories that wait; the one that was used the longest ago is dropped when there are more. */
const batchesMax = 4_096;
/** Children of a directory that are looked at in one go. */
const chunkFiles = 512;
/** Neighbours of a file that had to be fetched. */
const neighboursMax = 1_000;
const neighbourBytesMax = 64 * 1024 * 1024;
/** Of a directory that nobody has looked into yet. */
const aheadFilesMax = 256;
const aheadBytesPerDirectoryMax = 4 * 1024 * 1024;

interface Batch {
  /** A directory, or the negative of a file that is to be here whole. */
  id: number;
  files: number[];
  /** Those before it are done. */
  at: number;
  /** The next files are those of the directory behind this one, so many and so many bytes of them. */
  after: number;
  filesLeft: number;
  bytesLeft: number;
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

  /** Its children have just been listed for the first time; `smallestBytes`: of those that are not empty. */
  listed(directory: number, smallestBytes: number = 1): void {
    const rule = this.#context.synchronization.importRule(directory);
    if (rule.trigger !== 'ON_DIRECTORY_FIRST_ACCESS' || rule.sizeLessThan <= smallestBytes) return;
    // Listed ahead, and now it is looked into: it comes first, and all of it.
    const waiting = this.#batches.findIndex((batch) => batch.id === directory);
    if (waiting >= 0) this.#drop(waiting);
    this.#add({
      id: directory,
      files: [],
      at: 0,
      after: 0,
      filesLeft: Infinity,
      bytesLeft: Infinity,
    });
  }

  /** It has been listed before anybody looked into it: some of its files, after those that are more likely to be read. */
  listedAhead(directory: number): void {
    const rule = this.#context.synchronization.importRule(directory);
    if (rule.trigger !== 'ON_DIRECTORY_FIRST_ACCESS' || rule.sizeLessThan === 0) return;
    if (this.#queued.has(directory) || this.#batches.length >= batchesMax) return;
    this.#queued.add(directory);
    this.#batches.unshift({
      id: directory,
      files: [],
      at: 0,
      after: 0,
      filesLeft: aheadFilesMax,
      bytesLeft: aheadBytesPerDirectoryMax,
    });
    this.#send();
  }

  /** A small file had to be fetched: whoever reads one of a directory usually reads them all. */
  missed(ino: number): void {
    const { tree, synchronization } = this.#context;
    const directory = tree.parentOf(ino);
    if (directory === 0 || this.#queued.has(directory)) return;
    if (synchronization.importRule(directory).trigger !== 'ON_DIRECTORY_FIRST_ACCESS') return;
    this.#add({
      id: directory,
      files: [],
      at: 0,
      after: ino,
      filesLeft: neighboursMax,
      bytesLeft: neighbourBytesMax,
    });
  }

  /** The file is to be here whole. */
  rest(ino: number): void {
    this.#add({ id: -ino, files: [ino], at: 0, after: 0, filesLeft: 0, bytesLeft: 0 });
  }

  #add(batch: Batch): void {
    if (this.#queued.has(batch.id)) return;
    this.#queued.add(batch.id);
    this.#batches.push(batch);
    if (this.#batches.length > batchesMax) this.#drop(0);
    this.#send();
  }

  #drop(index: number): void {
    const [batch] = this.#batches.splice(index, 1);
    if (batch !== undefined) this.#queued.delete(batch.id);
  }

  #send(): void {
    const lanes = this.#lanes.jobs > 0 ? jobsMaxWhileExporting : jobsMax;
    while (this.#jobs < lanes && this.#bytes < bytesMax) {
      const batch = this.#batches.at(-1);
      if (batch === undefined) return;
      if (!this.#evictor.hasRoom(this.#bytes)) {
        this.#batches.length = 0;
        this.#queued.clear();
        return;
      }
      const ino = batch.files[batch.at++];
      if (ino !== undefined) this.#bring(ino);
      else if (!this.#refill(batch)) this.#drop(this.#batches.length - 1);
    }
  }

  /** The next small files of the directory. False: there are no more. */
  #refill(batch: Batch): boolean {
    batch.files = [];
    batch.at = 0;
    if (batch.filesLeft <= 0 || batch.bytesLeft <= 0) return false;
    const { sizeLessThan } = this.#context.synchronization.importRule(batch.id);
    let looked = 0;
    this.#context.tree.childrenAfter(batch.id, batch.after, (_, ino, kind) => {
      batch.after = ino;
      const size = kind === Kind.file ? (this.#context.attributes(ino)?.size ?? 0) : 0;
      if (size > 0 && size < sizeLessThan) {
        batch.files.push(ino);
        batch.filesLeft--;
        batch.bytesLeft -= size;
      }
      return ++looked < chunkFiles && batch.filesLeft > 0 && batch.bytesLeft > 0;
    });
    return looked > 0;
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
