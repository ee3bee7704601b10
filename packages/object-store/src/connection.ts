/**
 * One signed request, sent once over an undici pool. Corrects by itself, once,
 * what a store's refusal tells: the bucket's true region and the difference of the clocks.
 *
 * Every byte array we send is hashed into the signature, so that the store refuses what was damaged on its way;
 * streams are sent unsigned (their callers send parts, which are arrays).
 */
import type { Readable } from 'node:stream';
import type { Dispatcher, Pool as PoolType } from 'undici';
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { StreamBody } from './bucket.ts';
import type { S3Error } from './errors.ts';
import { errorOfAnswer, errorOfConnection } from './messages.ts';
import { Receiver } from './receiver.ts';
import type { Begin } from './receiver.ts';
import type { Clock } from './retry.ts';
import { defaultEndpoint } from './settings.ts';
import type { Settings } from './settings.ts';
import { Signer } from './signature.ts';
import { encode, encodeKey } from './wire.ts';

/** What is sent. `key` undefined = the bucket itself. */
export interface Outgoing {
  method: string;
  key?: string | undefined;
  query?: Record<string, string> | undefined;
  headers?: Record<string, string> | undefined;
  body?: Uint8Array | StreamBody | undefined;
  signal?: AbortSignal | undefined;
  endless?: boolean | undefined;
}

/** A request as it goes over the wire. */
interface Signed {
  path: string;
  headers: Record<string, string>;
  /** Of its body, in bytes. */
  length: number;
}

/** What came back; its body must be read to the end or destroyed. */
export interface Incoming {
  status: number;
  headers: Record<string, string>;
  body: Dispatcher.ResponseData['body'];
}

const CONNECTIONS = 64;
const CONNECT_MS_MAX = 5_000;
const IDLE_MS_MAX = 30_000;
/** A slow uplink may need long for a large body before the answer comes: 100 bytes a millisecond. */
const UPLOAD_BYTES_PER_MS_MIN = 100;
const ERROR_BYTES_MAX = 64 * 1024;

export class Connection {
  readonly settings: Settings;
  #pool: PoolType;
  #receiver: Receiver;
  readonly #signer: Signer = new Signer('s3');
  readonly #clock: Clock;
  #clockSkewMs = 0;

  constructor(settings: Settings, clock: Clock) {
    this.settings = settings;
    this.#clock = clock;
    this.#pool = newPool(settings);
    this.#receiver = new Receiver(originOf(settings));
  }

  /** Resolves with any 2xx answer and with the statuses named; rejects with an S3Error for all others. */
  async send(outgoing: Outgoing, accepted: readonly number[] = []): Promise<Incoming> {
    const incoming = await this.sendRaw(outgoing);
    if (isFine(incoming, accepted)) return incoming;
    const error = await this.#refusal(outgoing, incoming);
    if (!this.#corrected(error, incoming)) throw error;
    const again = await this.sendRaw(outgoing);
    if (isFine(again, accepted)) return again;
    throw await this.#refusal(outgoing, again);
  }

  /** Resolves with whatever the store answers. */
  async sendRaw(outgoing: Outgoing): Promise<Incoming> {
    const { path, headers, length } = await this.#sign(outgoing);
    try {
      const answer = await request.call(this.#pool, {
        method: outgoing.method as Dispatcher.HttpMethod,
        path,
        headers,
        body: bodyOf(outgoing.body),
        signal: outgoing.signal ?? null,
        headersTimeout: IDLE_MS_MAX + length / UPLOAD_BYTES_PER_MS_MIN,
        bodyTimeout: outgoing.endless === true ? 0 : IDLE_MS_MAX,
      });
      return {
        status: answer.statusCode,
        headers: answer.headers as Record<string, string>,
        body: answer.body,
      };
    } catch (error) {
      throw this.broken(outgoing, error);
    }
  }

  /** A GET, tried once and in the plain case only: see `Receiver`. */
  async receive(outgoing: Outgoing, begin: Begin): Promise<boolean> {
    const { path, headers } = await this.#sign(outgoing);
    return this.#receiver.get(path, headers, begin);
  }

  /** The S3Error for a connection or a body that broke. */
  broken(subject: { method: string; key?: string | undefined }, cause: unknown): S3Error {
    return errorOfConnection(this.settings, { method: subject.method, key: subject.key }, cause);
  }

  async close(): Promise<void> {
    this.#receiver.close();
    await this.#pool.destroy();
  }

