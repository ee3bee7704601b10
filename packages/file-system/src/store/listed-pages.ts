/**
 * Files that the first listing of a large directory has shown and that nobody has looked at: a page of them is one
 * row, which takes a tenth of the time that a row for each of them takes. A page is unfolded into those rows, all of
 * it, before anything in it is looked for or written, and page by page when there is nothing else to do.
 *
 * An inode number is in a page or has (or had) a row of its own, never both. Unfolding changes only how the database
 * says the same, so it is in no journal: after a crash it is done again where it is needed.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { putListedSql } from './schema.ts';

/** Files with successive inode numbers that differ only in the columns, and of which nothing else is known. */
export interface ListedPage {
  first: number;
  parent: number;
  mode: number;
  uid: number;
  gid: number;
  names: string[];
  sizes: number[];
  secs: number[];
  nsecs: number[];
  bases: string[];
}

/** What is unfolded at once when a directory has to be read from the database: a second's work at most. */
const pagesMax = 256;

interface Span {
  first: number;
  end: number;
}

export class ListedPages {
  readonly #put: StatementSync;
  readonly #get: StatementSync;
  readonly #delete: StatementSync;
  readonly #all: StatementSync;
  readonly #putFile: StatementSync;
  /** In the order of their numbers. */
  #spans: Span[] = [];

  constructor(sql: DatabaseSync) {
    this.#put = sql.prepare('INSERT INTO page VALUES (?, ?, ?)');
    this.#get = sql.prepare('SELECT files FROM page WHERE first = ?');
    this.#delete = sql.prepare('DELETE FROM page WHERE first = ?');
    this.#all = sql.prepare('SELECT first, "end" FROM page ORDER BY first');
    this.#putFile = sql.prepare(putListedSql);
    this.reload();
  }

  /** What the database holds is another than was known here. */
  reload(): void {
    this.#spans = this.#all.all() as unknown as Span[];
  }

  get count(): number {
    return this.#spans.length;
  }

  /** `text` is the page as JSON. Its numbers are above all others. */
  add({ first, names }: ListedPage, text: string): void {
    const span = { first, end: first + names.length };
    this.#put.run(span.first, span.end, text);
    this.#spans.push(span);
    if (this.#spans.length > pagesMax) this.unfoldFirst();
  }

  /** Gives the inode the row that it has only in a page. */
  unfoldOf(ino: number): void {
    const { length } = this.#spans;
    if (length === 0 || ino < this.#spans[0]!.first || ino >= this.#spans[length - 1]!.end) return;
    const index = this.#spans.findIndex(({ end }) => ino < end);
    if (ino >= this.#spans[index]!.first) this.#unfold(index);
  }

  unfoldFirst(): void {
    if (this.#spans.length > 0) this.#unfold(0);
  }

  unfoldAll(): void {
    while (this.#spans.length > 0) this.#unfold(this.#spans.length - 1);
  }

  #unfold(index: number): void {
    const { first } = this.#spans.splice(index, 1)[0]!;
    const { files } = this.#get.get(first) as { files: string };
    const { parent, mode, uid, gid, names, ...columns } = JSON.parse(files) as ListedPage;
    this.#delete.run(first);
    for (let i = 0; i < names.length; i++) {
      const [size, base] = [columns.sizes[i]!, columns.bases[i]!];
      const [sec, nsec] = [columns.secs[i]!, columns.nsecs[i]!];
      this.#putFile.run(first + i, parent, names[i]!, mode, uid, gid, size, sec, nsec, base);
    }
  }
}
