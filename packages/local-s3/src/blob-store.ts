/**
 * Bodies: immutable runs of bytes ("blobs"), small ones in the index, big ones a file each under
 * `blobs/`. A file is complete and synced, and so is its name, before a transaction may name it;
 * it is unlinked after the transaction that dropped its last reference is durable and its last
 * reader is done. A crash leaves at most files that nothing names: they are removed at start.
 */
import {
  close,
  closeSync,
  fdatasync,
  fsync,
  mkdirSync,
  open,
  openSync,
  read,
  readdirSync,
  rm,
  rmSync,
  writev,
} from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StatementSync } from 'node:sqlite';
import type { Database } from './database.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readFile = promisify(read);
const writeVectors = promisify(writev);
const syncFile = promisify(fdatasync);
const syncDirectory = promisify(fsync);

/** Bodies up to this many bytes live in the index. */
export const inlineBytesMax: number = 128 * 1024;
const writeBytesMin = 512 * 1024;
const readBytesMax = 512 * 1024;

/** `length` bytes of blob `blob` from `offset`. */
export type Extent = readonly [blob: number, offset: number, length: number];

/** A body that no transaction has named yet. */
export interface FreshBlob {
  readonly id: number;
  readonly size: number;
  /** The bytes, when they go into the index; else the file is complete and synced. */
  readonly inline: Buffer | undefined;
}

/** Collects a body: in memory while small, then in a file. */
export class BlobWriter {
  readonly #store: BlobStore;
  readonly #id: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #size = 0;
  #fd: number | undefined;

  constructor(store: BlobStore, id: number) {
    this.#store = store;
    this.#id = id;
  }

  /** Keeps the buffer. A promise means: wait before giving more. */
  add(data: Buffer): Promise<void> | undefined {
    this.#chunks.push(data);
    this.#buffered += data.length;
    this.#size += data.length;
    return this.#buffered >= writeBytesMin ? this.#spill() : undefined;
  }

  async #spill(): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#buffered = 0;
    this.#fd ??= await openFile(this.#store.path(this.#id), 'wx', 0o600);
    let left = chunks.filter((c) => c.length > 0);
    while (left.length > 0) {
      let { bytesWritten } = await writeVectors(this.#fd, left.slice(0, 1024));
      let i = 0;
      for (; i < left.length && bytesWritten >= left[i]!.length; i++)
        bytesWritten -= left[i]!.length;
      left = left.slice(i);
      if (bytesWritten > 0) left[0] = left[0]!.subarray(bytesWritten);
    }
  }

  /** Makes the body durable if it is a file. */
  async finish(): Promise<FreshBlob> {
    if (this.#fd === undefined && this.#size <= inlineBytesMax) {
      return {
        id: this.#id,
        size: this.#size,
        inline: this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks),
      };
    }
    await this.#spill();
    const fd = this.#fd as unknown as number;
    await syncFile(fd);
    this.#fd = undefined;
    await closeFile(fd);
    await this.#store.syncNames();
    return { id: this.#id, size: this.#size, inline: undefined };
  }

  /** Throws away what was written. */
  async abandon(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    this.#chunks = [];
    if (fd !== undefined) await closeFile(fd).catch(() => undefined);
    this.#store.removeFile(this.#id);
  }
}

/** The blobs of one directory. */
export class BlobStore {
  readonly #database: Database;
  readonly #nextId: () => number;
  readonly #dir: string;
  readonly #dirFd: number;
  readonly #readers = new Map<number, number>();
  readonly #doomed = new Set<number>();
  readonly #insert: StatementSync;
  readonly #addReference: StatementSync;
  readonly #dropReference: StatementSync;
  readonly #remove: StatementSync;
  readonly #body: StatementSync;

