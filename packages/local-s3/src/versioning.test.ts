import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
beforeAll(async () => {
  t = await startTestEndpoint();
});
afterAll(() => t.close());

async function put(bucket: string, key: string, body: string): Promise<string> {
  const made = await t.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  return made.VersionId ?? 'none';
}

async function get(bucket: string, key: string, versionId?: string): Promise<string> {
  const got = await t.client.send(
    new GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(versionId === undefined ? {} : { VersionId: versionId }),
    }),
  );
  return (await got.Body?.transformToString()) ?? '';
}

describe('a versioned bucket', () => {
  it('keeps old versions, marks deletes and takes a marker back', async () => {
    const Bucket = await t.bucket('versioned', 'Enabled');
    const first = await put(Bucket, 'k', 'one');
    const second = await put(Bucket, 'k', 'two');
    expect(first).toMatch(/^[\w-]{32}$/);
    expect(first).not.toBe(second);
    expect(await get(Bucket, 'k', first)).toBe('one');
    expect(await get(Bucket, 'k')).toBe('two');

    const deleted = await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect(deleted.DeleteMarker).toBe(true);
    const marker = deleted.VersionId as string;
    expect(await failure(t.client.send(new GetObjectCommand({ Bucket, Key: 'k' })))).toBe(
      '404 NoSuchKey',
    );
    const markerRead = new GetObjectCommand({ Bucket, Key: 'k', VersionId: marker });
    expect(await failure(t.client.send(markerRead))).toBe('405 MethodNotAllowed');
    expect((await t.client.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);

    const listed = await t.client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(listed.Versions?.map((v) => [v.VersionId, v.IsLatest])).toEqual([
      [second, false],
      [first, false],
    ]);
    expect(listed.DeleteMarkers?.map((m) => [m.VersionId, m.IsLatest])).toEqual([[marker, true]]);

    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: marker }));
    expect(await get(Bucket, 'k')).toBe('two');
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: second }));
    expect(await get(Bucket, 'k')).toBe('one');
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: first }));
    expect(await failure(t.client.send(new HeadObjectCommand({ Bucket, Key: 'k' })))).toBe(
      '404 NotFound',
    );
    expect((await t.client.send(new ListObjectVersionsCommand({ Bucket }))).Versions).toBe(
      undefined,
    );
  });

  it('pages version listings within and between keys', async () => {
    const Bucket = await t.bucket('version-pages', 'Enabled');
    const expected: string[] = [];
    for (const key of ['a', 'b/1', 'b/2', 'c']) {
      const ids: string[] = [];
      for (let i = 0; i < 3; i++) ids.unshift(await put(Bucket, key, `${i}`));
      expected.push(...ids.map((id) => `${key} ${id}`));
    }
    for (const MaxKeys of [1, 2, 5, 12]) {
      const seen: string[] = [];
      let latest = 0;
      let KeyMarker: string | undefined;
      let VersionIdMarker: string | undefined;
      for (;;) {
        const page = await t.client.send(
          new ListObjectVersionsCommand({ Bucket, MaxKeys, KeyMarker, VersionIdMarker }),
        );
        for (const v of page.Versions ?? []) {
          seen.push(`${v.Key} ${v.VersionId}`);
          if (v.IsLatest) latest++;
        }
        if (!page.IsTruncated) break;
        ({ NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page);
      }
      expect(seen).toEqual(expected);
      expect(latest).toBe(4);
    }
    const grouped = await t.client.send(
      new ListObjectVersionsCommand({ Bucket, Delimiter: '/', MaxKeys: 4 }),
    );
    expect(grouped.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
    expect(grouped.Versions).toHaveLength(3);
    const rest = await t.client.send(
      new ListObjectVersionsCommand({ Bucket, Delimiter: '/', KeyMarker: grouped.NextKeyMarker }),
    );
    expect(rest.Versions?.map((v) => v.Key)).toEqual(['c', 'c', 'c']);
    expect(rest.CommonPrefixes).toBe(undefined);
  });

  it('answers for every key of DeleteObjects on its own', async () => {
    const Bucket = await t.bucket('delete-many', 'Enabled');
    const version = await put(Bucket, 'a', '1');
    await put(Bucket, 'b', '1');
    const outcome = await t.client.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: {
          Objects: [
            { Key: 'a', VersionId: version },
            { Key: 'b', ETag: 'stale' },
            { Key: 'absent' },
          ],
        },
      }),
    );
    expect(outcome.Deleted?.map((d) => [d.Key, d.VersionId, d.DeleteMarker])).toEqual([
      ['a', version, undefined],
      ['absent', undefined, true],
    ]);
    expect(outcome.Errors?.map((e) => [e.Key, e.Code])).toEqual([['b', 'PreconditionFailed']]);
    const quiet = await t.client.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Quiet: true, Objects: [{ Key: 'b' }] } }),
    );
    expect(quiet.Deleted).toBe(undefined);
  });
});

describe('a bucket whose versioning is suspended', () => {
  it('replaces the null version and keeps the others', async () => {
    const Bucket = await t.bucket('suspended', 'Enabled');
    const old = await put(Bucket, 'k', 'old');
    await t.client.send(
      new PutBucketVersioningCommand({
        Bucket,
        VersioningConfiguration: { Status: 'Suspended' },
      }),
    );
    await put(Bucket, 'k', 'null one');
    await put(Bucket, 'k', 'null two');
    expect(await get(Bucket, 'k', 'null')).toBe('null two');
    expect(await get(Bucket, 'k', old)).toBe('old');
    const listed = await t.client.send(new ListObjectVersionsCommand({ Bucket }));
    expect(listed.Versions?.map((v) => v.VersionId)).toEqual(['null', old]);
    const deleted = await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    expect([deleted.DeleteMarker, deleted.VersionId]).toEqual([true, 'null']);
    expect(await get(Bucket, 'k', old)).toBe('old');
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: 'null' }));
    expect(await get(Bucket, 'k')).toBe('old');
  });
});

describe('an unversioned bucket', () => {
  it('overwrites and deletes for good, and can only be removed when empty', async () => {
    const Bucket = await t.bucket('plain');
    expect(await put(Bucket, 'k', 'one')).toBe('none');
    await put(Bucket, 'k', 'two');
    expect(await get(Bucket, 'k')).toBe('two');
    expect(await failure(t.client.send(new DeleteBucketCommand({ Bucket })))).toBe(
      '409 BucketNotEmpty',
    );
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'k' }));
    await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'never there' }));
    await t.client.send(new DeleteBucketCommand({ Bucket }));
    expect(await failure(t.client.send(new ListObjectsV2Command({ Bucket })))).toBe(
      '404 NoSuchBucket',
    );
  });
});
