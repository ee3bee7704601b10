/**
 * The append-only journal: what is in it happened, what is not did not.
 *
 * Group commit: the records of one turn of the event loop go out together, as do those appended while
 * a write is under way. Files are open with O_DSYNC, so that a write has reached the disk when it
 * ends. A small write is made right here while the disk is quick: waking a disk thread and being
 * woken by it takes as long as the write. When the last one was slow, or there is much to write, a
 * disk thread does it. `durable()` resolves once everything appended so far is on the disk. When the
 * disk refuses (full, failing), nothing is acknowledged: `stalled` says why, waiting callers are
 * rejected, the records stay queued in order, and the write is tried again; the file is first cut back
 * to its last durable byte, so a half-written frame never stays.
 *
 * Files in the directory: `snapshot-N` (state before segment N), `segment-N`, `lock`. Segments below
 * the newest snapshot are deleted. A snapshot is written to a temporary name, synced and renamed,
 * so that one that exists is complete.
 */
import { Buffer } from 'node:buffer';
import {
  close as closeFile,
  constants,
  ftruncate,
  open as openFile,
  write,
  writeSync,
} from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JournalError } from './errors.ts';
import { lockDirectory } from './directory-lock.ts';
import { countFrames, frame, readSegment, SEGMENT_MAGIC } from './journal-format.ts';
import type { SegmentReading } from './journal-format.ts';
import type { Clock, Log } from './ports.ts';

const RETRY_MS = 500;
/** Snapshot slices of this size, so that a large state never stops the service for long. */
const SNAPSHOT_SLICE_BYTES = 256 * 1024;

/** A write that takes longer hands the next one to a disk thread. */
const QUICK_MS_MAX = 2;
/** More than this is the disk thread's. */
const QUICK_BYTES_MAX = 64 * 1024;

/** What the disk does; tests put a failing one here. */
export interface JournalFile {
  /** Resolves when the bytes are on the disk. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Returns when the bytes are on the disk. */
  writeNow(bytes: Uint8Array, position: number): void;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface JournalOptions {
  dir: string;
  clock: Clock;
  log: Log;
  /** Opens a segment for writing; default is the file system. */
  openFile?: (path: string) => Promise<JournalFile>;
}

/** What was found when the journal was read. */
export interface Recovery {
  records: number;
  bytes: number;
  /** A tail that was cut off: its bytes are kept in `savedAs`. */
  tornTail?: { bytes: number; reason: string; savedAs: string; recordsBeyond: number };
}

interface Waiter {
  upTo: number;
  resolve(): void;
  reject(error: Error): void;
}

export class Journal {
  readonly recovery: Recovery;
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #openFile: (path: string) => Promise<JournalFile>;
  readonly #unlock: () => Promise<void>;
  #file: JournalFile;
  #segment: number;
  #position: number;
  #snapshotBytes: number;
  #queue: Buffer[] = [];
  #appended = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #flushing = false;
  /** The last write took no longer than one may block for. */
  #quick = true;
  /** Set while a new segment waits to be written to. */
  #switch: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  #stalled: string | undefined;
  #closed = false;
  #compacting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    o: JournalOptions,
    opened: {
      recovery: Recovery;
      file: JournalFile;
      segment: number;
      position: number;
      snapshotBytes: number;
      unlock: () => Promise<void>;
    },
  ) {
    this.#dir = o.dir;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#openFile = o.openFile ?? openSegment;
    this.recovery = opened.recovery;
    this.#file = opened.file;
    this.#segment = opened.segment;
    this.#position = opened.position;
    this.#snapshotBytes = opened.snapshotBytes;
    this.#unlock = opened.unlock;
  }

