/** The operations of a bucket over signed HTTP. */
import type {
  Bucket,
  CopyOptions,
  CopySource,
  DeleteOptions,
  DeleteResult,
  GetOptions,
  HeadOptions,
  ListedUpload,
  ListOptions,
  ListPage,
  ListVersionsOptions,
  Multipart,
  ObjectBody,
  ObjectHead,
  PutOptions,
  PutResult,
  RawRequest,
  RawResponse,
  ReceiveOptions,
  SmallObject,
  StreamBody,
  VersionPage,
} from './bucket.ts';
import { collect, resumableBody } from './body.ts';
import { discard } from './connection.ts';
import type { Outgoing } from './connection.ts';
import { S3Error } from './errors.ts';
import { continuationTeller, listPage, uploadPage, versionPage } from './listing.ts';
import {
  abortUpload,
  copySourceHeaders,
  resultOf,
  resultOfHead,
  startMultipart,
} from './multipart.ts';
import { isSentObject, md5Of } from './own-write.ts';
import type { Requests } from './requests.ts';
import { attributeHeaders, conditionHeaders, encode, headOf, quote, unquote } from './wire.ts';
import { elements, text } from './xml.ts';

export class S3Bucket implements Bucket {
  readonly #requests: Requests;

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  get name(): string {
    return this.#requests.bucketName;
  }

  get endpoint(): string {
    return this.#requests.connection.settings.endpoint;
  }

