/** Whatever a client sends: an answer that says what is wrong, and an endpoint that goes on. */
import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sendBytes, sendRaw, sign, startTestEndpoint } from './test-endpoint.ts';
import type { RawAnswer, RawRequest, TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
const Bucket = 'malformed';
beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket(Bucket, 'Enabled');
});
afterAll(() => t.close());
afterEach(async () => {
  await t.client.send(new ListBucketsCommand({}));
});

function codeOf(answer: RawAnswer): string {
  return `${answer.status} ${/<Code>(\w+)<\/Code>/.exec(answer.text)?.[1] ?? ''}`;
}

const chunked = {
  method: 'PUT',
  target: `/${Bucket}/chunked`,
  payloadHash: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  headers: {
    'content-encoding': 'aws-chunked',
    'x-amz-decoded-content-length': '5',
    'x-amz-trailer': 'x-amz-checksum-crc32',
  },
} satisfies RawRequest;
const trailer = 'x-amz-checksum-crc32:NhCmhg==\r\n\r\n';

describe('chunk framing', () => {
  it.each([
    ['right', `5\r\nhello\r\n0\r\n${trailer}`, '200 '],
    ['several chunks', `2\r\nhe\r\n3\r\nllo\r\n0\r\n${trailer}`, '200 '],
    ['no end', `5\r\nhello\r\n`, '400 IncompleteBody'],
    ['no trailer', `5\r\nhello\r\n0\r\n\r\n`, '400 IncompleteBody'],
    ['size is no number', `five\r\nhello\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['negative size', `-5\r\nhello\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['huge size', `ffffffffff\r\nhello\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['size too long', `${'0'.repeat(5000)}5\r\nhello\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['data too long', `5\r\nhello!\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['more than declared', `6\r\nhello!\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['less than declared', `4\r\nhell\r\n0\r\n${trailer}`, '400 IncompleteBody'],
    ['something after the end', `5\r\nhello\r\n0\r\n${trailer}more`, '400 IncompleteBody'],
    ['wrong trailer', `5\r\nhullo\r\n0\r\n${trailer}`, '400 BadDigest'],
    ['endless trailers', `5\r\nhello\r\n0\r\n${'a:b\r\n'.repeat(99)}\r\n`, '400 IncompleteBody'],
    ['nothing', '', '400 IncompleteBody'],
  ])('%s', async (_name, body, expected) => {
    expect(codeOf(await sendRaw(t.s3, { ...chunked, body }))).toBe(expected);
  });

  it('needs a length', async () => {
    const headers = { 'content-encoding': 'aws-chunked' };
    expect(codeOf(await sendRaw(t.s3, { ...chunked, headers, body: '' }))).toBe(
      '411 MissingContentLength',
    );
    const plain = await sendRaw(t.s3, {
      method: 'PUT',
      target: `/${Bucket}/k`,
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: { 'transfer-encoding': 'chunked' },
      body: '0\r\n\r\n',
    });
    expect(codeOf(plain)).toBe('411 MissingContentLength');
  });

  it('broken early in a large body leaves the connection usable', async () => {
    const size = 8 * 2 ** 20;
    const head = (request: RawRequest, length: number, more: string): string => {
      const { headers } = sign(t.s3, request);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return `${request.method} ${request.target} HTTP/1.1\r\n${lines.join('')}content-length: ${length}\r\n${more}\r\n`;
    };
    const body = Buffer.concat([Buffer.from('nonsense\r\n'), Buffer.alloc(size)]);
    const { hostname, port } = new URL(t.s3.endpoint);
    const text = await new Promise<string>((resolve) => {
      let got = '';
      const socket = connect(Number(port), hostname, () => {
        socket.write(head(chunked, body.length, ''));
        socket.write(body);
        const list = { method: 'GET', target: '/' };
        socket.write(head(list, 0, 'connection: close\r\n'));
      });
      socket.on('data', (data) => (got += data.toString('latin1')));
      socket.on('close', () => resolve(got));
    });
    expect(text).toContain('<Code>IncompleteBody</Code>');
    expect(text).toContain('<ListAllMyBucketsResult');
  });

  it('of a large body is cut off without a trace', async () => {
    const before = readdirSync(join(t.dir, 'blobs'));
    const request = {
      method: 'PUT',
      target: `/${Bucket}/cut`,
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': String(50 * 2 ** 20) },
    };
    const { headers } = sign(t.s3, request);
    const { hostname, port } = new URL(t.s3.endpoint);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => {
        socket.write(`PUT ${request.target} HTTP/1.1\r\n${lines.join('')}\r\n`);
        socket.write(Buffer.alloc(5 * 2 ** 20), () => socket.resetAndDestroy());
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
    await expect.poll(() => readdirSync(join(t.dir, 'blobs')), { timeout: 20_000 }).toEqual(before);
    const absent = await sendRaw(t.s3, { method: 'GET', target: request.target });
    expect(codeOf(absent)).toBe('404 NoSuchKey');
  });

  it('is answered even when readers and subscribers vanish in the middle', async () => {
    const Body = Buffer.alloc(20 * 2 ** 20);
    const made = await t.client.send(new PutObjectCommand({ Bucket, Key: 'left', Body }));
    const vanish = (target: string): Promise<void> => {
      const { headers } = sign(t.s3, { method: 'GET', target });
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const { hostname, port } = new URL(t.s3.endpoint);
      return new Promise((resolve) => {
        const socket = connect(Number(port), hostname, () => {
          socket.write(`GET ${target} HTTP/1.1\r\n${lines.join('')}\r\n`);
        });
        socket.once('data', () => socket.resetAndDestroy());
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
      });
    };
    const files = (): string[] => readdirSync(join(t.dir, 'blobs'));
    await Promise.all([
      vanish(`/${Bucket}/left`),
      vanish(`/${Bucket}/left`),
      vanish(`/${Bucket}?moorage-events`),
    ]);
    const before = files().length;
    for (let i = 0; i < 20; i++) {
      await t.client.send(new PutObjectCommand({ Bucket, Key: `${i}`, Body: 'x' }));
    }
    // Nobody reads it any more, so its file goes with it.
    const { VersionId } = made;
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'left', VersionId }));
    await expect.poll(() => files().length, { timeout: 20_000 }).toBe(before - 1);
  });

  it('too large is refused before it is sent', async () => {
    const answer = await sendRaw(t.s3, {
      method: 'PUT',
      target: `/${Bucket}/k`,
      payloadHash: 'UNSIGNED-PAYLOAD',
      headers: { 'content-length': String(5 * 2 ** 30 + 1) },
    });
    expect(codeOf(answer)).toBe('400 EntityTooLarge');
  });
});

describe('requests that are not right', () => {
  it.each<[string, string]>([
    ['no HTTP at all', 'hello\r\n\r\n'],
    ['binary', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a bad version', 'GET / HTTP/9.9\r\nhost: x\r\n\r\n'],
    ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
    [
      'two lengths',
      'PUT /x/y HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'length and chunks',
      'PUT /x/y HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
    ],
  ])('%s', async (_name, text) => {
    const answer = await sendBytes(t.s3, Buffer.from(text, 'latin1'));
    expect(codeOf(answer)).toBe('400 BadRequest');
  });

  it('headers beyond 32 KiB', async () => {
    const answer = await sendRaw(t.s3, {
      method: 'GET',
      target: '/',
      headers: { 'x-amz-huge': 'x'.repeat(40_000) },
    });
    expect(codeOf(answer)).toBe('400 RequestHeaderSectionTooLarge');
  });

  it('unsigned, badly signed, stale or half signed', async () => {
    const anonymous = `GET /${Bucket} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    expect(codeOf(await sendBytes(t.s3, Buffer.from(anonymous)))).toBe('403 AccessDenied');
    const get = { method: 'GET', target: `/${Bucket}` };
    expect(codeOf(await sendRaw(t.s3, { ...get, secret: 'wrong secret' }))).toBe(
      '403 SignatureDoesNotMatch',
    );
    expect(codeOf(await sendRaw(t.s3, { ...get, time: Date.now() - 20 * 60_000 }))).toBe(
      '403 RequestTimeTooSkewed',
    );
    expect(
      codeOf(
        await sendRaw(t.s3, {
          ...get,
          payloadHash: 'nonsense',
          method: 'PUT',
          target: `/${Bucket}/k`,
        }),
      ),
    ).toBe('400 InvalidArgument');
    const broken: Record<string, string> = {
      'AWS4-HMAC-SHA256 nonsense': '400 AuthorizationHeaderMalformed',
      'AWS key:signature': '400 InvalidRequest',
      'Basic dXNlcjpwYXNz': '400 AuthorizationHeaderMalformed',
    };
    for (const [authorization, expected] of Object.entries(broken)) {
      const text = `GET / HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\nconnection: close\r\n\r\n`;
      expect(codeOf(await sendBytes(t.s3, Buffer.from(text)))).toBe(expected);
    }
    const { headers } = sign(t.s3, get);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const smuggled = `GET ${get.target} HTTP/1.1\r\n${lines.join('')}x-amz-extra: 1\r\nconnection: close\r\n\r\n`;
    expect(codeOf(await sendBytes(t.s3, Buffer.from(smuggled)))).toBe('403 AccessDenied');
    const region = { ...t.s3, region: 'eu-central-1' };
    const elsewhere = await sendRaw(region, get);
    expect(codeOf(elsewhere)).toBe('400 AuthorizationHeaderMalformed');
    expect(elsewhere.text).toContain('<Region>us-east-1</Region>');
  });

  it('paths that try to leave the directory are keys like any other', async () => {
    const secret = '../../../outside';
    await t.client.send(new PutObjectCommand({ Bucket, Key: secret, Body: 'x' }));
    expect(existsSync(join(dirname(t.dir), 'outside'))).toBe(false);
    for (const target of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      `/${Bucket}/../../../etc/passwd`,
      `/${Bucket}/..%2f..%2fcredentials.json`,
    ]) {
      const answer = await sendRaw(t.s3, { method: 'GET', target });
      expect([403, 404]).toContain(answer.status);
      expect(answer.text).not.toContain('root:');
    }
    const got = await t.client.send(new GetObjectCommand({ Bucket, Key: secret }));
    expect(await got.Body?.transformToString()).toBe('x');
  });

  it.each([
    ['GET', `/${Bucket}/%ff`, '400 InvalidURI'],
    ['GET', `/${Bucket}/%zz`, '400 InvalidURI'],
    ['GET', `/${Bucket}/%ed%a0%80`, '400 InvalidURI'],
    ['GET', `/${Bucket}/k?versionId=x`, '400 InvalidArgument'],
    ['PATCH', `/${Bucket}/k`, '405 MethodNotAllowed'],
    ['GET', `/absent/k`, '404 NoSuchBucket'],
  ])('%s %s', async (method, target, expected) => {
    expect(codeOf(await sendRaw(t.s3, { method, target }))).toBe(expected);
  });

  it.each([
    ['not XML', 'hello'],
    ['another document', '<Other/>'],
    ['unfinished', '<Delete><Object><Key>a</Key>'],
    ['crossed', '<Delete><Object></Delete></Object>'],
    ['a DTD', '<!DOCTYPE x [<!ENTITY e "boom">]><Delete><Object><Key>&e;</Key></Object></Delete>'],
    ['an unknown entity', '<Delete><Object><Key>&e;</Key></Object></Delete>'],
    ['too deep', `${'<Delete>'.repeat(5000)}`],
    ['no object', '<Delete></Delete>'],
    ['no key', '<Delete><Object></Object></Delete>'],
  ])('DeleteObjects with %s', async (_name, body) => {
    const answer = await sendRaw(t.s3, { method: 'POST', target: `/${Bucket}?delete`, body });
    expect(codeOf(answer)).toBe('400 MalformedXML');
  });
});
