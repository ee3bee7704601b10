import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3 } from '@moorage/local-s3';
import type { LocalS3 } from '@moorage/local-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Bucket } from './bucket.ts';
import { collect } from './body.ts';
import { openBucket } from './open-bucket.ts';

let dir = '';
let server: LocalS3;
let bucket: Bucket;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'object-store-'));
  server = await startLocalS3({ dir });
  bucket = await open('data');
  await bucket.putBucket();
  await bucket.putBucket();
  expect(await bucket.getVersioning()).toBe('Off');
  await bucket.putVersioning('Enabled');
  expect(await bucket.getVersioning()).toBe('Enabled');
});

afterAll(async () => {
  await bucket.close();
  await server.close();
  rmSync(dir, { recursive: true });
});

function open(name: string, secretAccessKey?: string): Promise<Bucket> {
  const { endpoint, region, credentials } = server;
  const used = secretAccessKey === undefined ? credentials : { ...credentials, secretAccessKey };
  return openBucket({ bucket: name, endpoint, region, credentials: used });
}

async function read(key: string, options?: Parameters<Bucket['get']>[1]): Promise<string> {
  const object = await bucket.get(key, options);
  return Buffer.from(await collect(object.body, object.length)).toString('utf8');
}

test('put, head, get with attributes and versions', async () => {
  const first = await bucket.put('k', Buffer.from('one'), {
    contentType: 'text/plain',
    cacheControl: 'no-store',
    metadata: { 'file-owner': '1000' },
  });
  const second = await bucket.put('k', Buffer.from('two!'), { ifMatch: first.eTag });
  const head = await bucket.head('k', { versionId: first.versionId ?? '' });
  expect(head).toMatchObject({
    key: 'k',
    size: 3,
    eTag: first.eTag,
    versionId: first.versionId,
    contentType: 'text/plain',
    cacheControl: 'no-store',
    metadata: { 'file-owner': '1000' },
  });
  expect(Math.abs(head.lastModified - Date.now())).toBeLessThan(600_000);
  expect(await read('k')).toBe('two!');
  expect(await read('k', { versionId: first.versionId ?? '' })).toBe('one');
  expect(await read('k', { range: { start: 1, end: 2 } })).toBe('wo');
  expect(await read('k', { range: { start: 2 } })).toBe('o!');
  await expect(bucket.get('k', { ifMatch: first.eTag })).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  await expect(bucket.get('k', { range: { start: 99 } })).rejects.toMatchObject({
    code: 'InvalidRange',
  });
  expect(second.versionId).not.toBe(first.versionId);
});

test('conditions', async () => {
  const { eTag } = await bucket.put('cond', Buffer.from('a'), { ifNoneMatch: '*' });
  for (const condition of [{ ifNoneMatch: '*' as const }, { ifMatch: 'other' }]) {
    await expect(bucket.put('cond', Buffer.from('b'), condition)).rejects.toMatchObject({
      code: 'PreconditionFailed',
      status: 412,
    });
  }
  await expect(bucket.delete('cond', { ifMatch: 'other' })).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  const deleted = await bucket.delete('cond', { ifMatch: eTag });
  expect(deleted.deleteMarker).toBe(true);
  await expect(bucket.head('cond')).rejects.toMatchObject({ code: 'NoSuchKey', key: 'cond' });
  await bucket.put('cond', Buffer.from('c'), { ifNoneMatch: '*' });
});

test('copies keep or replace metadata, and have conditions on both ends', async () => {
  const source = await bucket.put('src', Buffer.from('x'), { metadata: { a: '1' } });
  await bucket.copy({ key: 'src' }, 'kept', { ifNoneMatch: '*' });
  expect((await bucket.head('kept')).metadata).toEqual({ a: '1' });
  await bucket.copy({ key: 'src', ifMatch: source.eTag }, 'src', {
    ifMatch: source.eTag,
    replace: { metadata: { b: '2' }, contentType: 'text/x' },
  });
  expect(await bucket.head('src')).toMatchObject({ metadata: { b: '2' }, contentType: 'text/x' });
  await expect(bucket.copy({ key: 'src' }, 'kept', { ifNoneMatch: '*' })).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  await expect(bucket.copy({ key: 'src', ifMatch: 'other' }, 'c')).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  const odd = "a b/ü+'(x)%/..";
  await bucket.put(odd, Buffer.from('odd'));
  await bucket.copy({ key: odd }, 'from-odd');
  expect(await read('from-odd')).toBe('odd');
});

