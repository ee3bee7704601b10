/**
 * Uploads in parts. Every part is retried by itself; completing is retried too, and recognises an upload whose
 * completion succeeded while its answer was lost. A 200 to CompleteMultipartUpload may carry an error.
 */
import type {
  ByteRange,
  CopySource,
  Multipart,
  PutOptions,
  ObjectHead,
  PutResult,
  WriteCondition,
} from './bucket.ts';
import { S3Error } from './errors.ts';
import { isSentObject, multipartETag } from './own-write.ts';
import type { Requests } from './requests.ts';
import { elements, escapeXml, text } from './xml.ts';
import { attributeHeaders, conditionHeaders, encode, encodeKey, quote, unquote } from './wire.ts';

export async function startMultipart(
  requests: Requests,
  key: string,
  options: Omit<PutOptions, 'ifMatch' | 'ifNoneMatch'>,
): Promise<Multipart> {
  const headers: Record<string, string> = {};
  attributeHeaders(options, headers);
  if (options.tagging !== undefined) headers['x-amz-tagging'] = options.tagging;
  const { signal } = options;
  const outgoing = { method: 'POST', key, query: { uploads: '' }, headers, signal };
  let mayHaveTwin = false;
  const xml = await requests.retrying(signal, async (triesBefore) => {
    mayHaveTwin = triesBefore > 0;
    return requests.read(await requests.once(outgoing));
  });
  const uploadId = text(xml, 'UploadId');
  if (uploadId === undefined) throw requests.badAnswer(key, 'CreateMultipartUpload');
  return new Upload(requests, key, { uploadId, mayHaveTwin }, options);
}

export async function abortUpload(
  requests: Requests,
  key: string,
  uploadId: string,
): Promise<void> {
  try {
    await requests.empty({ method: 'DELETE', key, query: { uploadId } });
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== 'NoSuchUpload') throw error;
  }
}

class Upload implements Multipart {
  readonly uploadId: string;
  readonly mayHaveTwin: boolean;
  readonly #requests: Requests;
  readonly #key: string;
  readonly #signal: AbortSignal | undefined;
  readonly #metadata: Record<string, string>;
  readonly #parts = new Map<number, { eTag: string; size: number }>();

  constructor(
    requests: Requests,
    key: string,
    begun: { uploadId: string; mayHaveTwin: boolean },
    options: Pick<PutOptions, 'metadata' | 'signal'>,
  ) {
    this.#requests = requests;
    this.#key = key;
    this.uploadId = begun.uploadId;
    this.mayHaveTwin = begun.mayHaveTwin;
    this.#metadata = options.metadata ?? {};
    this.#signal = options.signal;
  }

  async uploadPart(n: number, body: Uint8Array): Promise<void> {
    const { headers } = await this.#requests.empty({ ...this.#part('PUT', n), body });
    this.#parts.set(n, { eTag: unquote(headers['etag'] ?? ''), size: body.length });
  }

  async copyPart(n: number, source: CopySource, range?: ByteRange): Promise<void> {
    const headers: Record<string, string> = {};
    copySourceHeaders(this.#requests.bucketName, source, headers);
    if (range !== undefined) {
      headers['x-amz-copy-source-range'] = `bytes=${range.start}-${range.end ?? ''}`;
    }
    const xml = await this.#requests.text({ ...this.#part('PUT', n), headers });
    const eTag = text(xml, 'ETag');
    if (eTag === undefined) throw this.#requests.errorInBody(this.#key, xml);
    const size = range?.end === undefined ? 0 : range.end - range.start + 1;
    this.#parts.set(n, { eTag: unquote(eTag), size });
  }

  async complete(condition?: WriteCondition): Promise<PutResult> {
    const numbers = [...this.#parts.keys()].toSorted((a, b) => a - b);
    const parts = numbers.map((n) => this.#parts.get(n)?.eTag ?? '');
    const list = numbers.map(
      (n, i) =>
        `<Part><PartNumber>${n}</PartNumber><ETag>${escapeXml(quote(parts[i] ?? ''))}</ETag></Part>`,
    );
    const body = Buffer.from(
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join('')}</CompleteMultipartUpload>`,
    );
    const headers: Record<string, string> = { 'content-type': 'application/xml' };
    conditionHeaders(condition, headers);
    const query = { uploadId: this.uploadId };
    return this.#requests.retrying(this.#signal, async (triesBefore) => {
      try {
        const answer = await this.#requests.once({
          method: 'POST',
          key: this.#key,
          query,
          headers,
          body,
          signal: this.#signal,
        });
        const xml = await this.#requests.read(answer);
        const eTag = text(xml, 'ETag');
        if (eTag === undefined || elements(xml, 'Error').length > 0) {
          throw this.#requests.errorInBody(this.#key, xml);
        }
        return resultOf(unquote(eTag), answer.headers);
      } catch (error) {
        if (triesBefore === 0 || !isRefusal(error)) throw error;
        const head = await this.#requests.headNow(this.#key, this.#signal);
        const sizes = numbers.map((n) => this.#parts.get(n)?.size ?? 0);
        const size = sizes.includes(0) ? (head?.size ?? 0) : sizes.reduce((sum, s) => sum + s, 0);
        const sent = { size, eTag: multipartETag(parts), metadata: this.#metadata };
        if (head === undefined || !isSentObject(head, sent)) throw error;
        // It may be the work of an earlier upload of the same bytes: this one is not to be left open.
        await this.abort();
        return resultOfHead(head);
      }
    });
  }

  abort(): Promise<void> {
    return abortUpload(this.#requests, this.#key, this.uploadId);
  }

  #part(
    method: string,
    n: number,
  ): {
    method: string;
    key: string;
    query: Record<string, string>;
    signal: AbortSignal | undefined;
  } {
    const query = { partNumber: String(n), uploadId: this.uploadId };
    return { method, key: this.#key, query, signal: this.#signal };
  }
}

export function copySourceHeaders(
  bucket: string,
  source: CopySource,
  headers: Record<string, string>,
): void {
  const version = source.versionId === undefined ? '' : `?versionId=${encode(source.versionId)}`;
  headers['x-amz-copy-source'] = `/${encode(bucket)}/${encodeKey(source.key)}${version}`;
  if (source.ifMatch !== undefined) {
    headers['x-amz-copy-source-if-match'] = quote(source.ifMatch);
  }
}

export function resultOf(eTag: string, headers: Record<string, string>): PutResult {
  const result: PutResult = { eTag };
  const versionId = headers['x-amz-version-id'];
  if (versionId !== undefined) result.versionId = versionId;
  const dateMs = Date.parse(headers['date'] ?? '');
  if (!Number.isNaN(dateMs)) result.dateMs = dateMs;
  return result;
}

/** Of a write whose own answer was lost. */
export function resultOfHead({ eTag, versionId, lastModified }: ObjectHead): PutResult {
  return { eTag, ...(versionId !== undefined && { versionId }), dateMs: lastModified };
}

/** 404 NoSuchUpload or 412: what a repeated completion gets when the first one has succeeded. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof S3Error &&
    (error.code === 'NoSuchUpload' ||
      error.code === 'NoSuchKey' ||
      error.code === 'PreconditionFailed')
  );
}
