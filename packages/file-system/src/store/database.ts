/**
 * A database whose commits are cheap: one SQLite transaction stays open over thousands of changes, and each
 * change is appended to the journal before it is acknowledged.
 *
 * Invariants:
 *  - What SQLite has committed plus what the journal holds is everything that was acknowledged.
 *  - `writable()` before a change makes sure that the change cannot fail for lack of space: there is room in the
 *    journal, and a reserve file stands for what the next COMMIT may need.
 *  - A failed COMMIT (disk full) loses nothing: the transaction is built again from the journal.
 */
import { existsSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Extents, type BlockState } from '../content/extents.ts';
import { Failpoint, failpoint } from '../failpoint.ts';
import { Journal } from './journal.ts';
import { ListedPages, type ListedPage } from './listed-pages.ts';
import {
  hasContent,
  openDatabase,
  orphanInodeSql,
  putInodeSql,
  schemaVersion,
  type Row,
} from './schema.ts';

/** One change as the journal keeps it. Appending a letter is compatible, changing one is not. */
export type Entry =
  /** An inode's row. */
  | ['i', ...Row]
  /** New inodes that came with a listing. */
  | ['p', ListedPage]
  /** An inode has lost its last name, at this time. */
  | ['o', number, number, number]
  /** An inode is gone. */
  | ['d', number]
  /** Blocks [first, end) of an inode have this state now. */
  | ['x', number, number, number, BlockState]
  /** All of an inode's runs; null = none. */
  | ['X', number, string | null]
  /** A record; null = removed. */
  | ['r', string, string | null];

/** About ten thousand changes: what one COMMIT takes stays a matter of milliseconds. */
const journalBytesMax = 2 << 20;
/** Several times what a COMMIT of a full journal adds to SQLite's files. */
const reserveBytesMax = 16 << 20;
/** Records that wait to be written; most are taken away again before. */
const newerRecordsMax = 4096;
/** More than any single change of the file system needs in the journal. */
const recordBytes = 65_536;

export class Database {
  readonly #dir: string;
  readonly sql: DatabaseSync;
  readonly #journal: Journal;
  readonly #reserve: string;
  readonly #reserveBytes: number;
  readonly pages: ListedPages;
  readonly #putInode: StatementSync;
  readonly #orphanInode: StatementSync;
  readonly #deleteInode: StatementSync;
  readonly #putExtents: StatementSync;
  readonly #getExtents: StatementSync;
  readonly #deleteExtents: StatementSync;
  readonly #putRecord: StatementSync;
  readonly #getRecord: StatementSync;
  readonly #deleteRecord: StatementSync;
  /** Put into the open transaction before COMMIT: rows that are newer in memory. */
  beforeCommit: () => void = () => {};
  /** After a COMMIT: what was freed before it may be used again. */
  afterCommit: () => void = () => {};
  /** Inodes that were found in the journal with content: when it was last used, the journal does not say. */
  readonly replayed: Set<number> = new Set();
  /** Records that are newer than their rows; null = removed. */
  readonly #newerRecords = new Map<string, string | null>();
  #entries: string[] = [];
  #depth = 0;
  #changes = 0;
  #full = false;

  constructor(dir: string) {
    this.#dir = dir;
    const { bsize, blocks } = statfsSync(dir);
    const total = bsize * blocks;
    this.#reserve = join(dir, 'reserve');
    this.#reserveBytes = Math.min(reserveBytesMax, Math.ceil(total / 16));
    const journalPath = join(dir, 'journal');
    if (!existsSync(journalPath))
      Journal.make(journalPath, Math.min(journalBytesMax, Math.ceil(total / 64)));
    this.#journal = new Journal(journalPath);
    this.sql = openDatabase(join(dir, 'metadata.db'));
    this.#putInode = this.sql.prepare(putInodeSql);
    this.pages = new ListedPages(this.sql);
    this.#orphanInode = this.sql.prepare(orphanInodeSql);
    this.#deleteInode = this.sql.prepare('DELETE FROM inode WHERE ino = ?');
    this.#putExtents = this.sql.prepare('INSERT OR REPLACE INTO extent VALUES (?, ?)');
    this.#getExtents = this.sql.prepare('SELECT runs FROM extent WHERE ino = ?');
    this.#deleteExtents = this.sql.prepare('DELETE FROM extent WHERE ino = ?');
    this.#putRecord = this.sql.prepare('INSERT OR REPLACE INTO record VALUES (?, ?)');
    this.#getRecord = this.sql.prepare('SELECT value FROM record WHERE key = ?');
    this.#deleteRecord = this.sql.prepare('DELETE FROM record WHERE key = ?');
    const version = this.record('schema');
    if (version !== undefined && version !== String(schemaVersion))
      throw new Error(
        `${dir} was written by another version of Moorage (schema ${version}, this one reads ${schemaVersion}): ` +
          'drain it with that version, or start with an empty directory',
      );
    this.sql.exec('BEGIN');
    if (version === undefined) this.putRecord('schema', String(schemaVersion));
    this.#replay();
    this.#makeReserve();
    this.commit();
  }

