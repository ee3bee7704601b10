import { createHash, createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { ChecksumAlgorithm } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, sendRaw, sha256, sign, startTestEndpoint } from './test-endpoint.ts';
import type { RawAnswer, TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
const Bucket = 'integrity';
const target = `/${Bucket}/k`;
const hello = Buffer.from('hello');

beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket(Bucket, 'Enabled');
});
afterAll(() => t.close());

function codeOf(answer: RawAnswer): string {
  return `${answer.status} ${/<Code>(\w+)<\/Code>/.exec(answer.text)?.[1] ?? ''}`;
}

async function stored(): Promise<string> {
  const got = await t.client.send(new GetObjectCommand({ Bucket, Key: 'k' }));
  return (await got.Body?.transformToString()) ?? '';
}

describe('digests sent with a body', () => {
  it.each([
    ['CRC32', 'NhCmhg=='],
    ['CRC32C', 'mnG7TA=='],
    ['CRC64NVME', 'M3eFcAZSQlc='],
    ['SHA1', 'qvTGHdzF6KLavt4PO0gs2a6pQ00='],
    ['SHA256', 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='],
  ])('%s is checked, kept and given back', async (algorithm, value) => {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const put = (checksum: string): Promise<RawAnswer> =>
      sendRaw(t.s3, { method: 'PUT', target, body: hello, headers: { [name]: checksum } });
    const good = await put(value);
    expect([good.status, good.headers[name]]).toEqual([200, value]);
    const head = await sendRaw(t.s3, {
      method: 'HEAD',
      target,
      headers: { 'x-amz-checksum-mode': 'ENABLED' },
    });
    expect([head.headers[name], head.headers['x-amz-checksum-type']]).toEqual([
      value,
      'FULL_OBJECT',
    ]);
    const wrong = Buffer.from(value, 'base64');
    wrong[0]! ^= 1;
    expect(codeOf(await put(wrong.toString('base64')))).toBe('400 BadDigest');
    expect(codeOf(await put('short'))).toBe('400 InvalidRequest');
  });

  it('Content-MD5 is checked', async () => {
    const put = (md5: string): Promise<RawAnswer> =>
      sendRaw(t.s3, { method: 'PUT', target, body: hello, headers: { 'content-md5': md5 } });
    const right = createHash('md5').update(hello).digest('base64');
    expect(codeOf(await put(right))).toBe('200 ');
    expect(codeOf(await put(createHash('md5').digest('base64')))).toBe('400 BadDigest');
    expect(codeOf(await put('no base64'))).toBe('400 InvalidDigest');
  });

  it('the signed payload hash is checked', async () => {
    const answer = await sendRaw(t.s3, {
      method: 'PUT',
      target,
      body: 'tampered',
      payloadHash: sha256(hello),
    });
    expect(codeOf(answer)).toBe('400 XAmzContentSHA256Mismatch');
    expect(await stored()).toBe('hello');
  });

  it('an unsigned payload is accepted when it says so', async () => {
    const answer = await sendRaw(t.s3, {
      method: 'PUT',
      target,
      body: 'unsigned',
      payloadHash: 'UNSIGNED-PAYLOAD',
    });
    expect(answer.status).toBe(200);
    expect(await stored()).toBe('unsigned');
  });
});

describe('the SDK', () => {
  const algorithms: ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'];

  it('sends a CRC32 by default and checks it when reading', async () => {
    await t.client.send(new PutObjectCommand({ Bucket, Key: 'default', Body: 'hello' }));
    const head = await t.client.send(
      new HeadObjectCommand({ Bucket, Key: 'default', ChecksumMode: 'ENABLED' }),
    );
    expect(head.ChecksumCRC32).toBe('NhCmhg==');
    const got = await t.client.send(new GetObjectCommand({ Bucket, Key: 'default' }));
    expect(await got.Body?.transformToString()).toBe('hello');
  });

  it.each([10, 700_000])('streams %d bytes as aws-chunked with a trailer', async (size) => {
    const body = Buffer.alloc(size, 'stream');
    const pieces = Array.from({ length: 7 }, (_, i) =>
      body.subarray((i * size) / 7, ((i + 1) * size) / 7),
    );
    await t.client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'streamed',
        Body: Readable.from(pieces),
        ContentLength: size,
        ContentEncoding: 'x-own',
      }),
    );
    const got = await t.client.send(new GetObjectCommand({ Bucket, Key: 'streamed' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
    expect(got.ContentEncoding).toBe('x-own');
  });

  it('streams over many writes into one file of 20 MiB', async () => {
    const body = Buffer.alloc(20 * 2 ** 20, 'twenty');
    await t.client.send(new PutObjectCommand({ Bucket, Key: 'large', Body: body }));
    const got = await t.client.send(new GetObjectCommand({ Bucket, Key: 'large' }));
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(body)).toBe(true);
  });

  it.each(algorithms)('agrees with us on %s', async (ChecksumAlgorithm) => {
    const Body = Buffer.from(Array.from({ length: 1003 }, (_, i) => (i * 31) % 256));
    const made = await t.client.send(
      new PutObjectCommand({ Bucket, Key: 'agree', Body, ChecksumAlgorithm }),
    );
    expect(made[`Checksum${ChecksumAlgorithm}` as 'ChecksumCRC32']).toMatch(/=$/);
  });

  it('with a wrong secret or key id is turned away', async () => {
    const stranger = (credentials: {
      accessKeyId: string;
      secretAccessKey: string;
    }): Promise<unknown> => {
      const { endpoint, region } = t.s3;
      const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
      return client.send(new GetObjectCommand({ Bucket, Key: 'k' }));
    };
    const { accessKeyId } = t.s3.credentials;
    expect(await failure(stranger({ accessKeyId, secretAccessKey: 'wrong' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(await failure(stranger({ accessKeyId: 'AKIANOBODY', secretAccessKey: 'wrong' }))).toBe(
      '403 InvalidAccessKeyId',
    );
  });
});

/** An aws-chunked body with signed chunks, written out by hand. */
function signedChunks(
  chunks: readonly string[],
  o: { trailer?: string; spoil?: 'chunk' | 'trailer' | 'order' } = {},
): Promise<RawAnswer> {
  const length = chunks.join('').length;
  const payloadHash = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${o.trailer === undefined ? '' : '-TRAILER'}`;
  const headers: Record<string, string> = {
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': String(length),
    ...(o.trailer === undefined ? {} : { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
  };
  const request = { method: 'PUT', target, headers, payloadHash, time: Date.now() };
  const { signature, key, dateTime, scope } = sign(t.s3, request);
  let previous = signature;
  const next = (kind: string, rest: string): string => {
    const text = `AWS4-HMAC-SHA256-${kind}\n${dateTime}\n${scope}\n${previous}\n${rest}`;
    previous = createHmac('sha256', key).update(text).digest('hex');
    return previous;
  };
  const framed = [...chunks, ''].map((chunk) => {
    const own = next('PAYLOAD', `${sha256('')}\n${sha256(chunk)}`);
    const head = `${chunk.length.toString(16)};chunk-signature=${own}\r\n`;
    return chunk === '' ? head : `${head}${chunk}\r\n`;
  });
  if (o.spoil === 'chunk') framed[0] = (framed[0] as string).replace(/.\r\n$/, '?\r\n');
  if (o.spoil === 'order') framed.splice(0, 2, framed[1] as string, framed[0] as string);
  let tail = '';
  if (o.trailer !== undefined) {
    tail = `${o.trailer}\r\n`;
    let own = next('TRAILER', sha256(`${o.trailer}\n`));
    if (o.spoil === 'trailer') own = own.replace(/^./, (c) => (c === '0' ? '1' : '0'));
    tail += `x-amz-trailer-signature:${own}\r\n`;
  }
  return sendRaw(t.s3, { ...request, body: `${framed.join('')}${tail}\r\n` });
}

function crcTrailer(text: string): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(text));
  return `x-amz-checksum-crc32:${value.toString('base64')}`;
}

describe('signed chunks', () => {
  it('are accepted when every signature is right', async () => {
    expect(codeOf(await signedChunks(['one, ', 'two']))).toBe('200 ');
    expect(await stored()).toBe('one, two');
    expect(codeOf(await signedChunks(['a', 'b'], { trailer: crcTrailer('ab') }))).toBe('200 ');
    expect(await stored()).toBe('ab');
  });

  it('are refused when anything was changed', async () => {
    const before = await stored();
    expect(codeOf(await signedChunks(['one', 'two'], { spoil: 'chunk' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(codeOf(await signedChunks(['one', 'two'], { spoil: 'order' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    const trailer = crcTrailer('onetwo');
    expect(codeOf(await signedChunks(['one', 'two'], { trailer, spoil: 'trailer' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(codeOf(await signedChunks(['one'], { trailer: crcTrailer('two') }))).toBe(
      '400 BadDigest',
    );
    expect(await stored()).toBe(before);
  });
});