test('odd keys come back exactly, in pages too', async () => {
  const odd = ['sp ace', 'a+b', 'q"\'<>&', 'ü/é', '//x', './y', '../z', 'nl\n', 'c\u0001', '日本'];
  for (const key of odd) await bucket.put(`odd/${key}`, Buffer.from(key));
  const found: string[] = [];
  let continuation: string | undefined;
  do {
    const told: string[] = [];
    const page = await bucket.list({
      prefix: 'odd/',
      maxKeys: 3,
      onContinuation: (next) => told.push(next),
      ...(continuation === undefined ? {} : { continuation }),
    });
    expect(told).toEqual(page.continuation === undefined ? [] : [page.continuation]);
    expect(page.objects.length).toBeLessThanOrEqual(3);
    found.push(...page.objects.map(({ key }) => key.slice(4)));
    ({ continuation } = page);
  } while (continuation !== undefined);
  expect(found.toSorted()).toEqual(odd.toSorted());
  for (const key of odd) expect(await read(`odd/${key}`)).toBe(key);
});

test('listing with a delimiter', async () => {
  for (const key of ['t/a', 't/b/1', 't/b/2', 't/c']) await bucket.put(key, Buffer.from('x'));
  const page = await bucket.list({ prefix: 't/', delimiter: '/' });
  expect(page.objects.map(({ key, size }) => [key, size])).toEqual([
    ['t/a', 1],
    ['t/c', 1],
  ]);
  expect(page.prefixes).toEqual(['t/b/']);
  const after = await bucket.list({ prefix: 't/', startAfter: 't/b/1' });
  expect(after.objects.map(({ key }) => key)).toEqual(['t/b/2', 't/c']);
});

test('multipart with a copied part', async () => {
  const MiB = 1024 * 1024;
  const base = Buffer.alloc(6 * MiB, 'abc');
  const { eTag } = await bucket.put('base', base);
  const upload = await bucket.multipart('big', { metadata: { m: '1' }, contentType: 'text/y' });
  await upload.copyPart(1, { key: 'base', ifMatch: eTag }, { start: 0, end: 5 * MiB - 1 });
  await upload.uploadPart(2, Buffer.from('tail'));
  const { eTag: whole } = await upload.complete({ ifNoneMatch: '*' });
  expect(whole).toMatch(/-2$/);
  const head = await bucket.head('big');
  expect(head).toMatchObject({ size: 5 * MiB + 4, metadata: { m: '1' }, contentType: 'text/y' });
  expect(await read('big', { range: { start: 5 * MiB } })).toBe('tail');
  const refused = await bucket.multipart('big');
  await refused.uploadPart(1, Buffer.from('x'));
  await expect(refused.complete({ ifNoneMatch: '*' })).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  await refused.abort();
  await refused.abort();
});

test('a body that is streamed', async () => {
  const pieces = ['one ', 'two ', 'three'];
  const size = pieces.join('').length;
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece);
  };
  await bucket.put('streamed', { size, stream });
  expect(await read('streamed')).toBe('one two three');
});

test('versions and tags', async () => {
  await bucket.put('v', Buffer.from('1'), { tagging: 'team=a%20b&x=1' });
  await bucket.put('v', Buffer.from('2'));
  await bucket.delete('v');
  const { versions } = await bucket.listVersions({ prefix: 'v' });
  expect(versions.map((v) => [v.deleteMarker, v.isLatest])).toEqual([
    [true, true],
    [false, false],
    [false, false],
  ]);
  const versionId = versions[2]?.versionId ?? '';
  expect(await bucket.getTagging('v', { versionId })).toBe('team=a%20b&x=1');
});

test('a bucket that is not there, wrong credentials, and none of either', async () => {
  const missing = await open('missing');
  await expect(missing.headBucket()).rejects.toMatchObject({ code: 'NoSuchBucket' });
  const wrong = await open('data', 'not-the-secret');
  await expect(wrong.headBucket()).rejects.toMatchObject({
    code: 'WrongCredentials',
    message: expect.not.stringContaining('not-the-secret'),
  });
  await missing.close();
  await wrong.close();
});

test('a raw request of a bucket', async () => {
  const answer = await bucket.requestRaw({ method: 'GET', query: { versioning: '' } });
  expect(answer.status).toBe(200);
  let body = '';
  for await (const chunk of answer.body) body += Buffer.from(chunk).toString();
  expect(body).toContain('<Status>Enabled</Status>');
});
