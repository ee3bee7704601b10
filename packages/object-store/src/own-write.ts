/**
 * Did a conditional write whose answer was lost succeed? A repeated conditional PUT is refused with 412 when its
 * first try has won; the object that is there now is then compared with what we sent.
 */
import { createHash } from 'node:crypto';
import type { ObjectHead, StreamBody } from './bucket.ts';

/** What was sent: the body's MD5, which is the ETag of a plain object, its size and its user metadata. */
export interface SentObject {
  size: number;
  /** Hexadecimal; of a multipart object `md5-of-md5s-N`. */
  eTag: string;
  metadata: Record<string, string>;
}

/**
 * Whether this is the object we sent. With SSE-KMS an ETag is not an MD5; size and user metadata must then do,
 * and do so only when there is metadata to compare.
 */
export function isSentObject(head: ObjectHead, sent: SentObject): boolean {
  if (head.size !== sent.size) return false;
  const names = Object.keys(sent.metadata);
  if (names.length !== Object.keys(head.metadata).length) return false;
  if (!names.every((name) => head.metadata[name.toLowerCase()] === sent.metadata[name])) {
    return false;
  }
  if (head.eTag === sent.eTag) return true;
  return names.length > 0 && (head.encryption?.startsWith('aws:kms') ?? false);
}

/** The MD5 of a body, for comparing with an ETag. */
export async function md5Of(body: Uint8Array | StreamBody): Promise<string> {
  const hash = createHash('md5');
  if (body instanceof Uint8Array) hash.update(body);
  else for await (const chunk of body.stream()) hash.update(chunk);
  return hash.digest('hex');
}

/** The ETag of an object made of parts with these ETags. */
export function multipartETag(partETags: readonly string[]): string {
  const hash = createHash('md5');
  for (const eTag of partETags) hash.update(Buffer.from(eTag, 'hex'));
  return `${hash.digest('hex')}-${partETags.length}`;
}
