/** Which job brings an inode to its key, and the mark by which its object is recognised if the answer is lost. */
import { Kind } from '../operations.ts';
import type { Attributes } from '../operations.ts';
import type { ObjectPin, OwnMark } from '../transfer/jobs.ts';
import { pinOf } from './base.ts';
import type { Base } from './base.ts';
import type { Context } from './context.ts';
import type { NewJob } from './outbox.ts';
import { Dirty } from './port.ts';
import { objectAttributes } from './posix-metadata.ts';
import type { ForeignAttributes } from './posix-metadata.ts';

/** A write to be made. */
export interface Write {
  ino: number;
  a: Attributes;
  bits: number;
  key: string;
  /** What the inode came from. */
  base: Base | undefined;
  /** What the key holds: the write is conditional on it. Undefined = nothing. */
  held: { eTag: string; versionId?: string } | undefined;
  /** Metadata, headers and tags to keep. */
  foreign: ForeignAttributes | undefined;
  /**
   * The key may hold another write of ours, which only the time of change, one of the attributes, tells from a copy
   * that kept those of its source.
   */
  isUnsure: boolean;
}

type Target = Pick<Extract<NewJob, { kind: 'put' }>, 'key' | 'condition' | 'attributes' | 'tagsOf'>;

/**
 * Content is sent only when it has changed; everything else is a copy made by the store. Undefined = there is no
 * space for the file from which it would be sent.
 */
export function writeJob(context: Context, write: Write): NewJob | undefined {
  const { ino, a, bits, key, base, held, foreign, isUnsure } = write;
  const condition = held === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: held.eTag };
  const attributes = objectAttributes(a, foreign);
  const source = base === undefined ? undefined : pinOf(base, base.key ?? key);
  if (source !== undefined && (bits & Dirty.content) === 0) {
    // Unknown attributes must not be overwritten by assumed ones.
    const isSame = !context.tree.isKnown(ino) || ((bits & Dirty.attributes) === 0 && !isUnsure);
    const replaced = isSame && source.key !== key ? undefined : attributes;
    const size = a.kind === Kind.directory ? 0 : a.size;
    return { kind: 'copy', from: source, size, key, condition, attributes: replaced };
  }
  const target: Target = { key, condition, attributes };
  if (held !== undefined && (foreign?.tagCount ?? 0) > 0) target.tagsOf = pinOf(held, key);
  return contentJob(context, ino, a, source, target);
}

function contentJob(
  context: Context,
  ino: number,
  a: Attributes,
  source: ObjectPin | undefined,
  target: Target,
): NewJob | undefined {
  const { tree } = context;
  if (a.kind === Kind.directory) return { kind: 'put', body: new Uint8Array(0), ...target };
  if (a.kind === Kind.symlink) {
    return { kind: 'put', body: Buffer.from(tree.linkTarget(ino), 'latin1'), ...target };
  }
  const small = tree.smallContent(ino);
  if (small !== undefined) return { kind: 'put', body: small, ...target };
  const path = tree.cacheFile(ino);
  if (path === undefined) return undefined;
  const job = { kind: 'upload' as const, path, size: a.size, ...target };
  if (source === undefined) return job;
  const unchanged = tree.unchanged(ino);
  const missing = tree.missing(ino);
  return { ...job, base: { from: source, size: a.size, unchanged, missing } };
}

export function markOf(job: NewJob): OwnMark {
  switch (job.kind) {
    case 'put':
      return { size: job.body.length, metadata: job.attributes.metadata };
    case 'upload':
      return { size: job.size, metadata: job.attributes.metadata };
    case 'copy':
      return job.attributes === undefined
        ? { size: job.size, eTag: job.from.eTag }
        : { size: job.size, metadata: job.attributes.metadata };
    case 'abort':
    case 'abort-unknown':
    case 'delete':
    case 'fetch':
    case 'head':
    case 'list':
    case 'watch':
      throw new Error(`${job.kind} writes nothing.`);
  }
}
