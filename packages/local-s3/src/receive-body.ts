/**
 * Receives a request's body: plain or aws-chunked, checked against every digest the client gave
 * (x-amz-content-sha256, Content-MD5, x-amz-checksum-* as header or trailer, chunk signatures).
 * Nothing may be kept of a body for which this throws.
 */
import { createHash } from 'node:crypto';
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

class Digests {
  readonly md5: Hash = createHash('md5');
  readonly sha256: Hash | undefined;
  readonly algorithm: ChecksumAlgorithm | undefined;
  readonly checksum: RunningDigest | undefined;
  size = 0;

  constructor(wantSha256: boolean, algorithm: ChecksumAlgorithm | undefined) {
    this.sha256 = wantSha256 ? createHash('sha256') : undefined;
    this.algorithm = algorithm;
    this.checksum = algorithm === undefined ? undefined : startChecksum(algorithm);
  }

  update(data: Buffer): void {
    this.size += data.length;
    this.md5.update(data);
    this.sha256?.update(data);
    this.checksum?.update(data);
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
    await pump(x, sink, digests, length, (wire, emit) => emit(wire));
  }
  if (digests.size !== length) throw new S3Failure('IncompleteBody');
  if (mode.sha256 !== undefined && digests.sha256?.digest('hex') !== mode.sha256) {
    throw new S3Failure('XAmzContentSHA256Mismatch');
  }
  const actualMd5 = digests.md5.digest();
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
