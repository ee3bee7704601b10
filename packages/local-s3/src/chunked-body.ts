/**
 * Decoder of `Content-Encoding: aws-chunked` bodies: chunk framing, chunk signatures and trailers.
 * Spec: Amazon S3 API reference, "Signature calculations for the Authorization header:
 * transferring payload in multiple chunks", with and without trailing headers.
 * Data is handed on before its signature is known: nothing may be kept unless `finish` returned.
 */
import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { S3Failure } from './s3-error.ts';
import type { Authenticated } from './signature.ts';
import { emptySha256, hmacHex, sha256Hex } from './signature.ts';

const lineBytesMax = 4096;
const trailerLinesMax = 16;
const chunkBytesMax = 5 * 2 ** 30;

type State = 'header' | 'data' | 'data-end' | 'trailer' | 'done';

/** Decodes one body, given to it piece by piece. */
export class ChunkedDecoder {
  readonly #auth: Authenticated;
  readonly #signed: boolean;
  readonly #withTrailer: boolean;
  #state: State = 'header';
  #line: Buffer = Buffer.alloc(0);
  #left = 0;
  #chunkHash: Hash | undefined;
  #chunkSignature = '';
  #previousSignature: string;
  #trailerText = '';
  #trailerLines = 0;
  #trailerSignature: string | undefined;
  readonly #trailers = new Map<string, string>();

  constructor(auth: Authenticated, options: { signed: boolean; trailer: boolean }) {
    this.#auth = auth;
    this.#signed = options.signed;
    this.#withTrailer = options.trailer;
    this.#previousSignature = auth.signature;
  }

  /** Decodes the next piece of the wire, calling `emit` with views of it. */
  push(wire: Buffer, emit: (data: Buffer) => void): void {
    let at = 0;
    while (at < wire.length) {
      if (this.#state === 'done') throw incomplete();
      if (this.#state === 'data') {
        const take = Math.min(this.#left, wire.length - at);
        const data = wire.subarray(at, at + take);
        this.#chunkHash?.update(data);
        emit(data);
        this.#left -= take;
        at += take;
        if (this.#left === 0) this.#state = 'data-end';
        continue;
      }
      const newline = wire.indexOf(10, at);
      const end = newline < 0 ? wire.length : newline + 1;
      const piece = wire.subarray(at, end);
      this.#line = this.#line.length === 0 ? piece : Buffer.concat([this.#line, piece]);
      at = end;
      if (this.#line.length > lineBytesMax) throw incomplete();
      if (newline < 0) {
        this.#line = Buffer.from(this.#line);
        return;
      }
      const line = this.#line.toString('latin1').replace(/\r?\n$/, '');
      this.#line = Buffer.alloc(0);
      this.#readLine(line);
    }
  }

  /** Call at the end of the body; returns the trailers, their names in lower case. */
  finish(): ReadonlyMap<string, string> {
    if (this.#state !== 'done') throw incomplete();
    return this.#trailers;
  }

  #readLine(line: string): void {
    switch (this.#state) {
      case 'header':
        this.#readHeader(line);
        return;
      case 'data-end':
        if (line !== '') throw incomplete();
        this.#endChunk();
        this.#state = 'header';
        return;
      case 'trailer':
        this.#readTrailer(line);
        return;
      default:
        throw incomplete();
    }
  }

  #readHeader(line: string): void {
    const match = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line);
    if (match === null) throw incomplete();
    const size = parseInt(match[1] as string, 16);
    if (size > chunkBytesMax) throw incomplete();
    if (this.#signed) {
      if (match[2] === undefined) throw new S3Failure('SignatureDoesNotMatch');
      this.#chunkSignature = match[2];
    }
    if (size > 0) {
      if (this.#signed) this.#chunkHash = createHash('sha256');
      this.#left = size;
      this.#state = 'data';
      return;
    }
    if (this.#signed) {
      this.#chunkHash = createHash('sha256');
      this.#endChunk();
    }
    this.#state = 'trailer';
  }

  #endChunk(): void {
    if (this.#chunkHash === undefined) return;
    const { dateTime, scope, signingKey } = this.#auth;
    const expected = hmacHex(
      signingKey,
      `AWS4-HMAC-SHA256-PAYLOAD\n${dateTime}\n${scope}\n${this.#previousSignature}\n${emptySha256}\n${this.#chunkHash.digest('hex')}`,
    );
    this.#chunkHash = undefined;
    if (expected !== this.#chunkSignature) throw new S3Failure('SignatureDoesNotMatch');
    this.#previousSignature = expected;
  }

  #readTrailer(line: string): void {
    if (line === '') {
      this.#endTrailers();
      this.#state = 'done';
      return;
    }
    const colon = line.indexOf(':');
    if (!this.#withTrailer || colon <= 0 || ++this.#trailerLines > trailerLinesMax) {
      throw incomplete();
    }
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'x-amz-trailer-signature') {
      this.#trailerSignature = value;
      return;
    }
    this.#trailerText += `${name}:${value}\n`;
    this.#trailers.set(name, value);
  }

  #endTrailers(): void {
    if (!this.#signed || !this.#withTrailer) return;
    const { dateTime, scope, signingKey } = this.#auth;
    const expected = hmacHex(
      signingKey,
      `AWS4-HMAC-SHA256-TRAILER\n${dateTime}\n${scope}\n${this.#previousSignature}\n${sha256Hex(this.#trailerText)}`,
    );
    if (expected !== this.#trailerSignature) throw new S3Failure('SignatureDoesNotMatch');
  }
}

function incomplete(): S3Failure {
  return new S3Failure('IncompleteBody', {
    message: 'The chunked body is not framed as aws-chunked.',
  });
}
