/** How keys, queries and object attributes look on the wire. */
import type { ObjectHead, ObjectHeaders, WriteCondition } from './bucket.ts';

const META = 'x-amz-meta-';

/** Percent-encoding as SigV4 wants it: everything but unreserved characters. */
export function encode(value: string): string {
  return encodeURIComponent(value).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A key as a path: slashes stay, and no segment is normalised away. */
export function encodeKey(key: string): string {
  return encode(key).replaceAll('%2F', '/');
}

/** A key or prefix of a listing with `encoding-type=url`, in which a blank may be a plus. */
export function decodeListed(value: string): string {
  if (!value.includes('%') && !value.includes('+')) return value;
  const escaped = value.replaceAll('+', '%20');
  try {
    return decodeURIComponent(escaped);
  } catch {
    return value;
  }
}

export function quote(eTag: string): string {
  return eTag === '*' || eTag.startsWith('"') ? eTag : `"${eTag}"`;
}

export function unquote(eTag: string): string {
  const start = eTag.startsWith('W/') ? 3 : 1;
  return eTag.length > start && eTag[start - 1] === '"' && eTag.endsWith('"')
    ? eTag.slice(start, -1)
    : eTag;
}

/** The headers of a precondition on what is about to be written. */
export function conditionHeaders(
  condition: WriteCondition | undefined,
  headers: Record<string, string>,
): void {
  if (condition?.ifMatch !== undefined) headers['if-match'] = quote(condition.ifMatch);
  if (condition?.ifNoneMatch !== undefined) headers['if-none-match'] = condition.ifNoneMatch;
}

/** The headers that give an object its attributes. */
export function attributeHeaders(
  attributes: ObjectHeaders & { metadata?: Record<string, string> },
  headers: Record<string, string>,
): void {
  for (const [field, name] of OBJECT_HEADERS) {
    const value = attributes[field];
    if (value !== undefined) headers[name] = value;
  }
  for (const [name, value] of Object.entries(attributes.metadata ?? {})) {
    headers[META + name] = asciiValue(value);
  }
}

const OBJECT_HEADERS: readonly (readonly [keyof ObjectHeaders, string])[] = [
  ['contentType', 'content-type'],
  ['contentEncoding', 'content-encoding'],
  ['contentDisposition', 'content-disposition'],
  ['contentLanguage', 'content-language'],
  ['cacheControl', 'cache-control'],
  ['expires', 'expires'],
];

/** Metadata beyond ASCII travels as RFC 2047 words, as S3 itself shows it. */
function asciiValue(value: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\t\x20-\x7e]*$/.test(value)) return value;
  return `=?UTF-8?B?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** What the headers of an answer to HEAD or GET say about an object. */
export function headOf(key: string, headers: Record<string, string>): ObjectHead {
  const metadata: Record<string, string> = {};
  for (const name in headers) {
    if (name.startsWith(META)) metadata[name.slice(META.length)] = headers[name] ?? '';
  }
  const head: ObjectHead = {
    key,
    size: sizeOf(headers),
    eTag: unquote(headers['etag'] ?? ''),
    lastModified: Date.parse(headers['last-modified'] ?? '') || 0,
    metadata,
  };
  const versionId = headers['x-amz-version-id'];
  if (versionId !== undefined) head.versionId = versionId;
  for (const [field, name] of OBJECT_HEADERS) {
    const value = headers[name];
    if (value !== undefined) head[field] = value;
  }
  const storageClass = headers['x-amz-storage-class'];
  if (storageClass !== undefined) head.storageClass = storageClass;
  const encryption = headers['x-amz-server-side-encryption'];
  if (encryption !== undefined) head.encryption = encryption;
  const tags = headers['x-amz-tagging-count'];
  if (tags !== undefined) head.tagCount = Number(tags);
  return head;
}

/** The whole object's size: of a ranged answer it is in Content-Range. */
function sizeOf(headers: Record<string, string>): number {
  const whole = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1];
  return Number(whole ?? headers['content-length'] ?? 0);
}
