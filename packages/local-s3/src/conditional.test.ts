import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket('versioned', 'Enabled');
  await t.bucket('plain');
});
afterAll(() => t.close());

interface Conditions {
  IfMatch?: string;
  IfNoneMatch?: string;
}

async function put(Bucket: string, Key: string, Body: string, o: Conditions = {}): Promise<string> {
  const made = await t.client.send(new PutObjectCommand({ Bucket, Key, Body, ...o }));
  return made.ETag as string;
}

for (const Bucket of ['versioned', 'plain']) {
  describe(`conditional writes in the ${Bucket} bucket`, () => {
    it('PUT: If-None-Match:* makes new keys only', async () => {
      await put(Bucket, 'new', '1', { IfNoneMatch: '*' });
      expect(await failure(put(Bucket, 'new', '2', { IfNoneMatch: '*' }))).toBe(
        '412 PreconditionFailed',
      );
      await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'new' }));
      await put(Bucket, 'new', '3', { IfNoneMatch: '*' });
      const other = put(Bucket, 'new', '4', { IfNoneMatch: '"other"' });
      expect(await failure(other)).toBe('501 NotImplemented');
    });

    it('PUT: If-Match replaces that very object only', async () => {
      const first = await put(Bucket, 'match', '1');
      const second = await put(Bucket, 'match', '2', { IfMatch: first });
      await put(Bucket, 'match', '3', { IfMatch: second.replaceAll('"', '') });
      expect(await failure(put(Bucket, 'match', '4', { IfMatch: first }))).toBe(
        '412 PreconditionFailed',
      );
      expect(await failure(put(Bucket, 'missing', '4', { IfMatch: first }))).toBe('404 NoSuchKey');
    });

    it('DELETE: If-Match', async () => {
      const eTag = await put(Bucket, 'gone', '1');
      const remove = (IfMatch: string): Promise<unknown> =>
        t.client.send(new DeleteObjectCommand({ Bucket, Key: 'gone', IfMatch }));
      expect(await failure(remove('"stale"'))).toBe('412 PreconditionFailed');
      await remove(eTag);
      expect(await failure(remove(eTag))).toBe('404 NoSuchKey');
      expect(await failure(remove('*'))).toBe('412 PreconditionFailed');
    });

    it('races have exactly one winner', async () => {
      for (let round = 0; round < 5; round++) {
        const Key = `race-${round}`;
        const outcomes = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            failure(put(Bucket, Key, `${i}`, { IfNoneMatch: '*' })),
          ),
        );
        expect(outcomes.filter((o) => o === 'none')).toHaveLength(1);
        expect(outcomes.filter((o) => o === '412 PreconditionFailed')).toHaveLength(19);
        const got = await t.client.send(new GetObjectCommand({ Bucket, Key }));
        expect(await got.Body?.transformToString()).toBe(`${outcomes.indexOf('none')}`);
        const again = await Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            failure(put(Bucket, Key, `again ${i}`, { IfMatch: got.ETag as string })),
          ),
        );
        expect(again.filter((o) => o === 'none')).toHaveLength(1);
      }
    });

    it('copy: conditions on source and destination', async () => {
      const source = await put(Bucket, 'source', 'bytes');
      const target = await put(Bucket, 'target', 'old');
      const copy = (o: Record<string, string>): Promise<unknown> =>
        t.client.send(
          new CopyObjectCommand({ Bucket, Key: 'target', CopySource: `${Bucket}/source`, ...o }),
        );
      expect(await failure(copy({ CopySourceIfMatch: '"stale"' }))).toBe('412 PreconditionFailed');
      expect(await failure(copy({ CopySourceIfNoneMatch: source }))).toBe('412 PreconditionFailed');
      expect(await failure(copy({ IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
      expect(await failure(copy({ IfMatch: '"stale"' }))).toBe('412 PreconditionFailed');
      await copy({ IfMatch: target, CopySourceIfMatch: source });
    });

    it('complete multipart: If-None-Match and If-Match', async () => {
      const eTag = await put(Bucket, 'assembled', 'old');
      const { UploadId } = await t.client.send(
        new CreateMultipartUploadCommand({ Bucket, Key: 'assembled' }),
      );
      const part = await t.client.send(
        new UploadPartCommand({ Bucket, Key: 'assembled', UploadId, PartNumber: 1, Body: 'new' }),
      );
      const complete = (o: Conditions): Promise<unknown> =>
        t.client.send(
          new CompleteMultipartUploadCommand({
            Bucket,
            Key: 'assembled',
            UploadId,
            MultipartUpload: { Parts: [{ PartNumber: 1, ETag: part.ETag }] },
            ...o,
          }),
        );
      expect(await failure(complete({ IfNoneMatch: '*' }))).toBe('412 PreconditionFailed');
      expect(await failure(complete({ IfMatch: '"stale"' }))).toBe('412 PreconditionFailed');
      await complete({ IfMatch: eTag });
    });
  });
}

describe('conditional reads', () => {
  it('GET: If-Match, If-None-Match and dates', async () => {
    const ETag = await put('plain', 'read', 'bytes');
    const get = (o: object): Promise<unknown> =>
      t.client.send(new GetObjectCommand({ Bucket: 'plain', Key: 'read', ...o }));
    await get({ IfMatch: ETag });
    expect(await failure(get({ IfMatch: '"x"' }))).toBe('412 PreconditionFailed');
    expect(await failure(get({ IfNoneMatch: ETag }))).toMatch(/^304 /);
    await get({ IfNoneMatch: '"x"' });
    const past = new Date(Date.now() - 3_600_000);
    const future = new Date(Date.now() + 3_600_000);
    expect(await failure(get({ IfModifiedSince: future }))).toMatch(/^304 /);
    await get({ IfModifiedSince: past });
    expect(await failure(get({ IfUnmodifiedSince: past }))).toBe('412 PreconditionFailed');
    await get({ IfUnmodifiedSince: past, IfMatch: ETag });
    const ranged = await t.client.send(
      new GetObjectCommand({ Bucket: 'plain', Key: 'read', Range: 'bytes=1-2', IfMatch: ETag }),
    );
    expect(await ranged.Body?.transformToString()).toBe('yt');
  });
});
