/**
 * Listings in UTF-8 key order with prefix, delimiter and paging: of current objects and of versions.
 * Common prefixes are skipped over by seeking, so a listing costs what it returns.
 */
import type { StatementSync } from 'node:sqlite';
import type { Bucket } from './bucket-table.ts';
import type { Database } from './database.ts';
import { sequenceOfVersionId, versionOfRow } from './version-table.ts';
import type { ObjectVersion, VersionRow } from './version-table.ts';

export interface ListQuery {
  readonly prefix: string;
  /** '' for none. */
  readonly delimiter: string;
  /** At most so many objects and common prefixes together. */
  readonly limit: number;
  /** Begin after this key, or after this common prefix. */
  readonly after: string;
}

export interface ObjectPage {
  readonly objects: readonly ObjectVersion[];
  readonly prefixes: readonly string[];
  /** Set when there is more: the last key or common prefix of this page. */
  readonly last: string | undefined;
}

export interface ListedVersion extends ObjectVersion {
  readonly isLatest: boolean;
}

export interface VersionPage {
  readonly versions: readonly ListedVersion[];
  readonly prefixes: readonly string[];
  /** Set when there is more: where the next page begins after. */
  readonly next: { readonly key: string; readonly versionId: string | undefined } | undefined;
}

/** The smallest string, in code point order, after everything that begins with `prefix`. */
export function afterPrefix(prefix: string): string | undefined {
  const points = Array.from(prefix);
  for (;;) {
    const last = points.pop();
    if (last === undefined) return undefined;
    const point = last.codePointAt(0) as number;
    if (point === 0x10ffff) continue;
    points.push(String.fromCodePoint(point === 0xd7ff ? 0xe000 : point + 1));
    return points.join('');
  }
}

/** The smaller string in the order of UTF-8 bytes, which is code point order. */
function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

function commonPrefix(key: string, { prefix, delimiter }: ListQuery): string | undefined {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

/** Where a listing's first seek goes; undefined when nothing can be there. */
function firstSeek(query: ListQuery): string | undefined {
  const { prefix, after } = query;
  if (after === '' || isBefore(after, prefix)) return prefix;
  const common = after.startsWith(prefix) ? commonPrefix(after, query) : undefined;
  return common === after ? afterPrefix(after) : `${after}\0`;
}

/** Listings of one endpoint. */
export class Listing {
  readonly #live: StatementSync;
  readonly #versions: StatementSync;
  readonly #olderVersions: StatementSync;
  readonly #nullSequence: StatementSync;

  constructor(database: Database) {
    this.#live = database.prepare(
      `SELECT v.* FROM live l JOIN versions v ON v.seq = l.seq
       WHERE l.bucket = ? AND l.key >= ? ORDER BY l.key`,
    );
    this.#versions = database.prepare(
      'SELECT * FROM versions WHERE bucket = ? AND key >= ? ORDER BY key, seq DESC',
    );
    this.#olderVersions = database.prepare(
      'SELECT * FROM versions WHERE bucket = ? AND key = ? AND seq < ? ORDER BY seq DESC',
    );
    this.#nullSequence = database.prepare(
      "SELECT seq FROM versions WHERE bucket = ? AND key = ? AND version_id = 'null'",
    );
  }

  objects(bucket: Bucket, query: ListQuery): ObjectPage {
    const objects: ObjectVersion[] = [];
    const prefixes: string[] = [];
    let last: string | undefined;
    let seek = query.limit === 0 ? undefined : firstSeek(query);
    while (seek !== undefined) {
      const from: string = seek;
      seek = undefined;
      for (const row of this.#rows(this.#live, bucket.id, from)) {
        if (!row.key.startsWith(query.prefix)) break;
        if (objects.length + prefixes.length === query.limit) return { objects, prefixes, last };
        const common = commonPrefix(row.key, query);
        last = common ?? row.key;
        if (common === undefined) {
          objects.push(versionOfRow(row));
        } else {
          prefixes.push(common);
          seek = afterPrefix(common);
          break;
        }
      }
    }
    return { objects, prefixes, last: undefined };
  }

  /** `afterVersion`: begin after this version of the key `after`, instead of after the key. */
  versions(bucket: Bucket, query: ListQuery, afterVersion: string | undefined): VersionPage {
    const versions: ListedVersion[] = [];
    const prefixes: string[] = [];
    let last: VersionPage['next'];
    const full = (): boolean => versions.length + prefixes.length === query.limit;
    let seek = query.limit === 0 ? undefined : firstSeek(query);
    if (seek !== undefined && afterVersion !== undefined && query.after.startsWith(query.prefix)) {
      const below = this.#sequenceOf(bucket, query.after, afterVersion);
      for (const row of this.#rows(this.#olderVersions, bucket.id, query.after, below)) {
        if (full()) return { versions, prefixes, next: last };
        versions.push({ ...versionOfRow(row), isLatest: false });
        last = { key: row.key, versionId: row.version_id };
      }
    }
    while (seek !== undefined) {
      const from: string = seek;
      seek = undefined;
      let previousKey: string | undefined;
      for (const row of this.#rows(this.#versions, bucket.id, from)) {
        if (!row.key.startsWith(query.prefix)) break;
        if (full()) return { versions, prefixes, next: last };
        const common = commonPrefix(row.key, query);
        if (common === undefined) {
          versions.push({ ...versionOfRow(row), isLatest: row.key !== previousKey });
          previousKey = row.key;
          last = { key: row.key, versionId: row.version_id };
        } else {
          prefixes.push(common);
          last = { key: common, versionId: undefined };
          seek = afterPrefix(common);
          break;
        }
      }
    }
    return { versions, prefixes, next: undefined };
  }

  #rows(statement: StatementSync, ...values: (string | number)[]): Iterable<VersionRow> {
    return statement.iterate(...values) as unknown as Iterable<VersionRow>;
  }

  #sequenceOf(bucket: Bucket, key: string, versionId: string): number {
    if (versionId !== 'null') return sequenceOfVersionId(versionId) ?? 0;
    const row = this.#nullSequence.get(bucket.id, key) as { seq: number } | undefined;
    return row?.seq ?? 0;
  }
}
