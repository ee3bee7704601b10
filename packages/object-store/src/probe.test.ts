/** Stores that break promises: what is found out about them, and what is made up for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3 } from '@moorage/local-s3';
import type { LocalS3 } from '@moorage/local-s3';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Bucket } from './bucket.ts';
import { collect } from './body.ts';
import { guardedBucket } from './guarded-bucket.ts';
import { openBucket } from './open-bucket.ts';
import { probeStore } from './probe.ts';
import { carefulTraits, fullTraits } from './store-traits.ts';
import type { StoreTraits } from './store-traits.ts';
import { startLyingStore } from './testing/lying-store.ts';
import type { LyingStore } from './testing/lying-store.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let dir: string;
let server: LocalS3;
let honest: Bucket;
let lying: LyingStore;
let bucket: Bucket;
let serial = 0;

function guard(traits: StoreTraits, inner: Bucket = bucket): Bucket {
  return guardedBucket(inner, Promise.resolve(traits));
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'probe-'));
  server = await startLocalS3({ dir });
  honest = await openBucket({ ...server, bucket: 'data' });
  await honest.putBucket();
  await honest.putVersioning('Enabled');
  lying = await startLyingStore({ ...server, bucket: 'data' }, {});
  bucket = await openBucket({ ...server, endpoint: lying.endpoint, bucket: 'data' });
});
beforeEach(() => {
  lying.lies = {};
  lying.before = undefined;
});
afterAll(async () => {
  await bucket.close();
  await honest.close();
  await lying.close();
  await server.close();
  rmSync(dir, { recursive: true });
});

function probe(): Promise<StoreTraits> {
  const token = String(++serial).padStart(32, '0');
  return probeStore(bucket, { prefix: 'p/.moorage-probe-', token, now: () => Date.now() });
}

async function text(key: string): Promise<string> {
  const { body, length } = await honest.get(key);
  return Buffer.from(await collect(body, length)).toString();
}

async function versionsBelow(prefix: string): Promise<number> {
  return (await honest.listVersions({ prefix })).versions.length;
}

test('an honest store keeps everything, and nothing of the probe is left', async () => {
  expect(await probe()).toEqual(fullTraits);
  expect(await versionsBelow('p/')).toBe(0);
  expect(await honest.listUploads('p/')).toEqual([]);
});

test('each lie is found out', async () => {
  lying.lies = { ignoresWriteConditions: true };
  expect(await probe()).toEqual({
    ...fullTraits,
    putIfAbsent: 'no',
    putIfMatch: 'no',
    copyCondition: 'no',
    completeCondition: 'no',
    deleteIfMatch: 'no',
  });
  lying.lies = { refusesConditionalDelete: true };
  expect(await probe()).toEqual({ ...fullTraits, deleteIfMatch: 'no' });
  lying.lies = { dropsChecksums: true };
  expect(await probe()).toEqual({ ...fullTraits, checksums: 'no' });
  lying.lies = { stripsVersionIds: true };
  expect(await probe()).toEqual({ ...fullTraits, versionIds: 'no' });
  lying.lies = { ignoresSourceConditions: true };
  expect(await probe()).toEqual({ ...fullTraits, copySourceIfMatch: 'no' });
  expect(await versionsBelow('p/')).toBe(0);
});

test('without permission to write nothing is known, and that is said', async () => {
  lying.lies = { deniesWrites: true };
  expect(await probe()).toEqual(carefulTraits('The credentials may not write to the bucket.'));
});

test('where ETags are no MD5 they are not compared in place of checksums', async () => {
  lying.lies = { dropsChecksums: true };
  const head: Bucket['head'] = async (key, o) => ({
    ...(await bucket.head(key, o)),
    eTag: 'opaque',
  });
  const opaque = new Proxy(bucket, {
    get(target, name) {
      const value: unknown = name === 'head' ? head : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const options = { prefix: 'p/.moorage-probe-', token: 'e'.repeat(32), now: () => Date.now() };
  expect((await probeStore(opaque, options)).checksums).toBe('unknown');
});

test('what a killed probe left behind goes with the next, but not what is under way', async () => {
  await honest.put('p/.moorage-probe-old/put', Buffer.from('x'));
  const left = await honest.multipart('p/.moorage-probe-old/upload');
  await probe();
  expect(await versionsBelow('p/')).toBe(1);
  const later = Date.now() + 2 * 60 * 60 * 1000;
  await probeStore(bucket, {
    prefix: 'p/.moorage-probe-',
    token: 'f'.repeat(32),
    now: () => later,
  });
  expect(await versionsBelow('p/')).toBe(0);
  expect(await honest.listUploads('p/')).toEqual([]);
  await expect(left.complete()).rejects.toMatchObject({ code: 'NoSuchUpload' });
});

const careless: StoreTraits = {
  ...fullTraits,
  putIfAbsent: 'no',
  putIfMatch: 'no',
  copyCondition: 'no',
  completeCondition: 'no',
  deleteIfMatch: 'no',
};

/** Somebody else writes between the comparison and the write. */
function overtake(method: string, act: () => Promise<unknown>): void {
  lying.before = async (request) => {
    if (!request.startsWith(`${method} `)) return;
    lying.before = undefined;
    await act();
  };
}

