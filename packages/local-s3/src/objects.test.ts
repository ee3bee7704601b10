import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  RenameObjectCommand,
} from '@aws-sdk/client-s3';
import type { GetObjectCommandInput } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, sendRaw, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
const Bucket = 'objects';
beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket(Bucket, 'Enabled');
});
afterAll(() => t.close());

async function read(Key: string, o: Partial<GetObjectCommandInput> = {}): Promise<string> {
  const got = await t.client.send(new GetObjectCommand({ Bucket, Key, ...o }));
  return (await got.Body?.transformToString()) ?? '';
}

describe('objects', () => {
  it('have the MD5 of their bytes as ETag', async () => {
    const made = await t.client.send(new PutObjectCommand({ Bucket, Key: 'e', Body: 'hello' }));
    expect(made.ETag).toBe('"5d41402abc4b2a76b9719d911017c592"');
    const head = await t.client.send(new HeadObjectCommand({ Bucket, Key: 'e' }));
    expect([head.ETag, head.ContentLength, head.VersionId]).toEqual([made.ETag, 5, made.VersionId]);
  });

  it.each([10, 300_000])('are read in ranges (%d bytes)', async (size) => {
    const Key = `range-${size}`;
    const body = Buffer.from(Array.from({ length: size }, (_, i) => i % 251));
    await t.client.send(new PutObjectCommand({ Bucket, Key, Body: body }));
    const range = async (Range: string): Promise<[string | undefined, Buffer]> => {
      const got = await t.client.send(new GetObjectCommand({ Bucket, Key, Range }));
      return [got.ContentRange, Buffer.from((await got.Body?.transformToByteArray()) ?? [])];
    };
    expect(await range('bytes=2-5')).toEqual([`bytes 2-5/${size}`, body.subarray(2, 6)]);
    expect(await range('bytes=-7')).toEqual([
      `bytes ${size - 7}-${size - 1}/${size}`,
      body.subarray(-7),
    ]);
    expect(await range('bytes=4-')).toEqual([`bytes 4-${size - 1}/${size}`, body.subarray(4)]);
    expect((await range(`bytes=3-${size + 9}`))[1]).toEqual(body.subarray(3));
    expect((await range('bytes=5-2'))[1]).toEqual(body);
    expect(await failure(range(`bytes=${size}-`))).toBe('416 InvalidRange');
  });

  it('keep user metadata and headers', async () => {
    const Metadata = { 'mixed-case': 'Value Of Mine', long: 'x'.repeat(1900) };
    await t.client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'meta',
        Body: '',
        Metadata,
        ContentType: 'text/x-thing',
        CacheControl: 'no-cache',
        ContentEncoding: 'gzip',
        ContentDisposition: 'attachment',
      }),
    );
    const head = await t.client.send(new HeadObjectCommand({ Bucket, Key: 'meta' }));
    expect(head.Metadata).toEqual(Metadata);
    expect([head.ContentType, head.CacheControl, head.ContentEncoding, head.ContentLength]).toEqual(
      ['text/x-thing', 'no-cache', 'gzip', 0],
    );
    const big = new PutObjectCommand({
      Bucket,
      Key: 'meta',
      Body: '',
      Metadata: { a: 'x'.repeat(2100) },
    });
    expect(await failure(t.client.send(big))).toBe('400 MetadataTooLarge');
    expect(await read('meta', { ResponseContentType: 'text/other' })).toBe('');
  });

  it('are copied with their metadata, or with new metadata in place', async () => {
    await t.client.send(
      new PutObjectCommand({ Bucket, Key: 'from', Body: 'bytes', Metadata: { mode: '1' } }),
    );
    const CopySource = `${Bucket}/from`;
    await t.client.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource }));
    expect(await read('to')).toBe('bytes');
    const inPlace = new CopyObjectCommand({ Bucket, Key: 'from', CopySource });
    expect(await failure(t.client.send(inPlace))).toBe('400 InvalidRequest');
    await t.client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'from',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { mode: '2' },
      }),
    );
    const head = await t.client.send(new HeadObjectCommand({ Bucket, Key: 'from' }));
    expect(head.Metadata).toEqual({ mode: '2' });
    expect(await read('from')).toBe('bytes');
    const old = await t.client.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
    expect(old.Metadata).toEqual({ mode: '1' });
  });

  it('may be copied over themselves where nothing else keeps their bytes', async () => {
    const plain = await t.bucket('copy-plain');
    const files = (): string[] => readdirSync(join(t.dir, 'blobs'));
    const before = files();
    for (const [Key, size] of [
      ['small', 10],
      ['large', 300_000],
    ] as const) {
      const Body = Buffer.alloc(size, Key);
      await t.client.send(new PutObjectCommand({ Bucket: plain, Key, Body }));
      for (const mode of ['1', '2']) {
        await t.client.send(
          new CopyObjectCommand({
            Bucket: plain,
            Key,
            CopySource: `${plain}/${Key}`,
            MetadataDirective: 'REPLACE',
            Metadata: { mode },
          }),
        );
      }
      const got = await t.client.send(new GetObjectCommand({ Bucket: plain, Key }));
      expect(got.Metadata).toEqual({ mode: '2' });
      expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(Body)).toBe(true);
      await t.client.send(new DeleteObjectCommand({ Bucket: plain, Key }));
    }
    await expect.poll(files, { timeout: 20_000 }).toEqual(before);
  });

  it('carry tags', async () => {
    const Key = 'tagged';
    await t.client.send(new PutObjectCommand({ Bucket, Key, Body: '', Tagging: 'a=1&b%20c=%26' }));
    const get = async (): Promise<unknown> =>
      (await t.client.send(new GetObjectTaggingCommand({ Bucket, Key }))).TagSet;
    expect(await get()).toEqual([
      { Key: 'a', Value: '1' },
      { Key: 'b c', Value: '&' },
    ]);
    const TagSet = [{ Key: '<x>', Value: 'ü' }];
    await t.client.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));
    expect(await get()).toEqual(TagSet);
    await t.client.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
    expect(await get()).toEqual([]);
  });

  it('tell their attributes', async () => {
    await t.client.send(
      new PutObjectCommand({ Bucket, Key: 'attr', Body: 'hello', ChecksumAlgorithm: 'SHA256' }),
    );
    const got = await t.client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key: 'attr',
        ObjectAttributes: ['ETag', 'Checksum', 'ObjectSize', 'StorageClass', 'ObjectParts'],
      }),
    );
    expect([got.ETag, got.ObjectSize, got.StorageClass]).toEqual([
      '5d41402abc4b2a76b9719d911017c592',
      5,
      'STANDARD',
    ]);
    expect(got.Checksum?.ChecksumSHA256).toBe('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
    expect(got.LastModified).toBeInstanceOf(Date);
  });
});

