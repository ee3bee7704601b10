/**
 * Which promises of S3 a store keeps. Stores differ, some answer 200 to a condition they have ignored, and what
 * they say of themselves does not tell: `probeStore` finds out, `guardedBucket` makes up for what is missing.
 */

/**
 * `racy`: kept between requests one after the other, not between simultaneous ones. `unknown`: it could not be
 * tried (no permission); it is asked for and not relied on.
 */
export type Kept = 'yes' | 'racy' | 'no' | 'unknown';

export interface StoreTraits {
  /** PUT with If-None-Match: *. */
  putIfAbsent: Kept;
  /** PUT with If-Match. */
  putIfMatch: Kept;
  /** CopyObject with a condition on what it writes. */
  copyCondition: Kept;
  /** CopyObject with x-amz-copy-source-if-match. */
  copySourceIfMatch: Kept;
  /** CompleteMultipartUpload with a condition. */
  completeCondition: Kept;
  /** DELETE with If-Match. */
  deleteIfMatch: Kept;
  /** A body that is not what its checksum says is refused. */
  checksums: Kept;
  /** Answers name the version they are about. */
  versionIds: Kept;
  /** ListObjectVersions. */
  versionLists: Kept;
  /** Why something is unknown, or what could not be cleaned up. */
  note?: string;
}

/** What Amazon S3 keeps. */
export const fullTraits: StoreTraits = all('yes');

/** Of a store that could not be tried: nothing is relied on. */
export function carefulTraits(note: string): StoreTraits {
  return { ...all('unknown'), note };
}

function all(kept: Kept): StoreTraits {
  return {
    putIfAbsent: kept,
    putIfMatch: kept,
    copyCondition: kept,
    copySourceIfMatch: kept,
    completeCondition: kept,
    deleteIfMatch: kept,
    checksums: kept,
    versionIds: kept,
    versionLists: kept,
  };
}
