/**
 * What is known of the store: found out by a probe once, kept in the data directory, and found out again after a
 * week, because stores are upgraded. A mount neither waits for it nor fails by it; writes wait until it is known.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { carefulTraits, fullTraits, probeStore } from '@moorage/object-store';
import { probePrefix } from '../sync/keys.ts';
import type { Bucket, Kept, StoreTraits } from '@moorage/object-store';

const maxAgeMs = 7 * 24 * 60 * 60 * 1000;
/** When something could not be tried, for lack of a permission that may be given. */
const unknownMaxAgeMs = 60 * 60 * 1000;

export interface StoreKnowledgeOptions {
  bucket: Bucket;
  /** The data directory of the file system. */
  dir: string;
  /** Of the mount. */
  prefix: string;
  readOnly: boolean;
  /** A store of ours, which keeps all of them: nothing is to be found out. */
  own: boolean;
  now: () => number;
  /** 32 hexadecimal digits, never the same twice. */
  token: () => string;
}

/** A promise of S3 that the store does not keep, and what is done instead. */
export interface StoreLack {
  promise: keyof Omit<StoreTraits, 'note'>;
  kept: Exclude<Kept, 'yes'>;
  /** For people. */
  text: string;
}

export interface StoreReport {
  /** When it was found out; absent when it could not be. */
  probedAtMs?: number;
  lacks: StoreLack[];
  note?: string;
}

export interface StoreKnowledge {
  traits: StoreTraits;
  report: StoreReport;
}

/** Never rejects. */
export async function knowStore(options: StoreKnowledgeOptions): Promise<StoreKnowledge> {
  if (options.own) return knowledge(fullTraits, options.now());
  const known = readKept(options);
  if (known !== undefined) return knowledge(known.traits, known.probedAtMs);
  if (options.readOnly) {
    return knowledge(carefulTraits('It is mounted read-only, so writing was not tried.'));
  }
  try {
    const { bucket, prefix, now, token } = options;
    const traits = await probeStore(bucket, { prefix: prefix + probePrefix, token: token(), now });
    const probedAtMs = now();
    keep(options, { traits, probedAtMs });
    return knowledge(traits, probedAtMs);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return knowledge(carefulTraits(`It could not be tried: ${why}`));
  }
}

interface KeptTraits {
  traits: StoreTraits;
  probedAtMs: number;
}

interface KeptFile extends KeptTraits {
  endpoint: string;
  bucket: string;
}

function readKept({ dir, bucket, now }: StoreKnowledgeOptions): KeptTraits | undefined {
  try {
    const kept = JSON.parse(readFileSync(file(dir), 'utf8')) as KeptFile;
    const isOfStore = kept.endpoint === bucket.endpoint && kept.bucket === bucket.name;
    const isKnown = !Object.values(kept.traits).includes('unknown');
    const ageMs = now() - kept.probedAtMs;
    return isOfStore && ageMs < (isKnown ? maxAgeMs : unknownMaxAgeMs) ? kept : undefined;
  } catch {
    // Absent, or cut short by a power loss: it is found out again.
    return undefined;
  }
}

function keep({ dir, bucket }: StoreKnowledgeOptions, { traits, probedAtMs }: KeptTraits): void {
  const kept: KeptFile = { endpoint: bucket.endpoint, bucket: bucket.name, probedAtMs, traits };
  writeFileSync(`${file(dir)}.new`, JSON.stringify(kept), { mode: 0o600 });
  renameSync(`${file(dir)}.new`, file(dir));
}

function file(dir: string): string {
  return join(dir, 'store.json');
}

function knowledge(traits: StoreTraits, probedAtMs?: number): StoreKnowledge {
  const report: StoreReport = { lacks: lacksOf(traits) };
  if (probedAtMs !== undefined) report.probedAtMs = probedAtMs;
  if (traits.note !== undefined) report.note = traits.note;
  return { traits, report };
}

const promises: Record<StoreLack['promise'], string> = {
  putIfAbsent: 'PUT with If-None-Match',
  putIfMatch: 'PUT with If-Match',
  copyCondition: 'conditional CopyObject',
  copySourceIfMatch: 'CopyObject with a condition on its source',
  completeCondition: 'conditional CompleteMultipartUpload',
  deleteIfMatch: 'DELETE with If-Match',
  checksums: 'refusing a body that does not match its checksum',
  versionIds: 'naming versions in its answers',
  versionLists: 'ListObjectVersions',
};

function lacksOf(traits: StoreTraits): StoreLack[] {
  const lacks: StoreLack[] = [];
  for (const promise of Object.keys(promises) as StoreLack['promise'][]) {
    const kept = traits[promise];
    if (kept === 'yes') continue;
    lacks.push({
      promise,
      kept,
      text: `${promises[promise]}: ${insteadOf(promise, kept, traits)}`,
    });
  }
  return lacks;
}

function insteadOf(promise: StoreLack['promise'], kept: Kept, traits: StoreTraits): string {
  const lack =
    kept === 'racy' ? 'not between simultaneous requests' : `${kept === 'no' ? 'no' : 'not known'}`;
  switch (promise) {
    case 'checksums':
      return kept === 'no' ? `${lack}; ETags are compared instead` : lack;
    case 'versionIds':
      return `${lack}; versions are looked up by listing them`;
    case 'versionLists':
      return `${lack}; somebody else's simultaneous change may be overwritten (it stays an older version)`;
    case 'copySourceIfMatch':
      return `${lack}; the source is looked at before`;
    default:
      return traits.versionLists === 'yes'
        ? `${lack}; the key is compared before and its versions after each write`
        : `${lack}; the key is compared before each write, and a simultaneous change may be overwritten (it stays an older version)`;
  }
}