  async #sign({ method, key, query = {}, headers: given, body }: Outgoing): Promise<Signed> {
    const { bucket, virtual } = this.settings;
    const below = `${virtual ? '' : `/${encode(bucket)}`}${key === undefined ? (virtual ? '/' : '') : `/${encodeKey(key)}`}`;
    const url = new URL(this.settings.endpoint);
    const path = (url.pathname === '/' ? '' : url.pathname) + below;
    const host = virtual ? `${bucket}.${url.host}` : url.host;
    const headers: Record<string, string> = { ...given, host };
    const length = body === undefined ? 0 : body instanceof Uint8Array ? body.length : body.size;
    if (body !== undefined) headers['content-length'] = String(length);
    if (body !== undefined && !(body instanceof Uint8Array)) {
      headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
    }
    const search = Object.keys(query)
      .toSorted()
      .map((name) => `${encode(name)}=${encode(query[name] ?? '')}`)
      .join('&');
    const signed = this.#signer.sign(
      { method, path, search, headers, ...(body instanceof Uint8Array ? { body } : {}) },
      {
        credentials: await this.settings.credentials(),
        region: this.settings.region,
        at: new Date(this.#clock.now() + this.#clockSkewMs),
      },
    );
    return { path: path + (search === '' ? '' : `?${search}`), headers: signed, length };
  }

  async #refusal(outgoing: Outgoing, incoming: Incoming): Promise<S3Error> {
    let body = '';
    try {
      for await (const chunk of incoming.body) {
        body += (chunk as Buffer).toString('utf8');
        if (body.length > ERROR_BYTES_MAX) break;
      }
    } catch {
      // The status alone has to do.
    }
    return errorOfAnswer(
      this.settings,
      { method: outgoing.method, key: outgoing.key },
      { status: incoming.status, headers: incoming.headers, body },
    );
  }

  #corrected(error: S3Error, incoming: Incoming): boolean {
    if (error.code === 'WrongRegion' && error.region !== undefined) {
      if (error.region === this.settings.region) return false;
      this.settings.region = error.region;
      if (this.settings.isDefaultEndpoint) {
        this.settings.endpoint = defaultEndpoint(error.region);
        void this.#pool.close();
        this.#receiver.close();
        this.#pool = newPool(this.settings);
        this.#receiver = new Receiver(originOf(this.settings));
      }
      return true;
    }
    if (error.code === 'ClockSkew') {
      const theirs = Date.parse(incoming.headers['date'] ?? '');
      if (Number.isNaN(theirs)) return false;
      this.#clockSkewMs = theirs - this.#clock.now();
      return true;
    }
    return false;
  }
}

/** Reads a small answer as text. `beginning` is shown what came first. */
export async function readText(
  connection: Connection,
  incoming: Incoming,
  beginning?: (text: string) => void,
): Promise<string> {
  try {
    if (beginning === undefined) return await incoming.body.text();
    const chunks: Buffer[] = [];
    for await (const chunk of incoming.body as AsyncIterable<Buffer>) {
      if (chunks.push(chunk) === 1) beginning(chunk.toString());
    }
    return Buffer.concat(chunks).toString();
  } catch (error) {
    throw connection.broken({ method: 'GET' }, error);
  }
}

/** Drops the body of an answer, so that its connection is free again. */
export async function discard(incoming: Incoming): Promise<void> {
  try {
    await incoming.body.dump();
  } catch {
    // The answer's status and headers have arrived; how its body ends does not matter.
  }
}

function isFine(incoming: Incoming, accepted: readonly number[]): boolean {
  return (incoming.status >= 200 && incoming.status < 300) || accepted.includes(incoming.status);
}

function originOf({ endpoint, virtual, bucket }: Settings): string {
  const url = new URL(endpoint);
  return `${url.protocol}//${virtual ? `${bucket}.` : ''}${url.host}`;
}

function newPool(settings: Settings): PoolType {
  return new Pool(originOf(settings), {
    connections: CONNECTIONS,
    allowH2: false,
    connect: { timeout: CONNECT_MS_MAX },
    keepAliveTimeout: 20_000,
  });
}

function bodyOf(
  body: Uint8Array | StreamBody | undefined,
): Exclude<Dispatcher.DispatchOptions['body'], undefined> {
  if (body === undefined || body instanceof Uint8Array) return body ?? null;
  return body.stream() as unknown as Readable;
}
