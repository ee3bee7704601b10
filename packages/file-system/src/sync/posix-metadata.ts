/**
 * POSIX attributes as user metadata of an object: the three keys of S3 Files, and for the time of change and for
 * symbolic links those of its sibling FSx for Lustre (`file-mtime` in nanoseconds; a link's body is its target).
 */
import { Kind } from '../operations.ts';
import type { Attributes } from '../operations.ts';
import type { ObjectAttributes, RemoteHead, RemoteObject } from '../transfer/jobs.ts';
import type { RemoteAttributes } from './port.ts';

/** Owner and modes of what says nothing about them: uploaded by other tools. */
export interface DefaultAttributes {
  uid: number;
  gid: number;
  fileMode: number;
  directoryMode: number;
}

const typeMask = 0o170000;
const typeBits: Record<Kind, number> = {
  [Kind.file]: 0o100000,
  [Kind.directory]: 0o040000,
  [Kind.symlink]: 0o120000,
  [Kind.fifo]: 0o010000,
  [Kind.socket]: 0o140000,
};

const ours: ReadonlySet<string> = new Set([
  'file-owner',
  'file-group',
  'file-permissions',
  'file-mtime',
  'file-atime',
]);

/** The metadata that says what the inode is. */
export function posixMetadata(a: Attributes): Record<string, string> {
  const mode = (typeBits[a.kind] | a.mode).toString(8).padStart(7, '0');
  const mtime = BigInt(a.mtimeSec) * 1_000_000_000n + BigInt(a.mtimeNsec);
  return {
    'file-owner': String(a.uid),
    'file-group': String(a.gid),
    'file-permissions': mode,
    'file-mtime': `${mtime}ns`,
  };
}

/** What an object says besides: kept when we write a new version of it. Undefined = nothing worth keeping. */
export interface ForeignAttributes extends ObjectAttributes {
  tagCount?: number;
}

export function foreignAttributes(head: RemoteHead): ForeignAttributes | undefined {
  const kept: ForeignAttributes = { metadata: {} };
  let any = false;
  for (const [name, value] of Object.entries(head.metadata)) {
    if (ours.has(name)) continue;
    kept.metadata[name] = value;
    any = true;
  }
  for (const field of keptHeaders) {
    const value = head[field];
    if (value === undefined || (field === 'contentType' && value === 'binary/octet-stream'))
      continue;
    kept[field] = value;
    any = true;
  }
  if (head.tagCount !== undefined && head.tagCount > 0) {
    kept.tagCount = head.tagCount;
    any = true;
  }
  return any ? kept : undefined;
}

const keptHeaders = [
  'contentType',
  'contentEncoding',
  'contentDisposition',
  'contentLanguage',
  'cacheControl',
  'expires',
] as const;

/** What an object is to say about itself when we write it. */
export function objectAttributes(
  a: Attributes,
  foreign: ForeignAttributes | undefined,
): ObjectAttributes {
  const { tagCount: _, ...kept } = foreign ?? { metadata: {} };
  return { ...kept, metadata: { ...kept.metadata, ...posixMetadata(a) } };
}

/** An object of a listing: everything but size and time is assumed. */
export function assumedAttributes(
  object: RemoteObject | undefined,
  kind: Kind,
  defaults: DefaultAttributes,
): RemoteAttributes {
  const at = object?.lastModified ?? 0;
  return {
    kind,
    mode: kind === Kind.directory ? defaults.directoryMode : defaults.fileMode,
    uid: defaults.uid,
    gid: defaults.gid,
    size: kind === Kind.directory ? 0 : (object?.size ?? 0),
    mtimeSec: Math.floor(at / 1000),
    mtimeNsec: (at % 1000) * 1_000_000,
    known: false,
  };
}

/**
 * What HEAD tells. `isMarker`: the object is a directory's marker. A link whose body is not at hand is not known
 * yet: `known` stays false.
 */
export function headAttributes(
  head: RemoteHead,
  isMarker: boolean,
  body: Uint8Array | undefined,
  defaults: DefaultAttributes,
): RemoteAttributes {
  const { metadata } = head;
  const said = parseOctal(metadata['file-permissions']);
  const isLink =
    !isMarker &&
    said !== undefined &&
    (said & typeMask) === typeBits[Kind.symlink] &&
    head.size > 0 &&
    head.size <= linkBytesMax;
  const kind = isMarker ? Kind.directory : isLink ? Kind.symlink : Kind.file;
  const attributes = assumedAttributes(head, kind, defaults);
  attributes.known = !isLink || body !== undefined;
  // Bits that are those of a file say nothing about a directory.
  const isSaid = said !== undefined && (!isMarker || (said & typeMask) !== typeBits[Kind.file]);
  if (isSaid) attributes.mode = said & 0o7777;
  attributes.uid = parseId(metadata['file-owner']) ?? attributes.uid;
  attributes.gid = parseId(metadata['file-group']) ?? attributes.gid;
  const mtime = parseNanoseconds(metadata['file-mtime']);
  if (mtime !== undefined) {
    const second = 1_000_000_000n;
    const nanoseconds = ((mtime % second) + second) % second;
    attributes.mtimeSec = Number((mtime - nanoseconds) / second);
    attributes.mtimeNsec = Number(nanoseconds);
  }
  if (isLink && body !== undefined) attributes.target = Buffer.from(body).toString('latin1');
  return attributes;
}

/** Objects up to this size may be symbolic links: what `symlink` accepts. */
export const linkBytesMax = 4095;

function parseOctal(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-7]{1,7}$/.test(text) ? parseInt(text, 8) : undefined;
}

function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id < 0xffffffff ? id : undefined;
}

function parseNanoseconds(text: string | undefined): bigint | undefined {
  const digits = /^(-?\d{1,20})(?:ns)?$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : BigInt(digits);
}
