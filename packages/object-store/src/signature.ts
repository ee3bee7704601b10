/**
 * AWS Signature Version 4, in the `Authorization` header. A reader of many small objects does little else, and the
 * SDK's signer takes five times as long: two more hashes, and a promise for each step.
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';
import type { Credentials } from './bucket.ts';

export interface Unsigned {
  method: string;
  /** As it is sent, percent-encoded. */
  path: string;
  /** As it is sent: `a=1&b=2`, encoded and sorted by name. */
  search: string;
  /** With `host`; an `x-amz-content-sha256` among them is believed. */
  headers: Record<string, string>;
  body?: Uint8Array | string | undefined;
}

const algorithm = 'AWS4-HMAC-SHA256';
const nothingHash = hash('sha256', '');
/** May be changed on the way. */
const unsignedHeaders: ReadonlySet<string> = new Set(['cache-control']);

export class Signer {
  readonly #service: string;
  /** What the key was made from. */
  #keySource = '';
  #key: KeyObject | undefined;

  constructor(service: string) {
    this.#service = service;
  }

  /** The headers to be sent, names in lower case. */
  sign(
    request: Unsigned,
    { credentials, region, at }: { credentials: Credentials; region: string; at: Date },
  ): Record<string, string> {
    const time = at.toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    const headers: Record<string, string> = {};
    for (const name in request.headers) headers[name.toLowerCase()] = request.headers[name]!;
    headers['x-amz-date'] = time;
    if (credentials.sessionToken !== undefined)
      headers['x-amz-security-token'] = credentials.sessionToken;
    headers['x-amz-content-sha256'] ??=
      request.body === undefined ? nothingHash : hash('sha256', request.body);
    const names = Object.keys(headers)
      .filter((name) => !unsignedHeaders.has(name))
      .toSorted();
    let canonical = `${request.method}\n${request.path}\n${request.search}\n`;
    for (const name of names)
      canonical += `${name}:${headers[name]!.replace(/\s+/g, ' ').trim()}\n`;
    const signed = names.join(';');
    canonical += `\n${signed}\n${headers['x-amz-content-sha256']}`;
    const scope = `${day}/${region}/${this.#service}/aws4_request`;
    const signature = createHmac('sha256', this.#keyFor(credentials, day, region))
      .update(`${algorithm}\n${time}\n${scope}\n${hash('sha256', canonical)}`)
      .digest('hex');
    headers['authorization'] =
      `${algorithm} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return headers;
  }

  /** One a day, as long as the credentials are the same. */
  #keyFor({ secretAccessKey }: Credentials, day: string, region: string): KeyObject {
    const source = `${day} ${region} ${secretAccessKey}`;
    if (this.#key !== undefined && this.#keySource === source) return this.#key;
    let key: Buffer = Buffer.from(`AWS4${secretAccessKey}`);
    for (const part of [day, region, this.#service, 'aws4_request'])
      key = createHmac('sha256', key).update(part).digest();
    this.#keySource = source;
    this.#key = createSecretKey(key);
    return this.#key;
  }
}