const oddKeys: Readonly<Record<string, string>> = {
  unicode: 'ünï/漢字/😀',
  space: 'a b+c&d=%20',
  trailing: 'dir/',
  double: 'a//b///c',
  leading: '/leading',
  dot: './a/./b',
  dotdot: '../a/../../b',
  newline: 'line\nfeed\r\ttab',
  control: 'c\u0001\u001f\u007f',
  quote: `q"'<>&`,
  long: `${'k'.repeat(1000)}${'ü'.repeat(12)}`,
  one: 'x',
  question: 'what?versionId=1#frag',
  percent: '%41%',
};

describe('odd keys come back exactly', () => {
  it.each(Object.entries(oddKeys))('%s', async (name, Key) => {
    const bucket = await t.bucket(`odd-${name}`);
    await t.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: name }));
    const got = await t.client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    expect(await got.Body?.transformToString()).toBe(name);
    const EncodingType = 'url' as const;
    const v2 = await t.client.send(new ListObjectsV2Command({ Bucket: bucket, EncodingType }));
    expect(v2.Contents?.map((c) => decodeURIComponent(c.Key ?? ''))).toEqual([Key]);
    const v1 = await t.client.send(new ListObjectsCommand({ Bucket: bucket, EncodingType }));
    expect(v1.Contents?.map((c) => decodeURIComponent(c.Key ?? ''))).toEqual([Key]);
    const copy = new CopyObjectCommand({
      Bucket: bucket,
      Key: `copy of ${Key}`.slice(0, 500),
      CopySource: encodeURIComponent(`${bucket}/${Key}`),
    });
    expect((await t.client.send(copy)).CopyObjectResult?.ETag).toBe(got.ETag);
  });

  it('but not beyond 1,024 bytes', async () => {
    const put = (Key: string): Promise<unknown> =>
      t.client.send(new PutObjectCommand({ Bucket, Key, Body: '' }));
    await put('k'.repeat(1024));
    expect(await failure(put('k'.repeat(1025)))).toBe('400 KeyTooLongError');
    expect(await failure(put('ü'.repeat(513)))).toBe('400 KeyTooLongError');
  });
});

