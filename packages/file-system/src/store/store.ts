/**
 * Inodes and names: the serving thread's view of the database, with what is in use kept in memory.
 *
 * A changed inode is journaled at the end of its transaction and its row is written to SQLite later, once,
 * with all other changed rows (`#flushRows`); until then it stays in memory. So the memory is always right,
 * and SQL may be asked about an inode that is not in memory; about names only after the rows are flushed.
 */
import type { StatementSync } from 'node:sqlite';
import { Extents, type BlockState } from '../content/extents.ts';
import { Kind } from '../operations.ts';
import { Database } from './database.ts';
import { childIno, childKind, Directory, packChild } from './directory.ts';
import { firstIno, Inode } from './inode.ts';
import type { ListedPage } from './listed-pages.ts';
import { inodeColumns, inodeOf, rowOf, type Row } from './schema.ts';
import { Uses } from './uses.ts';

export interface StoreLimits {
  /** Inodes kept in memory when not in use. */
  inodesMax: number;
  /** Names kept in memory in all; a directory with more than a quarter of it is never kept whole. */
  namesMax: number;
}

/** Inode numbers are reserved in blocks, so that the next number is journaled rarely. */
const inoBlock = 4096;
/** Rows that wait to be written; more of them would make one flush noticeable. */
const staleRowsMax = 1024;

