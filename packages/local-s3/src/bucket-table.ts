/** Buckets and the documents stored with them (lifecycle, tags). */
import type { StatementSync } from 'node:sqlite';
import type { Database } from './database.ts';
import { S3Failure } from './s3-error.ts';

/** '' = never enabled. */
export type Versioning = '' | 'Enabled' | 'Suspended';

export interface Bucket {
  readonly id: number;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly versioning: Versioning;
}

/** Documents a bucket stores and gives back. */
export type DocumentKind = 'lifecycle' | 'tagging';

/** The buckets of one endpoint. */
export class BucketTable {
  readonly #database: Database;
  readonly #cache = new Map<string, Bucket>();
  readonly #byName: StatementSync;
  readonly #all: StatementSync;
  readonly #insert: StatementSync;
  readonly #setVersioning: StatementSync;
  readonly #used: StatementSync;
  readonly #removals: readonly StatementSync[];
  readonly #document: StatementSync;
  readonly #putDocument: StatementSync;
  readonly #deleteDocument: StatementSync;

  constructor(database: Database) {
    this.#database = database;
    database.onRollback(() => this.#cache.clear());
    this.#byName = database.prepare('SELECT * FROM buckets WHERE name = ?');
    this.#all = database.prepare('SELECT * FROM buckets ORDER BY name');
    this.#insert = database.prepare("INSERT INTO buckets VALUES (NULL, ?, ?, '')");
    this.#setVersioning = database.prepare('UPDATE buckets SET versioning = ? WHERE id = ?');
    this.#used = database.prepare('SELECT 1 FROM versions WHERE bucket = ? LIMIT 1');
    this.#removals = [
      database.prepare('DELETE FROM bucket_documents WHERE bucket = ?'),
      database.prepare('DELETE FROM buckets WHERE id = ?'),
    ];
    this.#document = database.prepare(
      'SELECT body FROM bucket_documents WHERE bucket = ? AND kind = ?',
    );
    this.#putDocument = database.prepare(
      'INSERT OR REPLACE INTO bucket_documents VALUES (?, ?, ?)',
    );
    this.#deleteDocument = database.prepare(
      'DELETE FROM bucket_documents WHERE bucket = ? AND kind = ?',
    );
  }

  /** Throws NoSuchBucket. */
  get(name: string): Bucket {
    let bucket = this.#cache.get(name);
    if (bucket === undefined) {
      bucket = this.#byName.get(name) as unknown as Bucket | undefined;
      if (bucket === undefined) {
        throw new S3Failure('NoSuchBucket', { details: { BucketName: name } });
      }
      this.#cache.set(name, bucket);
    }
    return bucket;
  }

  list(): Bucket[] {
    return this.#all.all() as unknown as Bucket[];
  }

  create(name: string, now: number): void {
    this.#database.write(() => {
      if (this.#byName.get(name) !== undefined) throw new S3Failure('BucketAlreadyOwnedByYou');
      this.#insert.run(name, now);
    });
  }

  /** Removes an empty bucket; `abortUploads` is called within the write. */
  remove(name: string, abortUploads: (bucket: Bucket) => void): void {
    this.#database.write(() => {
      const bucket = this.get(name);
      if (this.#used.get(bucket.id) !== undefined) throw new S3Failure('BucketNotEmpty');
      abortUploads(bucket);
      for (const removal of this.#removals) removal.run(bucket.id);
      this.#cache.delete(name);
    });
  }

  setVersioning(name: string, versioning: Versioning): void {
    this.#database.write(() => {
      this.#setVersioning.run(versioning, this.get(name).id);
      this.#cache.delete(name);
    });
  }

  document(name: string, kind: DocumentKind): string | undefined {
    const row = this.#document.get(this.get(name).id, kind) as { body: string } | undefined;
    return row?.body;
  }

  putDocument(name: string, kind: DocumentKind, body: string): void {
    this.#database.write(() => this.#putDocument.run(this.get(name).id, kind, body));
  }

  deleteDocument(name: string, kind: DocumentKind): void {
    this.#database.write(() => this.#deleteDocument.run(this.get(name).id, kind));
  }
}