  record(key: string): string | undefined {
    const newer = this.#newerRecords.get(key);
    if (newer !== undefined) return newer ?? undefined;
    return (this.#getRecord.get(key) as { value: string } | undefined)?.value;
  }

  /** Inside a transaction. */
  setRecord(key: string, value: string | undefined): void {
    this.#newerRecords.set(key, value ?? null);
    this.add(['r', key, value ?? null]);
    if (this.#newerRecords.size > newerRecordsMax) this.#flushRecords();
  }

  #flushRecords(): void {
    for (const [key, value] of this.#newerRecords) this.putRecord(key, value);
    this.#newerRecords.clear();
  }

  eachRecord(prefix: string, each: (key: string, value: string) => void): void {
    this.#flushRecords();
    const rows = this.sql
      .prepare('SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key')
      .all(prefix, `${prefix}\u{10ffff}`) as { key: string; value: string }[];
    for (const { key, value } of rows) each(key, value);
  }

  extentsOf(ino: number): Extents {
    const row = this.#getExtents.get(ino) as { runs: string } | undefined;
    return row === undefined ? new Extents() : Extents.parse(row.runs);
  }

  /** Writes a row into the open transaction; it is in the journal already. */
  putInodeRow(row: Row): void {
    this.pages.unfoldOf(row[0] as number);
    this.#putInode.run(...row);
  }
  deleteInodeRow(ino: number): void {
    this.pages.unfoldOf(ino);
    this.#deleteInode.run(ino);
    this.#deleteExtents.run(ino);
  }
  putExtentsRow(ino: number, extents: Extents): void {
    this.#putExtents.run(ino, extents.toString());
  }
  /** Not journaled: for what is put in the journal by other means or may be lost. */
  putRecord(key: string, value: string | null): void {
    if (value === null) this.#deleteRecord.run(key);
    else this.#putRecord.run(key, value);
  }

  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  begin(): void {
    this.#depth++;
  }

  add(entry: Entry): void {
    this.#entries.push(JSON.stringify(entry));
  }

  /** New inodes, of which there is no other entry in this transaction. */
  addPage(page: ListedPage): void {
    const text = JSON.stringify(page);
    this.#entries.push(`["p",${text}]`);
    this.pages.add(page, text);
  }

  /** A page becomes rows, which the next COMMIT keeps. False: there is none. */
  unfoldPage(): boolean {
    if (this.pages.count === 0) return false;
    this.pages.unfoldFirst();
    this.#changes++;
    return true;
  }

  /**
   * Ends a transaction; the outermost one appends what was added to the journal. `collect` is called before
   * that, to add what is cheaper to add once.
   */
  end(collect: () => void): void {
    if (--this.#depth > 0) return;
    collect();
    if (this.#entries.length === 0) return;
    const payload = `[${this.#entries.join(',')}]`;
    if (!this.#journal.append(payload)) {
      // It does not fit: COMMIT takes it along, and the journal starts again.
      if (!this.#commit(payload)) throw new Error(`disk full at ${this.#dir}, and no reserve left`);
    }
    this.#entries.length = 0;
    this.#changes++;
  }

  /** Whether a change may begin: false = no space. */
  writable(): boolean {
    if (!this.#full && this.#journal.bytesLeft >= recordBytes) return true;
    if (this.#depth > 0) return true;
    if (this.#full && !this.#spaceIsBack()) return false;
    return this.commit() && !this.#full;
  }

  /** Whether a change that frees space may begin: as long as there is room to note it. */
  removable(): boolean {
    return this.#journal.bytesLeft >= recordBytes || this.#depth > 0 || this.commit();
  }

  /** Changes since the last commit. */
  get changes(): number {
    return this.#changes;
  }

  /** Makes everything durable in SQLite and empties the journal. False = no space; nothing is lost. */
  commit(): boolean {
    return this.#commit(undefined);
  }

  #commit(unjournaled: string | undefined): boolean {
    for (let attempt = 0; attempt < 2; attempt++) {
      this.beforeCommit();
      this.#flushRecords();
      this.putRecord('journal', String(this.#journal.sequence));
      try {
        failpoint(Failpoint.commit);
        this.sql.exec('COMMIT');
      } catch (error) {
        if (!isNoSpace(error)) throw error;
        // SQLite may have rolled back; build the same transaction again from the journal.
        if (!this.sql.isTransaction) {
          this.sql.exec('BEGIN');
          this.#replay();
          if (unjournaled !== undefined) this.#apply(unjournaled);
        }
        rmSync(this.#reserve, { force: true });
        this.#full = true;
        continue;
      }
      failpoint(Failpoint.committed);
      this.sql.exec('BEGIN');
      this.#journal.reset();
      this.#changes = 0;
      this.#full = !existsSync(this.#reserve);
      this.afterCommit();
      return true;
    }
    return false;
  }

  /** When this file has been flushed, all that was acknowledged survives a power failure. */
  get journalDescriptor(): number {
    return this.#journal.descriptor;
  }

  close(): void {
    this.commit();
    this.sql.exec('ROLLBACK');
    this.sql.close();
    this.#journal.close();
  }

  /** Lets go of the files as a crash would: nothing is committed, nothing is flushed. */
  abandon(): void {
    if (this.sql.isTransaction) this.sql.exec('ROLLBACK');
    this.sql.close();
    this.#journal.close();
  }

  #replay(): void {
    this.pages.reload();
    const committed = Number(this.record('journal') ?? 0);
    this.#journal.replay(committed, (payload) => this.#apply(payload));
  }

  #apply(payload: string): void {
    for (const entry of JSON.parse(payload) as Entry[]) {
      switch (entry[0]) {
        case 'i': {
          const row = entry.slice(1) as Row;
          this.putInodeRow(row);
          if (hasContent(row)) this.replayed.add(row[0] as number);
          break;
        }
        case 'p':
          this.pages.add(entry[1], JSON.stringify(entry[1]));
          break;
        case 'o':
          this.pages.unfoldOf(entry[1]);
          this.#orphanInode.run(entry[1], entry[2], entry[3]);
          break;
        case 'd':
          this.deleteInodeRow(entry[1]);
          break;
        case 'x': {
          const extents = this.extentsOf(entry[1]);
          extents.set(entry[2], entry[3], entry[4]);
          this.putExtentsRow(entry[1], extents);
          break;
        }
        case 'X':
          if (entry[2] === null) this.#deleteExtents.run(entry[1]);
          else this.#putExtents.run(entry[1], entry[2]);
          break;
        case 'r':
          this.putRecord(entry[1], entry[2]);
          break;
      }
    }
  }

  #spaceIsBack(): boolean {
    const { bsize, bavail } = statfsSync(this.#dir);
    const needed = existsSync(this.#reserve) ? this.#reserveBytes / 4 : this.#reserveBytes * 1.5;
    return bavail * bsize > needed && this.#makeReserve();
  }

  #makeReserve(): boolean {
    if (existsSync(this.#reserve)) return true;
    try {
      failpoint(Failpoint.reserveMake);
      Journal.make(this.#reserve, this.#reserveBytes);
      return true;
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      rmSync(this.#reserve, { force: true });
      return false;
    }
  }
}

/** ENOSPC or EDQUOT, as Node and as SQLite (SQLITE_FULL, and SQLITE_IOERR for what it could not write) say it. */
export function isNoSpace(error: unknown): boolean {
  const { code, errcode } = error as { code?: string; errcode?: number };
  return (
    code === 'ENOSPC' || code === 'EDQUOT' || (errcode !== undefined && (errcode & 0xff) === 13)
  );
}