describe('buckets', () => {
  it('are listed, located and configured', async () => {
    const name = await t.bucket('configured', 'Suspended');
    const { Buckets } = await t.client.send(new ListBucketsCommand({}));
    expect(Buckets?.map((b) => b.Name)).toContain(name);
    expect((await t.client.send(new HeadBucketCommand({ Bucket: name }))).BucketRegion).toBe(
      'us-east-1',
    );
    const second = await t.bucket('configured-too');
    const one = await t.client.send(
      new ListBucketsCommand({ Prefix: 'configured', MaxBuckets: 1 }),
    );
    expect(one.Buckets?.map((b) => b.Name)).toEqual([name]);
    const { ContinuationToken } = one;
    const rest = await t.client.send(
      new ListBucketsCommand({ Prefix: 'configured', ContinuationToken }),
    );
    expect(rest.Buckets?.map((b) => b.Name)).toEqual([second]);
    const location = await t.client.send(new GetBucketLocationCommand({ Bucket: name }));
    expect(location.LocationConstraint).toBe(undefined);
    const versioning = await t.client.send(new GetBucketVersioningCommand({ Bucket: name }));
    expect(versioning.Status).toBe('Suspended');
    expect(await failure(t.bucket(name))).toBe('409 BucketAlreadyOwnedByYou');
    expect(await failure(t.bucket('Bad_Name'))).toBe('400 InvalidBucketName');
    const Rules = [
      {
        ID: 'old versions',
        Status: 'Enabled' as const,
        Filter: { Prefix: '' },
        NoncurrentVersionExpiration: { NoncurrentDays: 30 },
      },
    ];
    const missing = new GetBucketLifecycleConfigurationCommand({ Bucket: name });
    expect(await failure(t.client.send(missing))).toBe('404 NoSuchLifecycleConfiguration');
    await t.client.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket: name,
        LifecycleConfiguration: { Rules },
      }),
    );
    const stored = await t.client.send(missing);
    expect(stored.Rules).toEqual(Rules);
    const TagSet = [{ Key: 'aws:elasticfilesystem:default-backup', Value: 'enabled' }];
    await t.client.send(new PutBucketTaggingCommand({ Bucket: name, Tagging: { TagSet } }));
    const tags = await t.client.send(new GetBucketTaggingCommand({ Bucket: name }));
    expect(tags.TagSet).toEqual(TagSet);
  });
});

describe('what is not implemented is refused', () => {
  it('RenameObject leaves both objects alone', async () => {
    await t.client.send(new PutObjectCommand({ Bucket, Key: 'stay', Body: 'bytes' }));
    const rename = new RenameObjectCommand({ Bucket, Key: 'new', RenameSource: `${Bucket}/stay` });
    expect(await failure(t.client.send(rename))).toBe('501 NotImplemented');
    expect(await failure(read('new'))).toBe('404 NoSuchKey');
    expect(await read('stay')).toBe('bytes');
  });

  it('append by write offset', async () => {
    await t.client.send(new PutObjectCommand({ Bucket, Key: 'log', Body: 'abc' }));
    const append = new PutObjectCommand({ Bucket, Key: 'log', Body: 'def', WriteOffsetBytes: 3 });
    expect(await failure(t.client.send(append))).toBe('501 NotImplemented');
    expect(await read('log')).toBe('abc');
  });

  it.each([
    'PUT /objects/k?retention',
    'PUT /objects?policy',
    'DELETE /objects?cors',
    'POST /objects/k?select',
  ])('%s', async (line) => {
    const [method = '', target = ''] = line.split(' ');
    const answer = await sendRaw(t.s3, { method, target, body: '<X/>' });
    expect(answer.status).toBe(501);
    expect(answer.text).toContain('<Code>NotImplemented</Code>');
  });
});