  /** Reads everything there is through `each`, as JSON, oldest first, and opens the end for appending. */
  static async open(o: JournalOptions, each: (record: Buffer) => void): Promise<Journal> {
    await mkdir(o.dir, { recursive: true });
    const unlock = await lockDirectory(o.dir);
    try {
      const { snapshot, segments } = await listFiles(o.dir);
      const recovery: Recovery = { records: 0, bytes: 0 };
      let snapshotBytes = 0;
      if (snapshot !== undefined) {
        const path = join(o.dir, fileName('snapshot', snapshot));
        const bytes = await readFile(path);
        const reading = readSegment(bytes, each);
        if (reading.damage) throw damaged(path, reading);
        recovery.records += reading.records;
        recovery.bytes += bytes.length;
        snapshotBytes = bytes.length;
      }
      let position = 0;
      await dropEmptyLast(o.dir, segments);
      for (const [index, segment] of segments.entries()) {
        const path = join(o.dir, fileName('segment', segment));
        const bytes = await readFile(path);
        if (bytes.length === 0) continue;
        const reading = readSegment(bytes, each);
        if (reading.damage) {
          if (index < segments.length - 1) throw damaged(path, reading);
          recovery.tornTail = await saveTail(path, bytes, reading, o.log);
        }
        recovery.records += reading.records;
        recovery.bytes += bytes.length;
        position = reading.goodBytes;
      }
      const segment = segments.at(-1) ?? snapshot ?? 1;
      const file = await (o.openFile ?? openSegment)(join(o.dir, fileName('segment', segment)));
      await file.truncate(position);
      if (position === 0) {
        await file.write(SEGMENT_MAGIC, 0);
        position = SEGMENT_MAGIC.length;
      }
      await syncDirectory(o.dir);
      return new Journal(o, { recovery, file, segment, position, snapshotBytes, unlock });
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Why nothing is acknowledged at the moment, or undefined. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  /** All that was appended is on the disk. */
  get settled(): boolean {
    return this.#durable === this.#appended;
  }

  /** Queues a record; it is on the disk once `durable()` resolves. */
  append(record: unknown): void {
    if (this.#closed) throw new JournalError('the journal is closed');
    this.#queue.push(frame(record));
    this.#appended++;
    if (!this.#flushing) {
      this.#flushing = true;
      setImmediate(() => void this.#flush());
    }
  }

  /** Resolves when all that was appended before is durable; rejects when the disk refuses. */
  durable(): Promise<void> {
    if (this.#durable >= this.#appended) return Promise.resolve();
    if (this.#stalled !== undefined) return Promise.reject(new JournalError(this.#stalled));
    return new Promise((resolve, reject) => {
      this.#waiters.push({ upTo: this.#appended, resolve, reject });
    });
  }

  /** Like `durable`, but outlasts a stall: for work that nobody is waiting to have acknowledged. */
  async eventuallyDurable(): Promise<void> {
    const upTo = this.#appended;
    while (this.#durable < upTo && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#waiters.push({ upTo, resolve, reject: () => resolve() });
      });
      if (this.#durable < upTo && !this.#closed) {
        await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
      }
    }
    if (this.#durable < upTo) throw new JournalError('the journal is closed');
  }

  /**
   * True when the segments have outgrown the state they describe, so that a snapshot pays.
   * `bytesMin` keeps small journals as they are.
   */
  wantsCompaction(bytesMin: number): boolean {
    return (
      this.#compacting === undefined && this.#position > Math.max(bytesMin, 2 * this.#snapshotBytes)
    );
  }

  /**
   * Starts a new segment and writes a snapshot of the state in slices while the service goes on.
   * `records` must yield states as they are when asked, each carrying the sequence number of the
   * last record it contains, because records that follow are in the new segment already.
   */
  async compact(records: Iterable<unknown>): Promise<void> {
    if (this.#compacting !== undefined) return;
    this.#compacting = this.#compact(records);
    try {
      await this.#compacting;
    } finally {
      this.#compacting = undefined;
    }
  }

  async #compact(records: Iterable<unknown>): Promise<void> {
    await this.#rotate();
    const covers = this.#segment;
    const temporary = join(this.#dir, `snapshot-${covers}.tmp`);
    const handle = await open(temporary, 'w');
    let size = SEGMENT_MAGIC.length;
    try {
      await handle.write(SEGMENT_MAGIC);
      let slice: Buffer[] = [];
      let sliceBytes = 0;
      for (const record of records) {
        const bytes = frame(record);
        slice.push(bytes);
        sliceBytes += bytes.length;
        size += bytes.length;
        if (sliceBytes >= SNAPSHOT_SLICE_BYTES) {
          await handle.write(Buffer.concat(slice));
          slice = [];
          sliceBytes = 0;
        }
      }
      if (slice.length > 0) await handle.write(Buffer.concat(slice));
      // What the snapshot shows must be durable itself before older segments go.
      await this.durable();
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(this.#dir, fileName('snapshot', covers)));
    await syncDirectory(this.#dir);
    this.#snapshotBytes = size;
    await removeBefore(this.#dir, covers);
  }

  /** Writes what is queued, when the disk lets it, and releases the directory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.durable().catch(() => {});
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new JournalError('the journal is closed'));
    }
    // Whatever is under way must not find its descriptor closed, or given to another file.
    await this.#writing;
    this.#switch?.();
    await this.#compacting?.catch(() => {});
    await this.#file.close();
    await this.#unlock();
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0 && !this.#closed) {
      // Not while the disk refuses: the half-written batch is cut off the file it went to.
      if (this.#stalled === undefined) this.#switch?.();
      const batch = this.#queue;
      this.#queue = [];
      const bytes = batch.length === 1 ? batch[0]! : Buffer.concat(batch);
      try {
        const before = this.#clock.now();
        if (this.#quick && this.#stalled === undefined && bytes.length <= QUICK_BYTES_MAX) {
          this.#file.writeNow(bytes, this.#position);
        } else {
          const writing = this.#write(bytes);
          this.#writing = writing.catch(() => {});
          await writing;
        }
        this.#quick = this.#clock.now() - before <= QUICK_MS_MAX;
      } catch (error) {
        this.#queue = [...batch, ...this.#queue];
        this.#stall(error as Error);
        await new Promise<void>((resolve) => this.#clock.after(RETRY_MS, resolve));
        continue;
      }
      this.#position += bytes.length;
      this.#durable += batch.length;
      if (this.#stalled !== undefined) {
        this.#stalled = undefined;
        this.#log('info', 'the journal can be written again');
      }
      this.#settle();
    }
    this.#flushing = false;
    if (this.#stalled === undefined) this.#switch?.();
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#stalled !== undefined) await this.#file.truncate(this.#position);
    await this.#file.write(bytes, this.#position);
  }

  #settle(): void {
    let kept = 0;
    for (const waiter of this.#waiters) {
      if (waiter.upTo <= this.#durable) waiter.resolve();
      else this.#waiters[kept++] = waiter;
    }
    this.#waiters.length = kept;
  }

  #stall(error: Error): void {
    const reason = `the journal in ${this.#dir} cannot be written: ${error.message}; free some space or repair the disk, nothing is acknowledged until then`;
    if (this.#stalled === undefined) this.#log('error', reason);
    this.#stalled = reason;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new JournalError(reason));
  }

  /** Goes on in a new, empty segment: between two writes, or at once when nothing is written. */
  async #rotate(): Promise<void> {
    const next = this.#segment + 1;
    const file = await this.#openFile(join(this.#dir, fileName('segment', next)));
    await file.write(SEGMENT_MAGIC, 0);
    await syncDirectory(this.#dir);
    const old = await new Promise<JournalFile>((resolve) => {
      this.#switch = () => {
        this.#switch = undefined;
        resolve(this.#file);
        this.#file = file;
        this.#segment = next;
        this.#position = SEGMENT_MAGIC.length;
      };
      if (!this.#flushing) this.#switch();
    });
    await old.close();
  }
}

function openSegment(path: string): Promise<JournalFile> {
  return new Promise((resolve, reject) => {
    openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, (error, fd) => {
      if (error) reject(error);
      else resolve(journalFile(fd));
    });
  });
}

/** Callbacks, because the promises of node:fs cost as much as the rest of a checkpoint. */
function journalFile(fd: number): JournalFile {
  return {
    write: (bytes, position) =>
      new Promise((resolve, reject) => {
        let done = 0;
        const next = (): void => {
          write(fd, bytes, done, bytes.length - done, position + done, (error, written) => {
            done += written ?? 0;
            if (error) reject(error);
            else if (done < bytes.length) next();
            else resolve();
          });
        };
        next();
      }),
    writeNow(bytes, position) {
      for (let done = 0; done < bytes.length;)
        done += writeSync(fd, bytes, done, bytes.length - done, position + done);
    },
    truncate: promisify(ftruncate).bind(undefined, fd),
    close: promisify(closeFile).bind(undefined, fd),
  };
}

async function saveTail(
  path: string,
  bytes: Buffer,
  reading: SegmentReading,
  log: Log,
): Promise<NonNullable<Recovery['tornTail']>> {
  const tail = bytes.subarray(reading.goodBytes);
  const savedAs = `${path}.torn-at-${reading.goodBytes}`;
  await writeFile(savedAs, tail);
  const recordsBeyond = countFrames(tail);
  const torn = {
    bytes: tail.length,
    reason: reading.damage!.reason,
    savedAs,
    recordsBeyond,
  };
  log(
    recordsBeyond > 0 ? 'error' : 'warn',
    'the journal ended in a torn write; its bytes were set aside',
    { ...torn },
  );
  return torn;
}

function damaged(path: string, reading: SegmentReading): JournalError {
  return new JournalError(
    `${path} is damaged at byte ${reading.goodBytes} (${reading.damage!.reason}) and newer records follow: ` +
      'restore the file from a copy, or move the whole directory away to start empty',
  );
}

async function listFiles(
  dir: string,
): Promise<{ snapshot: number | undefined; segments: number[] }> {
  const names = await readdir(dir);
  const numbers = (kind: string): number[] =>
    names
      .map((name) => new RegExp(`^${kind}-(\\d+)$`).exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  for (const name of names) {
    if (name.endsWith('.tmp')) await rm(join(dir, name), { force: true });
  }
  const snapshot = numbers('snapshot').at(-1);
  const segments = numbers('segment').filter((n) => snapshot === undefined || n >= snapshot);
  if (snapshot !== undefined) await removeBefore(dir, snapshot);
  return { snapshot, segments };
}

/** A segment without records was made by a rotation that was cut short: the one before is the last. */
async function dropEmptyLast(dir: string, segments: number[]): Promise<void> {
  while (segments.length > 1) {
    const path = join(dir, fileName('segment', segments.at(-1)!));
    if ((await stat(path)).size > SEGMENT_MAGIC.length) return;
    await rm(path);
    segments.pop();
  }
}

async function removeBefore(dir: string, covers: number): Promise<void> {
  for (const name of await readdir(dir)) {
    const match = /^(?:segment|snapshot)-(\d+)$/.exec(name);
    if (match && Number(match[1]) < covers) await rm(join(dir, name), { force: true });
  }
}

function fileName(kind: 'segment' | 'snapshot', number: number): string {
  return `${kind}-${String(number).padStart(8, '0')}`;
}

async function syncDirectory(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
