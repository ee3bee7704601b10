/** The checksums a client may send and get back (`x-amz-checksum-*`), and running digests. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { CrcName } from './crc.ts';
import { joinCrc, startCrc } from './crc.ts';
import { S3Failure } from './s3-error.ts';

/** Algorithms by the name S3 gives them. */
export type ChecksumAlgorithm = CrcName | 'SHA1' | 'SHA256';
/** COMPOSITE: a checksum of the parts' checksums, written `value-parts`. */
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

/** A stored checksum; value in base64. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string;
  readonly type: ChecksumType;
}

const digestBytes: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};
const algorithms = Object.keys(digestBytes) as ChecksumAlgorithm[];

/** `x-amz-checksum-crc32` for CRC32, and so on. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** The element of answers and requests: `ChecksumCRC32` for CRC32, and so on. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

/** Reads an algorithm's name as clients write it (any case). */
export function parseAlgorithm(text: string): ChecksumAlgorithm {
  const upper = text.toUpperCase();
  const found = algorithms.find((a) => a === upper);
  if (found === undefined) {
    throw new S3Failure('InvalidRequest', {
      message:
        'Checksum algorithm provided is unsupported. Use CRC32, CRC32C, CRC64NVME, SHA1 or SHA256.',
    });
  }
  return found;
}

/** The algorithm an `x-amz-checksum-*` name stands for, if it is one. */
export function algorithmOfHeader(name: string): ChecksumAlgorithm | undefined {
  return algorithms.find((a) => checksumHeader(a) === name);
}

/** The checksum sent as a header, if any; its value is checked for form. */
export function checksumOfHeaders(
  headers: IncomingHttpHeaders,
): { algorithm: ChecksumAlgorithm; value: string } | undefined {
  let found: { algorithm: ChecksumAlgorithm; value: string } | undefined;
  for (const algorithm of algorithms) {
    const value = headers[checksumHeader(algorithm)];
    if (typeof value !== 'string') continue;
    if (found !== undefined) {
      throw new S3Failure('InvalidRequest', {
        message:
          'Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.',
      });
    }
    checkForm(algorithm, value);
    found = { algorithm, value };
  }
  return found;
}

/** Throws unless the value is base64 of the right length. */
export function checkForm(algorithm: ChecksumAlgorithm, value: string): void {
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length !== digestBytes[algorithm] || bytes.toString('base64') !== value) {
    throw new S3Failure('InvalidRequest', {
      message: `Value for ${checksumHeader(algorithm)} header is invalid.`,
    });
  }
}

/** A running digest of any kind. */
export interface RunningDigest {
  update(data: Uint8Array): unknown;
  digest(): Buffer;
}

/** Starts a checksum. */
export function startChecksum(algorithm: ChecksumAlgorithm): RunningDigest {
  switch (algorithm) {
    case 'SHA1':
      return createHash('sha1');
    case 'SHA256':
      return createHash('sha256');
    default:
      return startCrc(algorithm);
  }
}

/** Joins the checksums of parts (base64, with their sizes in bytes) into the object's. */
export function joinChecksums(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly { readonly value: string; readonly size: number }[],
): Checksum {
  const bytes = parts.map((p) => Buffer.from(p.value, 'base64'));
  if (type === 'COMPOSITE') {
    const running = startChecksum(algorithm);
    for (const b of bytes) running.update(b);
    return { algorithm, type, value: `${running.digest().toString('base64')}-${parts.length}` };
  }
  if (algorithm === 'SHA1' || algorithm === 'SHA256') {
    throw new S3Failure('InvalidRequest', {
      message: `The FULL_OBJECT checksum type cannot be used with the ${algorithm} checksum algorithm.`,
    });
  }
  let joined = bytes[0] as Buffer;
  for (let i = 1; i < bytes.length; i++) {
    joined = joinCrc(algorithm, joined, bytes[i] as Buffer, parts[i]!.size);
  }
  return { algorithm, type, value: joined.toString('base64') };
}
