/**
 * When the content of each file was last used: what eviction and expiry go by.
 *
 * Coarse and cheap: a file that is read all the time is noted once in `usedAgainSec`, in memory; the notes go into
 * SQLite's open transaction many at a time, and never into the journal. A crash loses the last of them, which makes
 * a file look less recently used than it is, nothing else; files whose content is younger than the last commit are
 * noted again by who opens the store (`Database.replayed`).
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Inode } from './inode.ts';

/** How often the use of a file is noted again. */
const usedAgainSec = 10;
const notesMax = 1024;

export interface Use {
  ino: number;
  sec: number;
}

export class Uses {
  readonly #notes = new Map<number, number>();
  readonly #gone: number[] = [];
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #oldest: StatementSync;

  constructor(sql: DatabaseSync) {
    this.#put = sql.prepare(
      'INSERT INTO used VALUES (?, ?) ON CONFLICT (ino) DO UPDATE SET sec = excluded.sec',
    );
    this.#delete = sql.prepare('DELETE FROM used WHERE ino = ?');
    this.#oldest = sql.prepare(
      'SELECT ino, sec FROM used WHERE (sec, ino) > (?, ?) AND sec <= ? ORDER BY sec, ino LIMIT ?',
    );
  }

  /** True when there is something that a commit would keep. */
  get isDirty(): boolean {
    return this.#notes.size > 0;
  }

  /** The inode's content was read, has come in, or is now in S3 as well. */
  note(inode: Inode, sec: number): void {
    if (sec - inode.usedSec < usedAgainSec && sec >= inode.usedSec) return;
    inode.usedSec = sec;
    this.#notes.set(inode.ino, sec);
    if (this.#notes.size >= notesMax) this.flush();
  }

  /** Its content is not here any more. */
  forget(ino: number): void {
    this.#notes.delete(ino);
    this.#gone.push(ino);
  }

  /** Into SQLite's open transaction. */
  flush(): void {
    for (const ino of this.#gone) this.#delete.run(ino);
    this.#gone.length = 0;
    for (const [ino, sec] of this.#notes) this.#put.run(ino, sec);
    this.#notes.clear();
  }

  /** Those not used after `beforeSec`, the least recently used first, continuing behind `after`. */
  oldest(after: Use, beforeSec: number, count: number): Use[] {
    this.flush();
    return this.#oldest.all(after.sec, after.ino, beforeSec, count) as unknown as Use[];
  }
}
