/** Multipart uploads under way: parts, completion, abort. Synchronous, within writes. */
import { createHash, randomBytes } from 'node:crypto';
import type { StatementSync } from 'node:sqlite';
import type { BlobStore, Extent } from './blob-store.ts';
import type { Bucket } from './bucket-table.ts';
import { joinChecksums } from './checksum.ts';
import type { ChecksumAlgorithm, ChecksumType } from './checksum.ts';
import { bareETag, checkWrite } from './conditions.ts';
import type { WriteConditions } from './conditions.ts';
import type { Database } from './database.ts';
import { afterPrefix } from './listing.ts';
import type { ObjectMeta } from './object-meta.ts';
import { S3Failure } from './s3-error.ts';
import type { Content, ObjectVersion, VersionTable } from './version-table.ts';

/** No part but the last may be smaller. */
const partBytesMin = 5 * 2 ** 20;

export interface Upload {
  readonly bucket: number;
  readonly key: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly initiated: number;
  readonly meta: ObjectMeta;
  readonly tags: string;
  readonly algorithm: ChecksumAlgorithm | '';
  readonly checksumType: ChecksumType | '';
}

export interface Part {
  readonly number: number;
  readonly eTag: string;
  readonly size: number;
  readonly lastModified: number;
  readonly extents: readonly Extent[];
  /** Base64, of the upload's algorithm; '' for none. */
  readonly checksum: string;
}

/** What a client lists when it completes. */
export interface ClaimedPart {
  readonly number: number;
  readonly eTag: string;
  readonly checksum?: string;
}

interface UploadRow {
  bucket: number;
  key: string;
  id: string;
  initiated: number;
  meta: string;
  tags: string;
  algorithm: ChecksumAlgorithm | '';
  checksum_type: ChecksumType | '';
}

interface PartRow {
  number: number;
  etag: string;
  size: number;
  mtime: number;
  extents: string;
  checksum: string;
}

function uploadOfRow({ checksum_type, meta, ...row }: UploadRow): Upload {
  return { ...row, meta: JSON.parse(meta) as ObjectMeta, checksumType: checksum_type };
}

function partOfRow(row: PartRow): Part {
  const { number, size, checksum } = row;
  const extents = JSON.parse(row.extents) as Extent[];
  return { number, size, checksum, eTag: row.etag, lastModified: row.mtime, extents };
}

/** The uploads of one endpoint. */
export class UploadTable {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #versions: VersionTable;
  readonly #clock: () => number;
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #remove: StatementSync;
  readonly #putPart: StatementSync;
  readonly #getPart: StatementSync;
  readonly #parts: StatementSync;
  readonly #removeParts: StatementSync;

