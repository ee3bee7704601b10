/**
 * Versions of objects: put, delete, look up. Everything here is synchronous; the changing functions
 * run within one write of the database, so a precondition holds at the very moment of the change.
 */
import { randomFillSync } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import type { BlobStore, Extent, FreshBlob } from './blob-store.ts';
import type { Bucket } from './bucket-table.ts';
import { checkWrite, isConditional } from './conditions.ts';
import type { Tagged, WriteConditions } from './conditions.ts';
import type { Database } from './database.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { ObjectMeta } from './object-meta.ts';
import { S3Failure } from './s3-error.ts';

/** One version of a key. */
export interface ObjectVersion extends Tagged {
  readonly sequence: number;
  readonly key: string;
  /** `null` for versions made while versioning was not enabled. */
  readonly versionId: string;
  readonly size: number;
  readonly extents: readonly Extent[];
  readonly meta: ObjectMeta;
  /** URL-encoded pairs, as in x-amz-tagging. */
  readonly tags: string;
}

/** Columns of `versions`. */
export interface VersionRow {
  seq: number;
  bucket: number;
  key: string;
  version_id: string;
  marker: number;
  etag: string;
  size: number;
  mtime: number;
  extents: string;
  meta: string;
  tags: string;
}

/** Where the bytes of a new version come from. */
export type Content =
  | { readonly fresh: FreshBlob }
  /** Extents of blobs that others refer to as well. */
  | { readonly shared: readonly Extent[] }
  /** Extents whose references the new version takes over. */
  | { readonly owned: readonly Extent[] };

export interface NewVersion {
  readonly content: Content;
  readonly eTag: string;
  readonly size: number;
  readonly meta: ObjectMeta;
  readonly tags: string;
}

export interface DeleteOutcome {
  readonly deleteMarker: boolean;
  readonly versionId?: string;
}

/** Turns a row into a version. */
export function versionOfRow(row: VersionRow): ObjectVersion {
  return {
    sequence: row.seq,
    key: row.key,
    versionId: row.version_id,
    isDeleteMarker: row.marker === 1,
    eTag: row.etag,
    size: row.size,
    lastModified: row.mtime,
    extents: JSON.parse(row.extents) as Extent[],
    meta: JSON.parse(row.meta) as ObjectMeta,
    tags: row.tags,
  };
}

/** The version id's sequence number; ids are 8 bytes of it and 16 random ones, base64url. */
export function sequenceOfVersionId(versionId: string): number | undefined {
  const bytes = Buffer.from(versionId, 'base64url');
  if (bytes.length !== 24 || versionId.length !== 32) return undefined;
  const sequence = Number(bytes.readBigUInt64BE(0));
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}

/** The versions of one endpoint. */
export class VersionTable {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #feed: ChangeFeed;
  readonly #nextSequence: () => number;
  readonly #clock: () => number;
  /** Keys changed by writes that are not durable yet, with the last change: their readers wait. */
  readonly #unsettled = new Map<string, number>();
  readonly #latest: StatementSync;
  readonly #bySequence: StatementSync;
  readonly #nullVersion: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #setLive: StatementSync;
  readonly #unsetLive: StatementSync;
  readonly #setTags: StatementSync;
  readonly #idBytes = Buffer.alloc(24);
  readonly #random = Buffer.alloc(4096);
  #randomUsed = 4096;