test('a store that ignores conditions: refused where it can be seen before', async () => {
  lying.lies = { ignoresWriteConditions: true };
  const guarded = guard(careless);
  const refusal = { code: 'PreconditionFailed' };
  const { eTag } = await guarded.put('seen', Buffer.from('1'), { ifNoneMatch: '*' });
  const put = (options: object): Promise<unknown> => guarded.put('seen', Buffer.from('2'), options);
  await expect(put({ ifNoneMatch: '*' })).rejects.toMatchObject(refusal);
  await expect(put({ ifMatch: 'other' })).rejects.toMatchObject(refusal);
  await expect(guarded.delete('seen', { ifMatch: 'other' })).rejects.toMatchObject(refusal);
  await expect(guarded.copy({ key: 'seen' }, 'seen', { ifNoneMatch: '*' })).rejects.toMatchObject(
    refusal,
  );
  expect(await versionsBelow('seen')).toBe(1);
  await guarded.copy({ key: 'seen' }, 'seen', { ifMatch: eTag, replace: { metadata: { a: 'b' } } });
  await put({ ifMatch: eTag });
  expect(await text('seen')).toBe('2');
});

test('a store that ignores conditions: who was overtaken takes its write back', async () => {
  lying.lies = { ignoresWriteConditions: true };
  const guarded = guard(careless);
  const refusal = { code: 'PreconditionFailed' };
  overtake('PUT', () => honest.put('new', Buffer.from('theirs')));
  const put = guarded.put('new', Buffer.from('ours'), { ifNoneMatch: '*' });
  await expect(put).rejects.toMatchObject(refusal);
  expect(await text('new')).toBe('theirs');

  const { eTag } = await honest.put('old', Buffer.from('base'));
  overtake('PUT', () => honest.put('old', Buffer.from('theirs')));
  const copy = guarded.copy({ key: 'old', ifMatch: eTag }, 'old', {
    ifMatch: eTag,
    replace: { metadata: { a: 'b' } },
  });
  await expect(copy).rejects.toMatchObject(refusal);
  expect(await text('old')).toBe('theirs');

  const { eTag: base } = await honest.put('gone', Buffer.from('base'));
  overtake('DELETE', () => honest.put('gone', Buffer.from('theirs')));
  await expect(guarded.delete('gone', { ifMatch: base })).rejects.toMatchObject(refusal);
  expect(await text('gone')).toBe('theirs');

  const upload = await guarded.multipart('large');
  await upload.uploadPart(1, Buffer.from('ours'));
  overtake('POST', () => honest.put('large', Buffer.from('theirs')));
  await expect(upload.complete({ ifNoneMatch: '*' })).rejects.toMatchObject(refusal);
  expect(await text('large')).toBe('theirs');
});

test('a write that is tried again because its answer was lost is judged by what it was put upon', async () => {
  lying.lies = { ignoresWriteConditions: true };
  const guarded = guard(careless);
  const ours = Buffer.from('ours');
  const { eTag: ifMatch } = await honest.put('again', Buffer.from('base'));
  const { versionId } = await honest.put('again', ours);
  expect(await guarded.put('again', ours, { ifMatch })).toMatchObject({ versionId });
  expect(await versionsBelow('again')).toBe(2);

  const { eTag: base } = await honest.put('overtaken', Buffer.from('base'));
  await honest.put('overtaken', Buffer.from('theirs'));
  await honest.put('overtaken', ours);
  await expect(guarded.put('overtaken', ours, { ifMatch: base })).rejects.toMatchObject({
    code: 'PreconditionFailed',
  });
  expect(await text('overtaken')).toBe('theirs');
});

test('of racing writers on a store that ignores conditions one wins', async () => {
  lying.lies = { ignoresWriteConditions: true };
  const guarded = guard(careless);
  const tried = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) =>
      guarded.put('race', Buffer.from(`racer ${i}`), { ifNoneMatch: '*' }),
    ),
  );
  const winners = tried.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
  expect(winners).toHaveLength(1);
  expect(await text('race')).toBe(`racer ${winners[0]}`);
});

test('a conditional delete that the store does not know is made of two steps', async () => {
  lying.lies = { refusesConditionalDelete: true };
  const guarded = guard({ ...fullTraits, deleteIfMatch: 'no' });
  const { eTag } = await guarded.put('d', Buffer.from('1'), { ifNoneMatch: '*' });
  await expect(guarded.delete('d', { ifMatch: 'other' })).rejects.toMatchObject({ status: 412 });
  await guarded.delete('d', { ifMatch: eTag });
  await expect(honest.head('d')).rejects.toMatchObject({ code: 'NoSuchKey' });
});

test('versions that the answers do not name are looked up', async () => {
  lying.lies = { stripsVersionIds: true };
  const guarded = guard({ ...fullTraits, versionIds: 'no' });
  await guarded.put('v', Buffer.from('1'));
  const head = await guarded.head('v');
  expect(head.versionId).toBe((await honest.head('v')).versionId);
});

test('a body that arrives damaged is noticed where the store does not look', async () => {
  const guarded = guard({ ...fullTraits, checksums: 'no' });
  await guarded.put('fine', Buffer.from('1'));
  const upload = await guarded.multipart('parts');
  await upload.uploadPart(1, Buffer.from('1'));
  await upload.complete();
  const damaging: Bucket = Object.create(bucket) as Bucket;
  damaging.put = (key, _body, options) => bucket.put(key, Buffer.from('other'), options);
  const broken = guard({ ...fullTraits, checksums: 'no' }, damaging);
  await expect(broken.put('x', Buffer.from('1'))).rejects.toMatchObject({
    code: 'BrokenTransfer',
    retryable: true,
  });
});
