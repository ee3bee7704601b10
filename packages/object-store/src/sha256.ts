/**
 * Hashing for the SDK's signer, which does little else: small texts, one key a day. So texts are hashed in one call
 * each, and keys of bytes, which Node takes five times as long for, are made key objects once.
 */
import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto';

type Source = string | ArrayBuffer | ArrayBufferView;

/** The signer keeps its keys and passes the same array each time. */
const keyObjects = new WeakMap<object, KeyObject>();

/** Node's own SHA-256 (and HMAC) in the shape that the signer takes. */
export class Sha256 {
  readonly #secret: string | KeyObject | undefined;
  #data: (string | Uint8Array)[] = [];

  constructor(secret?: Source) {
    this.#secret = secret === undefined || typeof secret === 'string' ? secret : keyOf(secret);
  }

  update(data: Source): void {
    this.#data.push(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    if (this.#secret !== undefined) {
      const hmac = createHmac('sha256', this.#secret);
      for (const part of this.#data) hmac.update(part);
      return Promise.resolve(hmac.digest());
    }
    const [first = '', ...others] = this.#data;
    const data = others.length === 0 ? first : Buffer.concat(this.#data.map(bufferOf));
    return Promise.resolve(hash('sha256', data, 'buffer'));
  }

  reset(): void {
    this.#data = [];
  }
}

function keyOf(secret: ArrayBuffer | ArrayBufferView): KeyObject {
  let key = keyObjects.get(secret);
  if (key === undefined) {
    key = createSecretKey(bufferOf(bytesOf(secret)));
    keyObjects.set(secret, key);
  }
  return key;
}

function bytesOf(data: Source): string | Uint8Array {
  if (typeof data === 'string') return data;
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

function bufferOf(data: string | Uint8Array): Buffer {
  return typeof data === 'string'
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.length);
}
