/**
 * The base of an inode: the S3 object it came from or was last exported as. Kept as text in the inode's row.
 *
 * `key` is absent while the object is where the path says; it is written down when the inode is moved.
 */
import type { ObjectPin, OwnMark } from '../transfer/jobs.ts';
import type { ForeignAttributes } from './posix-metadata.ts';

export interface Base {
  eTag: string;
  versionId?: string;
  key?: string;
  foreign?: ForeignAttributes;
  /** When the object was last known to be what the inode holds. By our clock. */
  syncedMs?: number;
  /** By the store's clock: the object was not changed after this when it was last looked at or written. */
  modifiedMs?: number;
}

export function parseBase(text: string): Base | undefined {
  if (text === '') return undefined;
  const [eTag, versionId, key, foreign, syncedMs, modifiedMs] = JSON.parse(text) as [
    string,
    string | 0,
    string | 0,
    ForeignAttributes | 0,
    number | undefined,
    number | undefined,
  ];
  const base: Base = { eTag };
  if (versionId !== 0) base.versionId = versionId;
  if (key !== 0) base.key = key;
  if (foreign !== 0) base.foreign = foreign;
  if (syncedMs !== undefined) base.syncedMs = syncedMs;
  if (modifiedMs !== undefined) base.modifiedMs = modifiedMs;
  return base;
}

/** JSON escapes none of these characters. */
const plain = /^[\w-]*$/;

export function formatBase(base: Base): string {
  const { eTag, versionId = 0, key = 0, foreign = 0, syncedMs, modifiedMs } = base;
  const isFromListing = !versionId && !key && !foreign && syncedMs === undefined;
  if (isFromListing && plain.test(eTag)) return `["${eTag}",0,0,0]`;
  const parts = [eTag, versionId, key, foreign];
  if (syncedMs === undefined) return JSON.stringify(parts);
  return JSON.stringify([...parts, syncedMs, ...(modifiedMs === undefined ? [] : [modifiedMs])]);
}

export function newBase(
  object: { eTag: string; versionId?: string | undefined },
  foreign: ForeignAttributes | undefined,
  key?: string,
  times: { syncedMs?: number | undefined; modifiedMs?: number | undefined } = {},
): Base {
  const base: Base = { eTag: object.eTag };
  if (object.versionId !== undefined) base.versionId = object.versionId;
  if (foreign !== undefined) base.foreign = foreign;
  if (key !== undefined) base.key = key;
  const { syncedMs, modifiedMs } = times;
  if (syncedMs !== undefined) base.syncedMs = Math.floor(syncedMs);
  if (modifiedMs !== undefined) base.modifiedMs = modifiedMs;
  return base;
}

/** The same bytes, and yet another object: its attributes may have changed. HEADs and dates tell seconds. */
export function isModified(base: Base, shownMs: number): boolean {
  const { modifiedMs } = base;
  return modifiedMs !== undefined && Math.floor(shownMs / 1000) > Math.floor(modifiedMs / 1000);
}

export function pinOf(base: Base, key: string): ObjectPin {
  return base.versionId === undefined
    ? { key, eTag: base.eTag }
    : { key, eTag: base.eTag, versionId: base.versionId };
}

/** Records of the planner, by prefix. Each is followed by a key, an inode number or a serial number. */
export const Record = {
  /** What a key holds that no name stands for any more: JSON of `Deletion`. */
  deletion: 't:',
  /** Writes to a key whose outcome is not known yet: JSON of `OwnMark[]`. */
  attempts: 'p:',
  /** A directory that was moved, and the prefix below which its children still are. */
  moved: 'm:',
  /** Uploads in parts for a key that may be open: JSON of `OpenUpload[]`. */
  upload: 'u:',
  conflict: 'c:',
  /** The last conflicts that were settled: JSON of `[id, Settlement][]`. */
  settled: 's:',
  importFailure: 'f:',
  /** The part of a key for which a shortened name stands. */
  shortened: 'e:',
  /** Of the file system: 'on' when names of keys are escaped, 'off' when they were once. */
  escaping: 'names',
  /** One: the synchronisation configuration that was put last, as JSON. */
  configuration: 'synchronization',
} as const;

/** See `Record.deletion`. */
export interface Deletion {
  /** Absent: only the marks tell whether it is ours. */
  eTag?: string;
  versionId?: string;
  foreign?: ForeignAttributes;
  /** An inode that has moved elsewhere and whose object is still here: wait until it is exported. */
  ino?: number;
  marks: OwnMark[];
}
