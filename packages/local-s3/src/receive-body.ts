/**
 * Receives a request's body: plain or aws-chunked, checked against every digest the client gave
 * (x-amz-content-sha256, Content-MD5, x-amz-checksum-* as header or trailer, chunk signatures).
 * Nothing may be kept of a body for which this throws.
 */
import { createHash, hash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import {
  algorithmOfHeader,
  checkForm,
  checksumHeader,
  checksumOfHeaders,
  parseAlgorithm,
  startChecksum,
} from './checksum.ts';
import type { ChecksumAlgorithm, RunningDigest } from './checksum.ts';
import { inlineBytesMax } from './blob-store.ts';
import { ChunkedDecoder } from './chunked-body.ts';
import { header } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { S3Failure } from './s3-error.ts';

/** The most one PUT or part may carry. */
export const putBytesMax: number = 5 * 2 ** 30;
const documentBytesMax = 2 * 2 ** 20;

/** Takes decoded bytes; a promise means: wait. */
export interface BodySink {
  add(data: Buffer): Promise<void> | undefined;
}

/** A body that met every digest. */
export interface ReceivedBody {
  readonly size: number;
  readonly md5: Buffer;
  /** Sent by the client and right, or asked for by it or by the caller. */
  readonly checksum: { algorithm: ChecksumAlgorithm; value: string } | undefined;
}

interface PayloadMode {
  readonly chunked: boolean;
  readonly signed: boolean;
  readonly trailer: boolean;
  readonly sha256: string | undefined;
}

function payloadMode(hash: string): PayloadMode {
  const plain = { chunked: false, signed: false, trailer: false, sha256: undefined };
  switch (hash) {
    case 'UNSIGNED-PAYLOAD':
      return plain;
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { ...plain, chunked: true, signed: true };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { ...plain, chunked: true, signed: true, trailer: true };
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { ...plain, chunked: true, trailer: true };
    default:
      if (!/^[0-9a-f]{64}$/.test(hash)) {
        throw new S3Failure('InvalidArgument', {
          message:
            'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-* value this endpoint knows, or a valid sha256 value.',
        });
      }
      return { ...plain, sha256: hash };
  }
}

/** The declared length of the decoded body in bytes. */
function declaredLength(x: Exchange, mode: PayloadMode): number {
  const transfer = x.headers['transfer-encoding'];
  const text = mode.chunked
    ? header(x, 'x-amz-decoded-content-length')
    : (header(x, 'content-length') ??
      (transfer === undefined && x.method !== 'PUT' ? '0' : undefined));
  if (text === undefined || (transfer !== undefined && !mode.chunked)) {
    throw new S3Failure('MissingContentLength');
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw new S3Failure('InvalidArgument', { message: 'The length of the body is not a number.' });
  }
  return Number(text);
}

function expectedMd5(x: Exchange): Buffer | undefined {
  const text = header(x, 'content-md5');
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== text)
    throw new S3Failure('InvalidDigest');
  return bytes;
}

/** The digests of one body; one call hashes a body that came in one piece. */
class Digests {
  readonly algorithm: ChecksumAlgorithm | undefined;
  readonly checksum: RunningDigest | undefined;
  readonly #wantSha256: boolean;
  #first: Buffer | undefined;
  #md5: Hash | undefined;
  #sha256: Hash | undefined;
  size = 0;

  constructor(wantSha256: boolean, algorithm: ChecksumAlgorithm | undefined) {
    this.#wantSha256 = wantSha256;
    this.algorithm = algorithm;
    this.checksum = algorithm === undefined ? undefined : startChecksum(algorithm);
  }

