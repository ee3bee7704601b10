import {
  DeleteObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandInput } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterPrefix } from './listing.ts';
import { failure, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
const Bucket = 'listing';
const tree = ['a', 'b/', 'b/1', 'b/2/x', 'b0', 'c/1', 'c/2', 'd', 'é', '\u{ff5e}', '\u{1f600}'];

beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket(Bucket, 'Enabled');
  for (const Key of [...tree, 'deleted', 'b/deleted']) {
    await t.client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  }
  await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'deleted' }));
  await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'b/deleted' }));
});
afterAll(() => t.close());

/** All pages as one list; common prefixes in brackets. */
async function walk(o: Partial<ListObjectsV2CommandInput>): Promise<string[]> {
  const seen: string[] = [];
  let ContinuationToken: string | undefined;
  do {
    const page = await t.client.send(new ListObjectsV2Command({ Bucket, ...o, ContinuationToken }));
    const found = [
      ...(page.Contents ?? []).map((c) => c.Key as string),
      ...(page.CommonPrefixes ?? []).map((p) => `[${p.Prefix}]`),
    ];
    expect(found).toHaveLength(page.KeyCount as number);
    seen.push(...found);
    ContinuationToken = page.NextContinuationToken;
    expect(page.IsTruncated).toBe(ContinuationToken !== undefined);
  } while (ContinuationToken !== undefined);
  return seen;
}

describe('listings', () => {
  it('are in UTF-8 order and leave out deleted keys, in pages of any size', async () => {
    for (const MaxKeys of [1, 2, 3, 11, 1000]) expect(await walk({ MaxKeys })).toEqual(tree);
  });

  it('group by delimiter, in pages of any size', async () => {
    const expected = ['a', '[b/]', 'b0', '[c/]', 'd', 'é', '\u{ff5e}', '\u{1f600}'];
    for (const MaxKeys of [1, 2, 3, 1000]) {
      const seen = await walk({ MaxKeys, Delimiter: '/' });
      expect(seen.toSorted()).toEqual(expected.toSorted());
    }
    expect(await walk({ Delimiter: '/', Prefix: 'b/' })).toEqual(['b/', 'b/1', '[b/2/]']);
    expect(await walk({ Delimiter: '0' })).toContain('[b0]');
  });

  it('start after a key', async () => {
    expect(await walk({ StartAfter: 'b/1' })).toEqual(tree.slice(3));
    expect(await walk({ StartAfter: 'c', Prefix: 'c/' })).toEqual(['c/1', 'c/2']);
    expect(await walk({ StartAfter: 'c/1', Delimiter: '/', Prefix: 'c/' })).toEqual(['c/2']);
    expect(await walk({ StartAfter: 'z\u{10ffff}', Prefix: 'a' })).toEqual([]);
    expect(await walk({ MaxKeys: 0 })).toEqual([]);
  });

  it('page with markers in version 1', async () => {
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await t.client.send(
        new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2, Marker }),
      );
      seen.push(...(page.Contents ?? []).map((c) => c.Key as string));
      seen.push(...(page.CommonPrefixes ?? []).map((p) => p.Prefix as string));
      Marker = page.IsTruncated ? page.NextMarker : undefined;
    } while (Marker !== undefined);
    expect(seen.toSorted()).toEqual(
      ['a', 'b/', 'b0', 'c/', 'd', 'é', '\u{ff5e}', '\u{1f600}'].toSorted(),
    );
  });

  it('show ETag, size and a time in milliseconds, right after the PUT', async () => {
    const Prefix = 'fresh/';
    for (let i = 0; i < 100; i++) {
      await t.client.send(new PutObjectCommand({ Bucket, Key: `${Prefix}${i}`, Body: 'hello' }));
      const page = await t.client.send(new ListObjectsV2Command({ Bucket, Prefix }));
      expect(page.KeyCount).toBe(i + 1);
      await t.client.send(new DeleteObjectCommand({ Bucket, Key: 'absent' }));
    }
    const { Contents = [] } = await t.client.send(new ListObjectsV2Command({ Bucket, Prefix }));
    expect(Contents[0]?.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    expect(Contents[0]?.Size).toBe(5);
    expect(Contents.some((c) => (c.LastModified as Date).getMilliseconds() > 0)).toBe(true);
    await Promise.all(
      Contents.map(({ Key }) => t.client.send(new DeleteObjectCommand({ Bucket, Key }))),
    );
  });

  it('hold at most 1,000 keys a page', async () => {
    const name = await t.bucket('thousand');
    const keys = Array.from({ length: 1050 }, (_, i) => `k${String(i).padStart(5, '0')}`);
    for (let i = 0; i < keys.length; i += 50) {
      await Promise.all(
        keys
          .slice(i, i + 50)
          .map((Key) => t.client.send(new PutObjectCommand({ Bucket: name, Key, Body: 'x' }))),
      );
    }
    const first = await t.client.send(new ListObjectsV2Command({ Bucket: name, MaxKeys: 5000 }));
    expect([first.KeyCount, first.IsTruncated]).toEqual([1000, true]);
    expect(await walk({ Bucket: name })).toEqual(keys);
  });

  it('refuse broken parameters', async () => {
    const list = (o: object): Promise<unknown> =>
      t.client.send(new ListObjectsV2Command({ Bucket, ...o }));
    expect(await failure(list({ ContinuationToken: 'forged!' }))).toBe('400 InvalidArgument');
    expect(await failure(list({ MaxKeys: -1 }))).toBe('400 InvalidArgument');
  });
});

describe('afterPrefix', () => {
  it('is the first string past all that begin so', () => {
    expect(afterPrefix('a/')).toBe('a0');
    expect(afterPrefix('\ud7ff')).toBe('\ue000');
    expect(afterPrefix('a\u{10ffff}')).toBe('b');
    expect(afterPrefix('\u{10ffff}')).toBe(undefined);
  });
});