export class Store {
  readonly database: Database;
  /** When content was last used. */
  readonly uses: Uses;
  readonly #limits: StoreLimits;
  readonly #inodes = new Map<number, Inode>();
  readonly #stale: Inode[] = [];
  #touched: Inode[] = [];
  readonly #staleExtents = new Set<Inode>();
  readonly #removed = new Set<number>();
  readonly #byIno: StatementSync;
  readonly #byName: StatementSync;
  readonly #namesOf: StatementSync;
  readonly #namesAfter: StatementSync;
  #names = 0;
  /** Counts the openings of this directory: numbers made from it are never made again. */
  readonly epoch: number;
  #generation: number;
  #nextIno: number;
  #reservedIno: number;
  #request = '';
  /** Listed in the current transaction. */
  #page: ListedPage | undefined;
  readonly #collect = (): void => {
    this.#endPage();
    this.#journalTouched();
  };

  constructor(dir: string, limits: StoreLimits) {
    this.#limits = limits;
    this.database = new Database(dir);
    this.uses = new Uses(this.database.sql);
    this.database.beforeCommit = () => this.#flushRows();
    const { sql } = this.database;
    this.#byIno = sql.prepare(`SELECT ${inodeColumns} FROM inode WHERE ino = ?`);
    this.#byIno.setReturnArrays(true);
    this.#byName = sql.prepare('SELECT ino, kind FROM inode WHERE parent = ? AND name = ?');
    this.#byName.setReturnArrays(true);
    this.#namesOf = sql.prepare(
      'SELECT ino, kind, name FROM inode INDEXED BY inode_name WHERE parent = ? LIMIT ?',
    );
    this.#namesOf.setReturnArrays(true);
    this.#namesAfter = sql.prepare(
      'SELECT ino, kind, name FROM inode INDEXED BY inode_parent WHERE parent = ? AND ino > ? ORDER BY ino LIMIT 256',
    );
    this.#namesAfter.setReturnArrays(true);
    this.#nextIno = Number(this.database.record('ino') ?? firstIno);
    this.#reservedIno = this.#nextIno;
    this.epoch = Number(this.database.record('epoch') ?? 0) + 1;
    this.#generation = this.epoch * 2 ** 28;
    this.transaction(() => this.database.setRecord('epoch', String(this.epoch)));
  }

  // Transactions.

  begin(): void {
    this.database.begin();
  }

  end(): void {
    this.database.end(this.#collect);
    if (this.database.inTransaction) return;
    if (this.#stale.length > staleRowsMax) this.#flushRows();
    if (this.#inodes.size > this.#limits.inodesMax || this.#names > this.#limits.namesMax)
      this.#evict();
  }

  transaction<T>(change: () => T): T {
    this.begin();
    const result = change();
    this.end();
    return result;
  }

  /** Remembers, in the current transaction, that this protocol request was carried out. */
  remember(request: number, ino: number, result: number): void {
    if (request === 0) return;
    this.#request = `${request} ${ino} ${result}`;
    this.database.add(['r', 'request', this.#request]);
  }

  remembered(): string | undefined {
    return this.#request === '' ? this.database.record('request') : this.#request;
  }

  // Inodes.

  get(ino: number): Inode | undefined {
    const inode = this.#inodes.get(ino);
    if (inode !== undefined) {
      inode.hot = true;
      return inode;
    }
    return this.#load(ino);
  }

  /** Only when it is in memory: for what matters only to inodes in use. */
  cached(ino: number): Inode | undefined {
    return this.#inodes.get(ino);
  }

  /** Every inode there is has a lower number. */
  get nextIno(): number {
    return this.#nextIno;
  }

  newIno(): number {
    if (this.#nextIno === this.#reservedIno) {
      this.#reservedIno += inoBlock;
      this.database.setRecord('ino', String(this.#reservedIno));
    }
    return this.#nextIno++;
  }

  /** Never the same twice, also after a restart. */
  newGeneration(): number {
    return this.#generation++;
  }

  /** A new inode, at its name unless `parent` is 0. Inside a transaction. */
  insert(inode: Inode): void {
    inode.rowNew = true;
    if (inode.kind === Kind.directory) inode.directory = new Directory(true);
    this.#inodes.set(inode.ino, inode);
    this.touch(inode);
    if (inode.parent !== 0) this.#enter(inode);
  }

  /** A new file of which nothing is known but what a listing shows: a place in a page. Inside a transaction. */
  insertListed(inode: Inode): void {
    const { ino, parent, mode, uid, gid } = inode;
    let page = this.#page;
    if (page === undefined || !goesOn(page, inode)) {
      this.#endPage();
      const columns = { names: [], sizes: [], secs: [], nsecs: [], bases: [] };
      page = { first: ino, parent, mode, uid, gid, ...columns };
      this.#page = page;
    }
    page.names.push(inode.name);
    page.sizes.push(inode.size);
    page.secs.push(inode.mtimeSec);
    page.nsecs.push(inode.mtimeNsec);
    page.bases.push(inode.base);
    this.#enter(inode);
  }

  /** The row has changed. Inside a transaction. */
  touch(inode: Inode): void {
    if (inode.touched) return;
    inode.touched = true;
    this.#touched.push(inode);
  }

  /** A change that may be lost in a crash (access times). */
  touchLazily(inode: Inode): void {
    this.#markStale(inode);
  }

  /** Blocks [first, end) of a large file have this state now. Inside a transaction. */
  setBlocks(inode: Inode, first: number, end: number, state: BlockState): void {
    const extents = this.extents(inode);
    if (extents.isAll(first, end, state)) return;
    extents.set(first, end, state);
    this.database.add(['x', inode.ino, first, end, state]);
    this.#staleExtents.add(inode);
  }

  /** All blocks are changed at once, or the file has no blocks any more. Inside a transaction. */
  replaceExtents(inode: Inode, extents: Extents | undefined): void {
    inode.extents = extents ?? new Extents();
    this.database.add(['X', inode.ino, extents === undefined ? null : extents.toString()]);
    this.#staleExtents.add(inode);
  }

  extents(inode: Inode): Extents {
    return (inode.extents ??= this.database.extentsOf(inode.ino));
  }

  /** The inode is gone for good. Inside a transaction; its name must have been removed. */
  remove(inode: Inode): void {
    inode.removed = true;
    inode.directory = undefined;
    this.#inodes.delete(inode.ino);
    this.#staleExtents.delete(inode);
    this.database.add(['d', inode.ino]);
    if (inode.place !== 0) this.uses.forget(inode.ino);
    if (inode.rowNew) return;
    this.#removed.add(inode.ino);
  }

  // Names.

  /** The packed child (see `childIno`, `childKind`) or 0. */
  child(parent: Inode, name: string): number {
    const directory = this.directory(parent);
    const packed = directory.names.get(name);
    if (packed !== undefined) return packed;
    if (directory.complete) return 0;
    // Names of the page that is being put together are in memory.
    this.#flushRows();
    this.database.pages.unfoldAll();
    const row = this.#byName.get(parent.ino, name) as unknown as [number, number] | undefined;
    if (row === undefined) return 0;
    const found = packChild(row[0], row[1] as Kind);
    directory.set(name, found);
    this.#names++;
    return found;
  }

  /** Gives the inode a name, or another one; the name must be free. Inside a transaction. */
  move(inode: Inode, parent: number, name: string): void {
    this.#leave(inode);
    inode.parent = parent;
    inode.name = name;
    this.touch(inode);
    this.#enter(inode);
  }

  /** Takes the inode's name away until it gets another one in the same transaction. */
  unname(inode: Inode): void {
    this.#leave(inode);
    this.touch(inode);
  }

  /** The inode has lost its only name, at this time, and lives on without one. Inside a transaction. */
  orphan(inode: Inode, sec: number, nsec: number): void {
    this.#leave(inode);
    inode.nlink = 0;
    inode.ctimeSec = sec;
    inode.ctimeNsec = nsec;
    this.database.add(['o', inode.ino, sec, nsec]);
    this.#markStale(inode);
  }

  #leave(inode: Inode): void {
    if (inode.parent === 0) return;
    const directory = this.get(inode.parent)?.directory;
    if (directory?.names.has(inode.name) === true) {
      directory.delete(inode.name);
      this.#names--;
    }
    inode.parent = 0;
    inode.name = '';
  }

  hasChildren(inode: Inode): boolean {
    const directory = this.directory(inode);
    if (directory.names.size > 0) return true;
    if (directory.complete) return false;
    this.#completeRows();
    return (this.#namesAfter.all(inode.ino, 0) as unknown[]).length > 0;
  }

  /** Children with an inode number above `after`, in that order, until `each` returns false. */
  eachChild(
    parent: Inode,
    after: number,
    each: (name: string, ino: number, kind: Kind) => boolean,
  ): void {
    const directory = this.directory(parent);
    if (directory.complete) {
      directory.after(after, (name, packed) => each(name, childIno(packed), childKind(packed)));
      return;
    }
    this.#completeRows();
    for (let last = after; ;) {
      const rows = this.#namesAfter.all(parent.ino, last) as unknown as [number, Kind, string][];
      if (rows.length === 0) return;
      for (const [ino, kind, name] of rows) {
        last = ino;
        if (!each(name, ino, kind)) return;
      }
    }
  }

  /** The names of a directory that are in memory; loads all of them unless they are too many. */
  directory(parent: Inode): Directory {
    if (parent.directory !== undefined) return parent.directory;
    this.#completeRows();
    const wholeMax = this.#limits.namesMax / 4;
    const rows = this.#namesOf.all(parent.ino, wholeMax + 1) as unknown as [number, Kind, string][];
    const directory = new Directory(rows.length <= wholeMax);
    if (directory.complete) {
      for (const [ino, kind, name] of rows) directory.set(name, packChild(ino, kind));
      this.#names += rows.length;
    }
    return (parent.directory = directory);
  }

  /** Inodes that lost their name and live on. */
  orphans(): number[] {
    this.#flushRows();
    return this.database.sql
      .prepare('SELECT ino FROM inode WHERE parent = 0 AND ino >= ?')
      .all(firstIno)
      .map((row) => row['ino'] as number);
  }

  eachDirty(each: (ino: number, bits: number) => void): void {
    this.#flushRows();
    const rows = this.database.sql.prepare('SELECT ino, dirty FROM inode WHERE dirty <> 0').all();
    for (const row of rows) each(row['ino'] as number, row['dirty'] as number);
  }

  /** Places of all inodes that have content in this file system's own files. */
  eachPlace(each: (place: number) => void): void {
    this.#flushRows();
    const statement = this.database.sql.prepare('SELECT place FROM inode WHERE place <> 0');
    statement.setReturnArrays(true);
    for (const row of statement.iterate() as unknown as Iterable<[number]>) each(row[0]);
  }

  countInodes(): number {
    this.#completeRows();
    return this.database.sql.prepare('SELECT count(*) AS n FROM inode').get()!['n'] as number;
  }

  #endPage(): void {
    if (this.#page !== undefined) this.database.addPage(this.#page);
    this.#page = undefined;
  }

  /** Every inode there is has its row. */
  #completeRows(): void {
    this.#flushRows();
    this.#endPage();
    this.database.pages.unfoldAll();
  }

  #load(ino: number): Inode | undefined {
    if (this.#removed.has(ino)) return undefined;
    if (this.#page !== undefined && ino >= this.#page.first) this.#endPage();
    this.database.pages.unfoldOf(ino);
    const row = this.#byIno.get(ino) as unknown as Row | undefined;
    if (row === undefined) return undefined;
    const inode = inodeOf(row);
    this.#inodes.set(ino, inode);
    return inode;
  }

  #enter(inode: Inode): void {
    const parent = this.get(inode.parent)!;
    const directory = this.directory(parent);
    if (directory.set(inode.name, packChild(inode.ino, inode.kind))) this.#names++;
  }

  #markStale(inode: Inode): void {
    if (inode.rowStale || inode.removed) return;
    inode.rowStale = true;
    this.#stale.push(inode);
  }

  #journalTouched(): void {
    for (const inode of this.#touched) {
      inode.touched = false;
      if (inode.removed) continue;
      this.database.add(['i', ...rowOf(inode)]);
      this.#markStale(inode);
    }
    this.#touched.length = 0;
  }

  /**
   * Brings SQLite's open transaction up to what the memory knows, in the middle of one of ours as well:
   * SQLite commits only between them.
   */
  #flushRows(): void {
    for (const ino of this.#removed) this.database.deleteInodeRow(ino);
    this.#removed.clear();
    for (const inode of this.#stale) {
      inode.rowStale = false;
      if (inode.removed) continue;
      this.database.putInodeRow(rowOf(inode));
      inode.rowNew = false;
    }
    this.#stale.length = 0;
    for (const inode of this.#touched) {
      if (!inode.removed) this.database.putInodeRow(rowOf(inode));
      inode.rowNew = false;
    }
    for (const inode of this.#staleExtents)
      this.database.putExtentsRow(inode.ino, this.extents(inode));
    this.#staleExtents.clear();
    this.uses.flush();
    if (this.#request !== '') this.database.putRecord('request', this.#request);
  }

  /** Forgets what was not used since it last came by. */
  #evict(): void {
    this.#flushRows();
    const inodesWanted = this.#limits.inodesMax * 0.9;
    const namesWanted = this.#limits.namesMax * 0.9;
    let left = this.#inodes.size * 2;
    for (const [ino, inode] of this.#inodes) {
      if (this.#inodes.size <= inodesWanted && this.#names <= namesWanted) return;
      if (left-- === 0) return;
      // Back to the end, so that the next round starts with the others.
      this.#inodes.delete(ino);
      if (inode.touched || inode.rowStale || inode.hot) {
        inode.hot = false;
        this.#inodes.set(ino, inode);
      } else if (inode.directory !== undefined) {
        this.#names -= inode.directory.names.size;
        inode.directory = undefined;
      }
    }
  }
}

/** The file can be the next one of the page. */
function goesOn(page: ListedPage, inode: Inode): boolean {
  return (
    inode.ino === page.first + page.names.length &&
    inode.parent === page.parent &&
    inode.mode === page.mode &&
    inode.uid === page.uid &&
    inode.gid === page.gid
  );
}