  update(data: Buffer): void {
    this.checksum?.update(data);
    if (this.size === 0) {
      this.#first = data;
    } else {
      if (this.#md5 === undefined) {
        this.#md5 = createHash('md5').update(this.#first as Buffer);
        if (this.#wantSha256) this.#sha256 = createHash('sha256').update(this.#first as Buffer);
        this.#first = undefined;
      }
      this.#md5.update(data);
      this.#sha256?.update(data);
    }
    this.size += data.length;
  }

  /** Each to be called once, at the end. */
  md5(): Buffer {
    return this.#md5?.digest() ?? hash('md5', this.#first ?? '', 'buffer');
  }

  sha256(): string {
    return this.#sha256?.digest('hex') ?? hash('sha256', this.#first ?? '', 'hex');
  }
}

function trailerAlgorithm(x: Exchange, mode: PayloadMode): ChecksumAlgorithm | undefined {
  const announced = header(x, 'x-amz-trailer');
  if (announced === undefined) return undefined;
  const algorithm = algorithmOfHeader(announced.trim().toLowerCase());
  if (!mode.trailer || algorithm === undefined) {
    throw new S3Failure('InvalidRequest', {
      message: 'The value specified in the x-amz-trailer header is not supported',
    });
  }
  return algorithm;
}

/** Receives the body into `sink`; `wanted` is computed unless the client sent another checksum. */
export async function receiveBody(
  x: Exchange,
  sink: BodySink,
  wanted?: ChecksumAlgorithm,
  bytesMax: number = putBytesMax,
): Promise<ReceivedBody> {
  const mode = payloadMode(x.auth.payloadHash);
  const length = declaredLength(x, mode);
  if (length > bytesMax) {
    throw new S3Failure(bytesMax === putBytesMax ? 'EntityTooLarge' : 'MaxMessageLengthExceeded', {
      details: { ProposedSize: String(length), MaxSizeAllowed: String(bytesMax) },
    });
  }
  const md5 = expectedMd5(x);
  const sent = checksumOfHeaders(x.headers);
  const trailing = trailerAlgorithm(x, mode);
  const asked = header(x, 'x-amz-sdk-checksum-algorithm') ?? header(x, 'x-amz-checksum-algorithm');
  const algorithm =
    sent?.algorithm ??
    trailing ??
    wanted ??
    (asked === undefined ? undefined : parseAlgorithm(asked));
  const digests = new Digests(mode.sha256 !== undefined, algorithm);
  let trailers: ReadonlyMap<string, string> | undefined;
  if (mode.chunked) {
    const decoder = new ChunkedDecoder(x.auth, mode);
    await pump(x, sink, digests, length, (wire, emit) => decoder.push(wire, emit));
    trailers = decoder.finish();
  } else if (length > 0) {
    if (length <= inlineBytesMax) await collect(x, sink, digests, length);
    else await pump(x, sink, digests, length, (wire, emit) => emit(wire));
  }
  if (digests.size !== length) throw new S3Failure('IncompleteBody');
  if (mode.sha256 !== undefined && digests.sha256() !== mode.sha256) {
    throw new S3Failure('XAmzContentSHA256Mismatch');
  }
  const actualMd5 = digests.md5();
  if (md5 !== undefined && !md5.equals(actualMd5)) {
    throw new S3Failure('BadDigest', {
      message: 'The Content-MD5 you specified did not match what we received.',
    });
  }
  const checksum = checkedChecksum(digests, sent?.value ?? trailerValue(trailing, trailers));
  return { size: length, md5: actualMd5, checksum };
}

function trailerValue(
  algorithm: ChecksumAlgorithm | undefined,
  trailers: ReadonlyMap<string, string> | undefined,
): string | undefined {
  if (algorithm === undefined) return undefined;
  const value = trailers?.get(checksumHeader(algorithm));
  if (value === undefined) {
    throw new S3Failure('IncompleteBody', {
      message: 'The announced checksum trailer did not come.',
    });
  }
  checkForm(algorithm, value);
  return value;
}

function checkedChecksum(
  { algorithm, checksum }: Digests,
  sent: string | undefined,
): ReceivedBody['checksum'] {
  if (algorithm === undefined || checksum === undefined) return undefined;
  const value = checksum.digest().toString('base64');
  if (sent !== undefined && sent !== value) {
    throw new S3Failure('BadDigest', {
      message: `The ${algorithm} you specified did not match the calculated checksum.`,
    });
  }
  return { algorithm, value };
}

/** A small plain body as one buffer, without the costs of an iterator. */
function collect(
  { request }: Exchange,
  sink: BodySink,
  digests: Digests,
  length: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let body: Buffer | undefined;
    let filled = 0;
    request.on('data', (piece: Buffer) => {
      if (piece.length === length) {
        body = piece;
      } else {
        body ??= Buffer.allocUnsafe(length);
        piece.copy(body, filled);
      }
      filled += piece.length;
    });
    request.on('end', () => {
      if (body === undefined || filled !== length) {
        reject(new S3Failure('IncompleteBody'));
        return;
      }
      digests.update(body);
      sink.add(body);
      resolve();
    });
    request.on('error', reject);
  });
}

async function pump(
  { request }: Exchange,
  sink: BodySink,
  digests: Digests,
  length: number,
  decode: (wire: Buffer, emit: (data: Buffer) => void) => void,
): Promise<void> {
  let wait: Promise<void> | undefined;
  const emit = (data: Buffer): void => {
    digests.update(data);
    if (digests.size > length) throw new S3Failure('IncompleteBody');
    wait = sink.add(data) ?? wait;
  };
  // The stream is not destroyed when this throws: the error's answer still has to leave by it.
  const pieces = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const wire of pieces) {
    decode(wire, emit);
    if (wait !== undefined) {
      await wait;
      wait = undefined;
    }
  }
}

/** Receives a request document. */
export async function receiveDocument(x: Exchange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const sink: BodySink = {
    add(data) {
      chunks.push(data);
      return undefined;
    },
  };
  await receiveBody(x, sink, undefined, documentBytesMax);
  return Buffer.concat(chunks);
}