  constructor(
    database: Database,
    blobs: BlobStore,
    feed: ChangeFeed,
    nextSequence: () => number,
    clock: () => number,
  ) {
    this.#database = database;
    this.#blobs = blobs;
    this.#feed = feed;
    this.#nextSequence = nextSequence;
    this.#clock = clock;
    const prepare = (sql: string): StatementSync => database.prepare(sql);
    this.#latest = prepare(
      'SELECT * FROM versions WHERE bucket = ? AND key = ? ORDER BY seq DESC LIMIT 1',
    );
    this.#bySequence = prepare('SELECT * FROM versions WHERE seq = ?');
    this.#nullVersion = prepare(
      "SELECT * FROM versions WHERE bucket = ? AND key = ? AND version_id = 'null'",
    );
    this.#insert = prepare('INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#remove = prepare('DELETE FROM versions WHERE seq = ?');
    this.#setLive = prepare('INSERT OR REPLACE INTO live VALUES (?, ?, ?)');
    this.#unsetLive = prepare('DELETE FROM live WHERE bucket = ? AND key = ?');
    this.#setTags = prepare('UPDATE versions SET tags = ? WHERE seq = ?');
    database.onRollback(() => this.#unsettled.clear());
  }

  /** Newest version of the key, delete marker or not. */
  latest(bucket: Bucket, key: string): ObjectVersion | undefined {
    const row = this.#latest.get(bucket.id, key) as unknown as VersionRow | undefined;
    return row === undefined ? undefined : versionOfRow(row);
  }

  version(bucket: Bucket, key: string, versionId: string): ObjectVersion | undefined {
    let row: VersionRow | undefined;
    if (versionId === 'null') {
      row = this.#nullVersion.get(bucket.id, key) as unknown as VersionRow | undefined;
    } else {
      const sequence = sequenceOfVersionId(versionId);
      if (sequence === undefined) {
        throw new S3Failure('InvalidArgument', { message: 'Invalid version id specified' });
      }
      row = this.#bySequence.get(sequence) as unknown as VersionRow | undefined;
      if (row?.bucket !== bucket.id || row.key !== key || row.version_id !== versionId) {
        row = undefined;
      }
    }
    return row === undefined ? undefined : versionOfRow(row);
  }

  /**
   * The object a read addresses; throws NoSuchKey, NoSuchVersion, or MethodNotAllowed for a
   * delete marker asked for by its id.
   */
  readable(bucket: Bucket, key: string, versionId: string | undefined): ObjectVersion {
    if (versionId === undefined) {
      const latest = this.latest(bucket, key);
      if (latest === undefined || latest.isDeleteMarker) {
        throw new S3Failure('NoSuchKey', {
          details: { Key: key },
          headers:
            latest === undefined
              ? {}
              : { 'x-amz-delete-marker': 'true', 'x-amz-version-id': latest.versionId },
        });
      }
      return latest;
    }
    const version = this.version(bucket, key, versionId);
    if (version === undefined) {
      throw new S3Failure('NoSuchVersion', { details: { Key: key, VersionId: versionId } });
    }
    if (version.isDeleteMarker) {
      throw new S3Failure('MethodNotAllowed', {
        headers: {
          'x-amz-delete-marker': 'true',
          'x-amz-version-id': versionId,
          'last-modified': new Date(version.lastModified).toUTCString(),
          allow: 'DELETE',
        },
      });
    }
    return version;
  }

  /** What a reader of the key must wait for before it may answer. */
  settled(bucket: Bucket, key: string): Promise<void> | undefined {
    return this.#unsettled.has(`${bucket.id}/${key}`) ? this.#database.settled() : undefined;
  }

  /** Makes a new current version. */
  put(bucket: Bucket, key: string, made: NewVersion, conditions: WriteConditions): ObjectVersion {
    return this.#database.write(() => {
      if (isConditional(conditions)) checkWrite(conditions, this.latest(bucket, key));
      return this.putWithin(bucket, key, made);
    });
  }

  /** As `put`, within a write whose preconditions were checked. */
  putWithin(bucket: Bucket, key: string, made: NewVersion): ObjectVersion {
    const { content } = made;
    let extents: readonly Extent[];
    if ('fresh' in content) {
      extents = this.#blobs.adopt(content.fresh);
    } else if ('shared' in content) {
      extents = content.shared;
      this.#blobs.share(extents);
    } else {
      extents = content.owned;
    }
    // Only now: what is replaced may be what was copied, and must not lose its bytes in between.
    this.#removeReplaced(bucket, key);
    const version = this.#add(bucket, key, { ...made, extents, isDeleteMarker: false });
    this.#setLive.run(bucket.id, key, version.sequence);
    this.#changed(bucket, key, 'put', version, version.sequence);
    return version;
  }

  /** Deletes the current version: a delete marker, or gone where versioning never was enabled. */
  deleteCurrent(bucket: Bucket, key: string, conditions: WriteConditions): DeleteOutcome {
    return this.#database.write(() => {
      const current = this.latest(bucket, key);
      checkWrite(conditions, current);
      if (bucket.versioning === '' && current === undefined) return { deleteMarker: false };
      this.#removeReplaced(bucket, key);
      this.#unsetLive.run(bucket.id, key);
      if (bucket.versioning === '') {
        this.#changed(bucket, key, 'delete', undefined, this.#nextSequence());
        return { deleteMarker: false };
      }
      const marker = this.#add(bucket, key, {
        eTag: '',
        size: 0,
        meta: {},
        tags: '',
        extents: [],
        isDeleteMarker: true,
      });
      this.#changed(bucket, key, 'delete', marker, marker.sequence);
      return { deleteMarker: true, versionId: marker.versionId };
    });
  }

  /** Removes one version for good; the next newest one becomes current. */
  deleteVersion(
    bucket: Bucket,
    key: string,
    versionId: string,
    conditions: WriteConditions,
  ): DeleteOutcome {
    return this.#database.write(() => {
      const version = this.version(bucket, key, versionId);
      checkWrite(conditions, conditions.ifMatch === undefined ? undefined : version);
      if (version === undefined) return { deleteMarker: false, versionId };
      const wasCurrent = this.latest(bucket, key)?.sequence === version.sequence;
      this.#remove.run(version.sequence);
      this.#blobs.release(version.extents);
      if (wasCurrent) this.#uncovered(bucket, key);
      return { deleteMarker: version.isDeleteMarker, versionId };
    });
  }

  setTags(version: ObjectVersion, tags: string): void {
    this.#database.write(() => this.#setTags.run(tags, version.sequence));
  }

  /** The current version is gone: what was below it is current now. */
  #uncovered(bucket: Bucket, key: string): void {
    const now = this.latest(bucket, key);
    if (now === undefined || now.isDeleteMarker) {
      this.#unsetLive.run(bucket.id, key);
      this.#changed(bucket, key, 'delete', now, this.#nextSequence());
    } else {
      this.#setLive.run(bucket.id, key, now.sequence);
      this.#changed(bucket, key, 'put', now, this.#nextSequence());
    }
  }

  /** Unless versioning is enabled, the null version makes way for what comes. */
  #removeReplaced(bucket: Bucket, key: string): void {
    if (bucket.versioning === 'Enabled') return;
    const row = this.#nullVersion.get(bucket.id, key) as unknown as VersionRow | undefined;
    if (row === undefined) return;
    this.#remove.run(row.seq);
    this.#blobs.release(JSON.parse(row.extents) as Extent[]);
  }

  #add(
    bucket: Bucket,
    key: string,
    made: Omit<ObjectVersion, 'sequence' | 'key' | 'versionId' | 'lastModified'>,
  ): ObjectVersion {
    const sequence = this.#nextSequence();
    const lastModified = this.#clock();
    const versionId = bucket.versioning === 'Enabled' ? this.#versionId(sequence) : 'null';
    this.#insert.run(
      sequence,
      bucket.id,
      key,
      versionId,
      made.isDeleteMarker ? 1 : 0,
      made.eTag,
      made.size,
      lastModified,
      JSON.stringify(made.extents),
      JSON.stringify(made.meta),
      made.tags,
    );
    const { eTag, size, meta, tags, extents, isDeleteMarker } = made;
    return {
      sequence,
      key,
      versionId,
      lastModified,
      eTag,
      size,
      meta,
      tags,
      extents,
      isDeleteMarker,
    };
  }

  #versionId(sequence: number): string {
    this.#idBytes.writeBigUInt64BE(BigInt(sequence), 0);
    if (this.#randomUsed === this.#random.length) {
      randomFillSync(this.#random);
      this.#randomUsed = 0;
    }
    this.#random.copy(this.#idBytes, 8, this.#randomUsed, (this.#randomUsed += 16));
    return this.#idBytes.toString('base64url');
  }

  #changed(
    bucket: Bucket,
    key: string,
    type: 'put' | 'delete',
    version: ObjectVersion | undefined,
    sequence: number,
  ): void {
    const name = `${bucket.id}/${key}`;
    this.#unsettled.set(name, sequence);
    this.#database.whenDurable(() => {
      if (this.#unsettled.get(name) === sequence) this.#unsettled.delete(name);
      this.#feed.publish(bucket.id, {
        key,
        versionId: version?.versionId ?? 'null',
        eTag: type === 'put' ? (version?.eTag ?? '') : '',
        size: type === 'put' ? (version?.size ?? 0) : 0,
        type,
        sequencer: sequence.toString(16).padStart(16, '0'),
      });
    });
  }
}