  constructor(dir: string, database: Database, nextId: () => number) {
    this.#database = database;
    this.#nextId = nextId;
    this.#dir = join(dir, 'blobs');
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    this.#dirFd = openSync(this.#dir, 'r');
    this.#insert = database.prepare('INSERT INTO blobs VALUES (?, 1, ?, ?)');
    this.#addReference = database.prepare('UPDATE blobs SET refs = refs + 1 WHERE id = ?');
    this.#dropReference = database.prepare(
      'UPDATE blobs SET refs = refs - 1 WHERE id = ? RETURNING refs, body IS NULL AS file',
    );
    this.#remove = database.prepare('DELETE FROM blobs WHERE id = ?');
    this.#body = database.prepare('SELECT body FROM blobs WHERE id = ?');
    this.#sweep();
  }

  #sweep(): void {
    const exists = this.#database.prepare('SELECT 1 FROM blobs WHERE id = ? AND body IS NULL');
    for (const name of readdirSync(this.#dir)) {
      if (exists.get(Number(name)) === undefined) rmSync(join(this.#dir, name), { force: true });
    }
  }

  path(id: number): string {
    return join(this.#dir, String(id));
  }

  startWriting(): BlobWriter {
    return new BlobWriter(this, this.#nextId());
  }

  async syncNames(): Promise<void> {
    await syncDirectory(this.#dirFd);
  }

  /** Removes a file that nothing names. */
  removeFile(id: number): void {
    if (this.#database.isBroken) return;
    rm(this.path(id), { force: true }, () => undefined);
  }

  /** Within a write: takes the body in with one reference. */
  adopt(blob: FreshBlob): Extent[] {
    this.#insert.run(blob.id, blob.size, blob.inline ?? null);
    return blob.size === 0 ? [[blob.id, 0, 0]] : [[blob.id, 0, blob.size]];
  }

  /** Within a write: one more reference an extent. */
  share(extents: readonly Extent[]): void {
    for (const [id] of extents) {
      if (this.#addReference.run(id).changes !== 1) throw new Error(`local-s3: no blob ${id}`);
    }
  }

  /** Within a write: one reference less an extent; the last one removes the blob. */
  release(extents: readonly Extent[]): void {
    for (const [id] of extents) {
      const row = this.#dropReference.get(id) as { refs: number; file: number };
      if (row.refs > 0) continue;
      this.#remove.run(id);
      if (row.file === 0) continue;
      this.#database.whenDurable(() => {
        if (this.#readers.has(id)) this.#doomed.add(id);
        else this.removeFile(id);
      });
    }
  }

  /** The whole body, when it is one extent within the index. */
  inlineBytes(extents: readonly Extent[]): Buffer | undefined {
    const [extent] = extents;
    if (extents.length !== 1 || extent === undefined || extent[2] > inlineBytesMax)
      return undefined;
    const body = this.#inlineBody(extent[0]);
    return body?.subarray(extent[1], extent[1] + extent[2]);
  }

  #inlineBody(id: number): Buffer | undefined {
    const { body } = this.#body.get(id) as { body: Uint8Array | null };
    return body === null ? undefined : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  /**
   * Reads bytes `start` to `end` (exclusive) of a body. Keeps its blobs from removal before it
   * returns, so call it in the turn in which the extents were looked up, and end it by reading it
   * all or by `return()`.
   */
  read(extents: readonly Extent[], start: number, end: number): AsyncGenerator<Buffer, void> {
    const wanted: { id: number; from: number; to: number; inline: Buffer | undefined }[] = [];
    let at = 0;
    for (const [id, offset, length] of extents) {
      const from = Math.max(start, at);
      const to = Math.min(end, at + length);
      if (from < to) {
        const inline = length <= inlineBytesMax ? this.#inlineBody(id) : undefined;
        if (inline === undefined) this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
        wanted.push({ id, from: offset + from - at, to: offset + to - at, inline });
      }
      at += length;
    }
    const stream = this.#stream(wanted);
    // Runs it to its first yield: only a generator that has begun cleans up when it is returned.
    void stream.next();
    return stream;
  }

  async *#stream(
    wanted: { id: number; from: number; to: number; inline: Buffer | undefined }[],
  ): AsyncGenerator<Buffer, void> {
    let next = 0;
    try {
      yield Buffer.alloc(0);
      for (; next < wanted.length; next++) {
        const { id, from, to, inline } = wanted[next]!;
        if (inline === undefined) {
          yield* this.#streamFile(id, from, to);
          this.#leave(id);
        } else {
          yield inline.subarray(from, to);
        }
      }
    } finally {
      for (; next < wanted.length; next++) {
        const { id, inline } = wanted[next]!;
        if (inline === undefined) this.#leave(id);
      }
    }
  }

  async *#streamFile(id: number, from: number, to: number): AsyncGenerator<Buffer, void> {
    const fd = await openFile(this.path(id), 'r');
    try {
      for (let at = from; at < to;) {
        const buffer = Buffer.allocUnsafe(Math.min(readBytesMax, to - at));
        const { bytesRead } = await readFile(fd, buffer, 0, buffer.length, at);
        if (bytesRead === 0)
          throw new Error(`local-s3: ${this.path(id)} is shorter than its index says`);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await closeFile(fd);
    }
  }

  #leave(id: number): void {
    const readers = (this.#readers.get(id) ?? 1) - 1;
    if (readers > 0) {
      this.#readers.set(id, readers);
      return;
    }
    this.#readers.delete(id);
    if (this.#doomed.delete(id)) this.removeFile(id);
  }

  close(): void {
    closeSync(this.#dirFd);
  }
}
