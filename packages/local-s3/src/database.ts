/**
 * The index database with group commit.
 *
 * All statements run on the one thread, synchronously: a function given to `write` sees and changes
 * a consistent state, so two conditional writes can never both win. Writes of one turn of the event
 * loop share one transaction. It is committed to the write-ahead log (which survives kill -9), then
 * the log is synced off-thread (which survives power loss), and only then does `settled` resolve and
 * may an answer leave. While one batch is being synced, the next one fills.
 *
 * SQLite runs with synchronous=NORMAL: it syncs the log before every checkpoint by itself, so syncing
 * the log after each commit is all that durability still lacks. The log's file can be opened
 * beside SQLite because SQLite takes its locks on the database file only. The exclusive locking mode
 * is also what keeps a second process out of the directory.
 */
import { closeSync, fdatasync, fsyncSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { S3Failure } from './s3-error.ts';

interface Batch {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly whenDurable: (() => void)[];
}

/** What an error of SQLite or the file system means to a client. */
export function storageFailure(error: unknown): S3Failure | undefined {
  const e = error as { code?: string; errcode?: number; errstr?: string; message?: string };
  const sqlite = e.code === 'ERR_SQLITE_ERROR';
  if (e.code === 'ENOSPC' || e.code === 'EDQUOT' || (sqlite && (e.errcode ?? 0) % 256 === 13)) {
    return new S3Failure('InternalError', {
      status: 507,
      message:
        'The disk of this S3 endpoint is full; nothing was stored. Free space there and try again.',
    });
  }
  if (sqlite || e.code === 'EIO' || e.code === 'EROFS' || e.code === 'EMFILE') {
    return new S3Failure('InternalError', {
      message: `This S3 endpoint cannot use its directory: ${e.message ?? 'unknown error'}`,
    });
  }
  return undefined;
}

/** Opens the index and takes the directory for this process. */
export class Database {
  readonly #sql: DatabaseSync;
  readonly #directoryFd: number;
  readonly #logFd: number;
  readonly #onRollback: (() => void)[] = [];
  #open: Batch | undefined;
  #syncing: Batch | undefined;
  #broken: unknown;
  #closed = false;

  constructor(dir: string, schema: string) {
    const path = join(dir, 'index.db');
    this.#sql = new DatabaseSync(path, { timeout: 0 });
    try {
      this.#sql.exec('PRAGMA page_size=8192; PRAGMA locking_mode=EXCLUSIVE');
      this.#sql.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL');
      this.#sql.exec('PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-65536');
      this.#sql.exec('PRAGMA temp_store=MEMORY');
      this.#sql.exec(`BEGIN IMMEDIATE; ${schema}; COMMIT`);
      this.#logFd = openSync(`${path}-wal`, 'r+');
    } catch (error) {
      this.#sql.close();
      const { errcode = 0, message } = error as { errcode?: number; message: string };
      if (errcode % 256 === 5 || errcode % 256 === 6) {
        throw new Error(
          `local-s3: the directory ${dir} is in use by another process; stop that one or choose another directory`,
          { cause: error },
        );
      }
      if (errcode % 256 === 26 || errcode % 256 === 11) {
        throw new Error(
          `local-s3: ${path} is not an intact index (${message}); restore it from a copy or choose another directory`,
          { cause: error },
        );
      }
      throw error;
    }
    this.#directoryFd = openSync(dir, 'r');
    fsyncSync(this.#directoryFd);
  }

  prepare(sql: string): StatementSync {
    return this.#sql.prepare(sql);
  }

  /** Called when a batch was rolled back: caches of what it wrote must go. */
  onRollback(forget: () => void): void {
    this.#onRollback.push(forget);
  }

  /**
   * Runs `change` within the current batch. It must check everything before it changes anything:
   * an S3Failure it throws leaves the batch alone, any other error rolls the whole batch back.
   */
  write<T>(change: () => T): T {
    if (this.#broken !== undefined) throw this.#broken;
    try {
      if (this.#open === undefined) {
        this.#sql.exec('BEGIN IMMEDIATE');
        this.#open = newBatch();
        setImmediate(() => this.#flush());
      }
      return change();
    } catch (error) {
      if (!(error instanceof S3Failure)) this.#rollBack(error);
      throw error;
    }
  }

  /** Runs once the current batch is durable. Call within `write`. */
  whenDurable(action: () => void): void {
    (this.#open as Batch).whenDurable.push(action);
  }

  /** Resolves when everything written so far is durable; undefined when it is already. */
  settled(): Promise<void> | undefined {
    return (this.#open ?? this.#syncing)?.done;
  }

  /** Whether the log failed to sync: nothing more is promised, and no file may be removed. */
  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  #flush(): void {
    const batch = this.#open;
    if (this.#syncing !== undefined || batch === undefined || this.#closed) return;
    try {
      this.#sql.exec('COMMIT');
    } catch (error) {
      this.#rollBack(error);
      return;
    }
    this.#open = undefined;
    this.#syncing = batch;
    fdatasync(this.#logFd, (error) => {
      this.#syncing = undefined;
      if (error === null) {
        for (const action of batch.whenDurable) action();
        batch.resolve();
      } else {
        // What the log holds on disk is unknown now, so nothing more may be promised.
        this.#broken = error;
        batch.reject(error);
        if (this.#open !== undefined) this.#rollBack(error);
      }
      if (this.#open !== undefined) this.#flush();
    });
  }

  #rollBack(error: unknown): void {
    try {
      if (this.#sql.isTransaction) this.#sql.exec('ROLLBACK');
    } catch (second) {
      this.#broken = second;
    }
    for (const forget of this.#onRollback) forget();
    const batch = this.#open;
    this.#open = undefined;
    batch?.reject(error);
  }

  async close(): Promise<void> {
    for (;;) {
      const pending = this.settled();
      if (pending === undefined) break;
      await pending.catch(() => undefined);
    }
    this.#closed = true;
    closeSync(this.#logFd);
    this.#sql.close();
    fsyncSync(this.#directoryFd);
    closeSync(this.#directoryFd);
  }
}

function newBatch(): Batch {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => undefined);
  return { done: promise, resolve, reject, whenDurable: [] };
}