  constructor(database: Database, blobs: BlobStore, versions: VersionTable, clock: () => number) {
    this.#database = database;
    this.#blobs = blobs;
    this.#versions = versions;
    this.#clock = clock;
    this.#insert = database.prepare('INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?)');
    this.#get = database.prepare('SELECT * FROM uploads WHERE bucket = ? AND key = ? AND id = ?');
    this.#list = database.prepare(
      'SELECT * FROM uploads WHERE bucket = ? AND key >= ? ORDER BY key, id',
    );
    this.#remove = database.prepare('DELETE FROM uploads WHERE bucket = ? AND key = ? AND id = ?');
    this.#putPart = database.prepare('INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)');
    this.#getPart = database.prepare('SELECT * FROM parts WHERE upload = ? AND number = ?');
    this.#parts = database.prepare('SELECT * FROM parts WHERE upload = ? ORDER BY number');
    this.#removeParts = database.prepare('DELETE FROM parts WHERE upload = ?');
  }

  create(bucket: Bucket, made: Omit<Upload, 'bucket' | 'id' | 'initiated'>): string {
    const id = randomBytes(24).toString('base64url');
    const { key, meta, tags, algorithm, checksumType } = made;
    const metaText = JSON.stringify(meta);
    this.#database.write(() =>
      this.#insert.run(bucket.id, key, id, this.#clock(), metaText, tags, algorithm, checksumType),
    );
    return id;
  }

  /** Throws NoSuchUpload. */
  get(bucket: Bucket, key: string, id: string): Upload {
    const row = this.#get.get(bucket.id, key, id) as unknown as UploadRow | undefined;
    if (row === undefined) throw new S3Failure('NoSuchUpload', { details: { UploadId: id } });
    return uploadOfRow(row);
  }

  /** A part, in place of an earlier one of that number. */
  putPart(
    bucket: Bucket,
    key: string,
    id: string,
    part: Omit<Part, 'extents' | 'lastModified'>,
    content: Content,
  ): Part {
    return this.#database.write(() => {
      this.get(bucket, key, id);
      const old = this.#getPart.get(id, part.number) as unknown as PartRow | undefined;
      let extents: readonly Extent[];
      if ('fresh' in content) {
        extents = this.#blobs.adopt(content.fresh);
      } else if ('shared' in content) {
        extents = content.shared;
        this.#blobs.share(extents);
      } else {
        extents = content.owned;
      }
      if (old !== undefined) this.#blobs.release(partOfRow(old).extents);
      const lastModified = this.#clock();
      this.#putPart.run(
        id,
        part.number,
        part.eTag,
        part.size,
        lastModified,
        JSON.stringify(extents),
        part.checksum,
      );
      return { ...part, extents, lastModified };
    });
  }

  parts(id: string): Part[] {
    return (this.#parts.all(id) as unknown as PartRow[]).map(partOfRow);
  }

  abort(bucket: Bucket, key: string, id: string): void {
    this.#database.write(() => {
      this.get(bucket, key, id);
      this.#discard(bucket, key, id);
    });
  }

  /** Within a write. */
  abortAll(bucket: Bucket): void {
    for (const { key, id } of this.#list.all(bucket.id, '') as unknown as UploadRow[]) {
      this.#discard(bucket, key, id);
    }
  }

  #discard(bucket: Bucket, key: string, id: string): void {
    for (const part of this.parts(id)) this.#blobs.release(part.extents);
    this.#removeParts.run(id);
    this.#remove.run(bucket.id, key, id);
  }

  /** Makes the object of the claimed parts; the others are dropped. */
  complete(
    bucket: Bucket,
    key: string,
    id: string,
    claimed: readonly ClaimedPart[],
    conditions: WriteConditions,
    expected: { readonly checksum?: string; readonly size?: number },
  ): ObjectVersion {
    return this.#database.write(() => {
      const upload = this.get(bucket, key, id);
      const stored = new Map(this.parts(id).map((p) => [p.number, p]));
      const used = claimedParts(upload, stored, claimed);
      const size = used.reduce((sum, p) => sum + p.size, 0);
      if (expected.size !== undefined && expected.size !== size) {
        throw new S3Failure('InvalidRequest', {
          message: `The provided x-amz-mp-object-size does not match the ${size} bytes of the parts.`,
        });
      }
      const meta = completedMeta(upload, used, expected.checksum);
      checkWrite(conditions, this.#versions.latest(bucket, key));
      const md5 = createHash('md5');
      for (const p of used) md5.update(Buffer.from(p.eTag, 'hex'));
      const kept = new Set(used.map((p) => p.number));
      for (const [number, p] of stored) if (!kept.has(number)) this.#blobs.release(p.extents);
      this.#removeParts.run(id);
      this.#remove.run(bucket.id, key, id);
      return this.#versions.putWithin(bucket, key, {
        content: { owned: used.flatMap((p) => p.extents) },
        eTag: `${md5.digest('hex')}-${used.length}`,
        size,
        meta,
        tags: upload.tags,
      });
    });
  }

  /** Uploads in key order, at most `limit`, after the marker; with whether there are more. */
  list(
    bucket: Bucket,
    query: {
      readonly prefix: string;
      readonly delimiter: string;
      readonly limit: number;
      readonly keyMarker: string;
      readonly idMarker: string | undefined;
    },
  ): { uploads: Upload[]; prefixes: string[]; more: boolean } {
    const { prefix, delimiter, limit, keyMarker, idMarker } = query;
    const uploads: Upload[] = [];
    const prefixes: string[] = [];
    const begin = Buffer.compare(Buffer.from(keyMarker), Buffer.from(prefix)) > 0;
    let seek: string | undefined = begin ? keyMarker : prefix;
    while (seek !== undefined) {
      const from: string = seek;
      seek = undefined;
      for (const row of this.#list.iterate(bucket.id, from) as unknown as Iterable<UploadRow>) {
        if (!row.key.startsWith(prefix)) break;
        if (row.key === keyMarker && (idMarker === undefined || row.id <= idMarker)) continue;
        const at = delimiter === '' ? -1 : row.key.indexOf(delimiter, prefix.length);
        const common = at < 0 ? undefined : row.key.slice(0, at + delimiter.length);
        if (common !== undefined && common === keyMarker) continue;
        if (uploads.length + prefixes.length === limit) return { uploads, prefixes, more: true };
        if (common === undefined) {
          uploads.push(uploadOfRow(row));
        } else {
          prefixes.push(common);
          seek = afterPrefix(common);
          break;
        }
      }
    }
    return { uploads, prefixes, more: false };
  }
}

function claimedParts(
  upload: Upload,
  stored: ReadonlyMap<number, Part>,
  claimed: readonly ClaimedPart[],
): Part[] {
  if (claimed.length === 0) throw new S3Failure('MalformedXML');
  if (claimed.some(({ number }, i) => i > 0 && claimed[i - 1]!.number >= number)) {
    throw new S3Failure('InvalidPartOrder');
  }
  return claimed.map((claim, i) => {
    const part = stored.get(claim.number);
    if (
      part === undefined ||
      part.eTag !== bareETag(claim.eTag) ||
      (claim.checksum !== undefined && claim.checksum !== part.checksum)
    ) {
      throw new S3Failure('InvalidPart', {
        details: { UploadId: upload.id, PartNumber: String(claim.number), ETag: claim.eTag },
      });
    }
    if (part.size < partBytesMin && i < claimed.length - 1) {
      throw new S3Failure('EntityTooSmall', {
        details: {
          ProposedSize: String(part.size),
          MinSizeAllowed: String(partBytesMin),
          PartNumber: String(part.number),
          ETag: part.eTag,
        },
      });
    }
    return part;
  });
}

function completedMeta(upload: Upload, used: readonly Part[], expected?: string): ObjectMeta {
  const { algorithm, checksumType } = upload;
  const parts = used.map((p) => ({
    number: p.number,
    size: p.size,
    ...(p.checksum === '' ? {} : { checksum: p.checksum }),
  }));
  if (algorithm === '' || checksumType === '' || used.some((p) => p.checksum === '')) {
    return { ...upload.meta, parts };
  }
  const checksum = joinChecksums(
    algorithm,
    checksumType,
    used.map((p) => ({ value: p.checksum, size: p.size })),
  );
  if (expected !== undefined && expected !== checksum.value) {
    throw new S3Failure('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
  return { ...upload.meta, parts, checksum };
}
