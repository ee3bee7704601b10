/** The tables of one file system, and how an inode becomes a row and back. */
import { DatabaseSync } from 'node:sqlite';
import { Kind } from '../operations.ts';
import { Inode } from './inode.ts';

/** Raised when a table, a row or a journal entry changes its meaning; an older directory is then refused. */
export const schemaVersion = 2;

/** Order of `rowOf`, of journal entries and of every `SELECT *` below. */
const columns = [
  'ino',
  'kind',
  'parent',
  'name',
  'mode',
  'nlink',
  'uid',
  'gid',
  'size',
  'atime_sec',
  'atime_nsec',
  'mtime_sec',
  'mtime_nsec',
  'ctime_sec',
  'ctime_nsec',
  'btime_sec',
  'btime_nsec',
  'flags',
  'dirty',
  'place',
  'base_end',
  'target',
  'base',
] as const;

const textColumns: ReadonlySet<string> = new Set(['name', 'target', 'base']);

export type Row = (number | string)[];

export const inodeColumns: string = columns.join(', ');

export const putInodeSql: string = `INSERT INTO inode (${inodeColumns}) VALUES (${columns.map(() => '?').join(', ')})
  ON CONFLICT (ino) DO UPDATE SET ${columns
    .slice(1)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

export const orphanInodeSql = `UPDATE inode SET parent = 0, name = '', nlink = 0, ctime_sec = ?2, ctime_nsec = ?3
  WHERE ino = ?1`;

/**
 * Of a file that was found in a listing: one time, all bytes in S3, everything else as it is at first. Number, parent,
 * name, mode, uid, gid, size, seconds, nanoseconds, base.
 */
export const putListedSql: string = `INSERT INTO inode (${inodeColumns})
  VALUES (?1, ${Kind.file}, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?8, ?9, ?8, ?9, ?8, ?9, 0, 0, 0, ?7, '', ?10)`;

export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  // One connection, one thread. Pages of an open transaction stay in memory, so that only COMMIT can find the
  // disk full. FULL: the journal is overwritten after COMMIT, so COMMIT has to be durable.
  for (const pragma of [
    'locking_mode = EXCLUSIVE',
    'journal_mode = WAL',
    'synchronous = FULL',
    'cache_size = -65536',
    'cache_spill = OFF',
    'temp_store = MEMORY',
  ]) {
    database.prepare(`PRAGMA ${pragma}`).get();
  }
  // One transaction: a statement by itself would be a commit by itself, and each has to reach the disk.
  database.exec(`
    BEGIN;
    CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS inode (
      ino INTEGER PRIMARY KEY,
      ${columns
        .slice(1)
        .map((column) => `${column} ${textColumns.has(column) ? 'TEXT' : 'INTEGER'} NOT NULL`)
        .join(',\n      ')}
    );
    CREATE INDEX IF NOT EXISTS inode_name ON inode (parent, name, kind);
    CREATE INDEX IF NOT EXISTS inode_parent ON inode (parent);
    CREATE INDEX IF NOT EXISTS inode_dirty ON inode (dirty) WHERE dirty <> 0;
    CREATE TABLE IF NOT EXISTS page (first INTEGER PRIMARY KEY, "end" INTEGER NOT NULL, files TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS extent (ino INTEGER PRIMARY KEY, runs TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS used (ino INTEGER PRIMARY KEY, sec INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS used_sec ON used (sec, ino);
    COMMIT;
  `);
  return database;
}

export function rowOf(inode: Inode): Row {
  return [
    inode.ino,
    inode.kind,
    inode.parent,
    inode.name,
    inode.mode,
    inode.nlink,
    inode.uid,
    inode.gid,
    inode.size,
    inode.atimeSec,
    inode.atimeNsec,
    inode.mtimeSec,
    inode.mtimeNsec,
    inode.ctimeSec,
    inode.ctimeNsec,
    inode.btimeSec,
    inode.btimeNsec,
    inode.flags,
    inode.dirty,
    inode.place,
    inode.baseEnd,
    inode.target,
    inode.base,
  ];
}

/** Whether the inode has bytes here. */
export function hasContent(row: Row): boolean {
  return row[19] !== 0;
}

export function inodeOf(row: Row): Inode {
  const inode = new Inode(row[0] as number, row[1] as Kind, row[2] as number, row[3] as string);
  inode.mode = row[4] as number;
  inode.nlink = row[5] as number;
  inode.uid = row[6] as number;
  inode.gid = row[7] as number;
  inode.size = row[8] as number;
  inode.atimeSec = row[9] as number;
  inode.atimeNsec = row[10] as number;
  inode.mtimeSec = row[11] as number;
  inode.mtimeNsec = row[12] as number;
  inode.ctimeSec = row[13] as number;
  inode.ctimeNsec = row[14] as number;
  inode.btimeSec = row[15] as number;
  inode.btimeNsec = row[16] as number;
  inode.flags = row[17] as number;
  inode.dirty = row[18] as number;
  inode.place = row[19] as number;
  inode.baseEnd = row[20] as number;
  inode.target = row[21] as string;
  inode.base = row[22] as string;
  inode.synced = true;
  return inode;
}