  async list(options: ListOptions): Promise<ListPage> {
    const query: Record<string, string> = {
      'list-type': '2',
      'encoding-type': 'url',
      prefix: options.prefix,
    };
    if (options.delimiter !== undefined) query['delimiter'] = options.delimiter;
    if (options.startAfter !== undefined) query['start-after'] = options.startAfter;
    if (options.continuation !== undefined) query['continuation-token'] = options.continuation;
    if (options.maxKeys !== undefined) query['max-keys'] = String(options.maxKeys);
    const { signal, onContinuation } = options;
    const page = listPage(
      await this.#requests.text(
        { method: 'GET', query, signal },
        continuationTeller(onContinuation),
      ),
    );
    if (page === undefined) throw this.#requests.badAnswer(undefined, 'ListObjectsV2');
    return page;
  }

  async listVersions(options: ListVersionsOptions): Promise<VersionPage> {
    const query: Record<string, string> = {
      versions: '',
      'encoding-type': 'url',
      prefix: options.prefix,
    };
    if (options.delimiter !== undefined) query['delimiter'] = options.delimiter;
    if (options.maxKeys !== undefined) query['max-keys'] = String(options.maxKeys);
    if (options.after !== undefined) {
      query['key-marker'] = options.after.keyMarker;
      const marker = options.after.versionIdMarker;
      if (marker !== undefined) query['version-id-marker'] = marker;
    }
    const { signal } = options;
    const page = versionPage(await this.#requests.text({ method: 'GET', query, signal }));
    if (page === undefined) throw this.#requests.badAnswer(undefined, 'ListObjectVersions');
    return page;
  }

  async head(key: string, options: HeadOptions = {}): Promise<ObjectHead> {
    const answer = await this.#requests.empty(reading('HEAD', key, options));
    return headOf(key, answer.headers);
  }

  async get(key: string, options: GetOptions = {}): Promise<ObjectBody> {
    const outgoing = reading('GET', key, options);
    const { range } = options;
    if (range !== undefined) outgoing.headers = withRange(outgoing, range.start, range.end);
    const first = await this.#requests.open(outgoing);
    const head = headOf(key, first.headers);
    if (range !== undefined && first.status !== 206) {
      first.body.destroy();
      throw new S3Error('NotSupported', `${this.endpoint} ignored the range of GET "${key}".`, {
        key,
      });
    }
    const length = Number(first.headers['content-length'] ?? head.size);
    const body = resumableBody({
      head,
      start: range?.start ?? 0,
      length,
      first,
      resume: (start, end) => {
        const rest = reading('GET', key, { ...options, ifMatch: head.eTag });
        return this.#requests.open({ ...rest, headers: withRange(rest, start, end) });
      },
      broken: (cause) => this.#requests.connection.broken(outgoing, cause),
      signal: options.signal,
    });
    return { ...head, body, length };
  }

  async getSmall(key: string, bytesMax: number): Promise<SmallObject> {
    const outgoing = reading('GET', key, {});
    let head: ObjectHead | undefined;
    let body = new Uint8Array(0);
    let done = 0;
    const isWhole = await this.#requests.connection.receive(outgoing, (status, headers) => {
      const length = Number(headers['content-length']);
      if (status !== 200 || length > bytesMax) return undefined;
      head = headOf(key, headers);
      body = new Uint8Array(length);
      return (bytes) => {
        body.set(bytes, done);
        done += bytes.length;
      };
    });
    if (isWhole && head !== undefined) return { head, body };
    // With retries, and errors that say why.
    const object = await this.get(key);
    if (object.length <= bytesMax) {
      return { head: object, body: await collect(object.body, object.length) };
    }
    await object.body[Symbol.asyncIterator]().return?.();
    return { head: object };
  }

  async receive(
    key: string,
    options: ReceiveOptions,
    sink: (bytes: Uint8Array) => void,
  ): Promise<void> {
    const { start, end } = options.range;
    const length = end - start + 1;
    const outgoing = reading('GET', key, options);
    outgoing.headers = withRange(outgoing, start, end);
    let done = 0;
    const take = (bytes: Uint8Array): void => {
      done += bytes.length;
      sink(bytes);
    };
    await this.#requests.connection.receive(outgoing, (status, headers) =>
      status === 206 && headers['content-length'] === String(length) ? take : undefined,
    );
    if (done === length) return;
    // Whatever went wrong: this way there are retries, and errors that say why.
    const rest = await this.get(key, { ...options, range: { start: start + done, end } });
    if (rest.length !== length - done)
      throw new S3Error('BadResponse', `GET "${key}" did not send the range it was asked for.`, {
        key,
      });
    for await (const chunk of rest.body) sink(chunk);
  }

  async put(
    key: string,
    body: Uint8Array | StreamBody,
    options: PutOptions = {},
  ): Promise<PutResult> {
    const headers: Record<string, string> = {};
    attributeHeaders(options, headers);
    conditionHeaders(options, headers);
    if (options.tagging !== undefined) headers['x-amz-tagging'] = options.tagging;
    const { signal } = options;
    return this.#requests.retrying(signal, async (triesBefore) => {
      try {
        const answer = await this.#requests.once({ method: 'PUT', key, headers, body, signal });
        await discard(answer);
        return resultOf(unquote(answer.headers['etag'] ?? ''), answer.headers);
      } catch (error) {
        if (triesBefore === 0 || !isPreconditionFailure(error)) throw error;
        const head = await this.#requests.headNow(key, signal);
        const size = body instanceof Uint8Array ? body.length : body.size;
        const sent = { size, eTag: await md5Of(body), metadata: options.metadata ?? {} };
        if (head === undefined || !isSentObject(head, sent)) throw error;
        return resultOfHead(head);
      }
    });
  }

  async copy(source: CopySource, key: string, options: CopyOptions = {}): Promise<PutResult> {
    const headers: Record<string, string> = {};
    copySourceHeaders(this.name, source, headers);
    conditionHeaders(options, headers);
    if (options.replace !== undefined) {
      headers['x-amz-metadata-directive'] = 'REPLACE';
      attributeHeaders(options.replace, headers);
    }
    const { signal } = options;
    return this.#requests.retrying(signal, async () => {
      const answer = await this.#requests.once({ method: 'PUT', key, headers, signal });
      const xml = await this.#requests.read(answer);
      const eTag = text(xml, 'ETag');
      if (eTag === undefined) throw this.#requests.errorInBody(key, xml);
      return resultOf(unquote(eTag), answer.headers);
    });
  }

  async delete(key: string, options: DeleteOptions = {}): Promise<DeleteResult> {
    const headers: Record<string, string> = {};
    if (options.ifMatch !== undefined) headers['if-match'] = quote(options.ifMatch);
    const query: Record<string, string> = {};
    if (options.versionId !== undefined) query['versionId'] = options.versionId;
    const { signal } = options;
    return this.#requests.retrying(signal, async (triesBefore) => {
      try {
        const answer = await this.#requests.once({ method: 'DELETE', key, query, headers, signal });
        await discard(answer);
        const deleteMarker = answer.headers['x-amz-delete-marker'] === 'true';
        const versionId = answer.headers['x-amz-version-id'];
        return versionId === undefined ? { deleteMarker } : { versionId, deleteMarker };
      } catch (error) {
        if (triesBefore === 0 || !isPreconditionFailure(error)) throw error;
        if ((await this.#requests.headNow(key, signal)) !== undefined) throw error;
        return { deleteMarker: true };
      }
    });
  }

  multipart(
    key: string,
    options: Omit<PutOptions, 'ifMatch' | 'ifNoneMatch'> = {},
  ): Promise<Multipart> {
    return startMultipart(this.#requests, key, options);
  }

  async listUploads(prefix: string): Promise<ListedUpload[]> {
    const query = { uploads: '', 'encoding-type': 'url', prefix };
    const uploads = uploadPage(await this.#requests.text({ method: 'GET', query }));
    if (uploads === undefined) throw this.#requests.badAnswer(undefined, 'ListMultipartUploads');
    return uploads;
  }

  async hasParts(key: string, uploadId: string): Promise<boolean> {
    const query = { uploadId, 'max-parts': '1' };
    const xml = await this.#requests.text({ method: 'GET', key, query });
    return elements(xml, 'Part').length > 0;
  }

  abortUpload(key: string, uploadId: string): Promise<void> {
    return abortUpload(this.#requests, key, uploadId);
  }

  async getTagging(key: string, options: { versionId?: string } = {}): Promise<string> {
    const query: Record<string, string> = { tagging: '' };
    if (options.versionId !== undefined) query['versionId'] = options.versionId;
    const xml = await this.#requests.text({ method: 'GET', key, query });
    return elements(xml, 'Tag')
      .map((tag) => `${encode(text(tag, 'Key') ?? '')}=${encode(text(tag, 'Value') ?? '')}`)
      .join('&');
  }

  async headBucket(): Promise<void> {
    // A listing, because the refusal of a HEAD has no body that would say why.
    await this.list({ prefix: '', maxKeys: 1 });
  }

  async putBucket(): Promise<void> {
    const { region } = this.#requests.connection.settings;
    const body =
      region === 'us-east-1'
        ? new Uint8Array(0)
        : Buffer.from(
            `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`,
          );
    const answer = await this.#requests.retrying(undefined, () =>
      this.#requests.connection.send({ method: 'PUT', body }, [409]),
    );
    if (answer.status !== 409) return discard(answer);
    const xml = await this.#requests.read(answer);
    if (text(xml, 'Code') !== 'BucketAlreadyOwnedByYou') throw this.#requests.errorInBody('', xml);
  }

  async getVersioning(): Promise<'Enabled' | 'Suspended' | 'Off'> {
    const xml = await this.#requests.text({ method: 'GET', query: { versioning: '' } });
    const status = text(xml, 'Status');
    return status === 'Enabled' || status === 'Suspended' ? status : 'Off';
  }

  async putVersioning(state: 'Enabled' | 'Suspended'): Promise<void> {
    const body = Buffer.from(
      `<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>${state}</Status></VersioningConfiguration>`,
    );
    await this.#requests.empty({ method: 'PUT', query: { versioning: '' }, body });
  }

  async requestRaw(request: RawRequest): Promise<RawResponse> {
    const answer = await this.#requests.connection.sendRaw(request);
    return { status: answer.status, headers: answer.headers, body: answer.body };
  }

  close(): Promise<void> {
    return this.#requests.connection.close();
  }
}

function reading(method: string, key: string, options: HeadOptions): Outgoing {
  const headers: Record<string, string> = {};
  if (options.ifMatch !== undefined) headers['if-match'] = quote(options.ifMatch);
  const query: Record<string, string> = {};
  if (options.versionId !== undefined) query['versionId'] = options.versionId;
  return { method, key, headers, query, signal: options.signal };
}

function withRange(
  outgoing: Outgoing,
  start: number,
  end: number | undefined,
): Record<string, string> {
  return { ...outgoing.headers, range: `bytes=${start}-${end ?? ''}` };
}

/** 412, and 404: an If-Match on a key that holds nothing is answered with either. */
function isPreconditionFailure(error: unknown): boolean {
  return (
    error instanceof S3Error && (error.code === 'PreconditionFailed' || error.code === 'NoSuchKey')
  );
}
