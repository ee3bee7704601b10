import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failure, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
const Bucket = 'multipart';
const mebibyte = 2 ** 20;
const big = Buffer.alloc(5 * mebibyte, 'first part ');
const small = Buffer.from('the last part may be small');

beforeAll(async () => {
  t = await startTestEndpoint();
  await t.bucket(Bucket, 'Enabled');
});
afterAll(() => t.close());

async function start(Key: string): Promise<string> {
  const made = await t.client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  return made.UploadId as string;
}

async function part(
  Key: string,
  UploadId: string,
  PartNumber: number,
  Body: Buffer,
): Promise<CompletedPart> {
  const made = await t.client.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }),
  );
  return { PartNumber, ETag: made.ETag };
}

async function complete(
  Key: string,
  UploadId: string,
  Parts: CompletedPart[],
): Promise<string | undefined> {
  const made = await t.client.send(
    new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
  );
  return made.ETag;
}

async function bytes(
  Key: string,
  o: { PartNumber?: number; Range?: string } = {},
): Promise<Buffer> {
  const got = await t.client.send(new GetObjectCommand({ Bucket, Key, ...o }));
  return Buffer.from((await got.Body?.transformToByteArray()) ?? []);
}

function md5(data: Buffer): Buffer {
  return createHash('md5').update(data).digest();
}

describe('multipart uploads', () => {
  it('join their parts; the ETag tells their number', async () => {
    const id = await start('joined');
    const second = await part('joined', id, 7, small);
    const first = await part('joined', id, 2, big);
    await part('joined', id, 9, Buffer.from('not claimed'));
    const eTag = await complete('joined', id, [first, second]);
    const expected = md5(Buffer.concat([md5(big), md5(small)])).toString('hex');
    expect(eTag).toBe(`"${expected}-2"`);
    expect((await bytes('joined')).equals(Buffer.concat([big, small]))).toBe(true);
    const over = { Range: `bytes=${big.length - 3}-${big.length + 2}` };
    expect(await bytes('joined', over)).toEqual(
      Buffer.concat([big.subarray(-3), small.subarray(0, 3)]),
    );
    expect(await failure(complete('joined', id, [first, second]))).toBe('404 NoSuchUpload');
  });

  it('answer GET and HEAD of one part', async () => {
    expect(await bytes('joined', { PartNumber: 7 })).toEqual(small);
    const head = await t.client.send(
      new HeadObjectCommand({ Bucket, Key: 'joined', PartNumber: 2 }),
    );
    expect([head.ContentLength, head.PartsCount]).toEqual([big.length, 2]);
    expect(await failure(bytes('joined', { PartNumber: 1 }))).toBe('416 InvalidPartNumber');
    await t.client.send(new PutObjectCommand({ Bucket, Key: 'single', Body: 'whole' }));
    expect((await bytes('single', { PartNumber: 1 })).toString()).toBe('whole');
    expect(await failure(bytes('single', { PartNumber: 2 }))).toBe('416 InvalidPartNumber');
  });

  it('append by copy: a range of the object, then new bytes', async () => {
    const id = await start('joined');
    const copied = await t.client.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'joined',
        UploadId: id,
        PartNumber: 1,
        CopySource: `${Bucket}/joined`,
        CopySourceRange: `bytes=0-${big.length + 3}`,
      }),
    );
    const tail = await part('joined', id, 2, Buffer.from(' and more'));
    const head = { PartNumber: 1, ETag: copied.CopyPartResult?.ETag };
    await complete('joined', id, [head, tail]);
    expect((await bytes('joined')).subarray(big.length).toString()).toBe('the  and more');
    const beyond = new UploadPartCopyCommand({
      Bucket,
      Key: 'joined',
      UploadId: await start('joined'),
      PartNumber: 1,
      CopySource: `${Bucket}/joined`,
      CopySourceRange: 'bytes=0-99999999',
    });
    expect(await failure(t.client.send(beyond))).toBe('400 InvalidArgument');
  });

  it('share bytes safely: a copy outlives what it was copied from', async () => {
    const Key = 'origin';
    const made = await t.client.send(new PutObjectCommand({ Bucket, Key, Body: big }));
    const copied = await t.client.send(
      new CopyObjectCommand({ Bucket, Key: 'heir', CopySource: `${Bucket}/${Key}` }),
    );
    expect(copied.CopyObjectResult?.ETag).toBe(made.ETag);
    await t.client.send(new DeleteObjectCommand({ Bucket, Key, VersionId: made.VersionId }));
    expect((await bytes('heir')).equals(big)).toBe(true);
    const single = await t.client.send(
      new CopyObjectCommand({ Bucket, Key: 'flat', CopySource: `${Bucket}/joined` }),
    );
    const joined = await bytes('joined');
    expect(single.CopyObjectResult?.ETag).toBe(`"${md5(joined).toString('hex')}"`);
  });

  it('refuse small parts, wrong parts and disorder', async () => {
    const id = await start('bad');
    const one = await part('bad', id, 1, small);
    const two = await part('bad', id, 2, small);
    expect(await failure(complete('bad', id, [one, two]))).toBe('400 EntityTooSmall');
    expect(await failure(complete('bad', id, [two, one]))).toBe('400 InvalidPartOrder');
    const wrong = { PartNumber: 1, ETag: '"0123456789abcdef0123456789abcdef"' };
    expect(await failure(complete('bad', id, [wrong]))).toBe('400 InvalidPart');
    expect(await failure(part('bad', id, 0, small))).toBe('400 InvalidArgument');
    expect(await failure(part('bad', id, 10_001, small))).toBe('400 InvalidArgument');
    expect(await failure(part('bad', 'unknown', 1, small))).toBe('404 NoSuchUpload');
    await complete('bad', id, [one]);
    expect(await bytes('bad')).toEqual(small);
  });

  it('are listed with their parts, and aborted', async () => {
    const keys = ['list/a', 'list/b', 'list/b', 'list/sub/c'];
    const ids: string[] = [];
    for (const key of keys) ids.push(await start(key));
    const seen: (string | undefined)[] = [];
    let KeyMarker: string | undefined;
    let UploadIdMarker: string | undefined;
    for (;;) {
      const page = await t.client.send(
        new ListMultipartUploadsCommand({
          Bucket,
          Prefix: 'list/',
          MaxUploads: 1,
          KeyMarker,
          UploadIdMarker,
        }),
      );
      seen.push(...(page.Uploads ?? []).map((u) => u.UploadId));
      if (!page.IsTruncated) break;
      ({ NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page);
    }
    expect(seen.toSorted()).toEqual(ids.toSorted());
    const grouped = await t.client.send(
      new ListMultipartUploadsCommand({ Bucket, Prefix: 'list/', Delimiter: '/' }),
    );
    expect(grouped.CommonPrefixes).toEqual([{ Prefix: 'list/sub/' }]);
    expect(grouped.Uploads).toHaveLength(3);

    const [UploadId = ''] = ids;
    for (let n = 1; n <= 3; n++) await part('list/a', UploadId, n, small);
    const parts = await t.client.send(
      new ListPartsCommand({ Bucket, Key: 'list/a', UploadId, MaxParts: 2 }),
    );
    expect(parts.Parts?.map((p) => [p.PartNumber, p.Size])).toEqual([
      [1, small.length],
      [2, small.length],
    ]);
    expect([parts.IsTruncated, parts.NextPartNumberMarker]).toEqual([true, '2']);
    for (const [i, Key] of keys.entries()) {
      await t.client.send(
        new AbortMultipartUploadCommand({ Bucket, Key, UploadId: ids[i] as string }),
      );
    }
    const gone = new ListPartsCommand({ Bucket, Key: 'list/a', UploadId });
    expect(await failure(t.client.send(gone))).toBe('404 NoSuchUpload');
  });

  it.each(['COMPOSITE', 'FULL_OBJECT'] as const)('carry a %s checksum', async (ChecksumType) => {
    const Key = `checksum-${ChecksumType}`;
    const { UploadId } = await t.client.send(
      new CreateMultipartUploadCommand({
        Bucket,
        Key,
        ChecksumAlgorithm: 'CRC32C',
        ChecksumType,
      }),
    );
    const Parts: CompletedPart[] = [];
    for (const [i, Body] of [big, small].entries()) {
      const made = await t.client.send(
        new UploadPartCommand({
          Bucket,
          Key,
          UploadId,
          PartNumber: i + 1,
          Body,
          ChecksumAlgorithm: 'CRC32C',
        }),
      );
      Parts.push({ PartNumber: i + 1, ETag: made.ETag, ChecksumCRC32C: made.ChecksumCRC32C });
    }
    const made = await t.client.send(
      new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
    );
    const whole = await t.client.send(
      new PutObjectCommand({
        Bucket,
        Key: 'whole',
        Body: Buffer.concat([big, small]),
        ChecksumAlgorithm: 'CRC32C',
      }),
    );
    if (ChecksumType === 'FULL_OBJECT') expect(made.ChecksumCRC32C).toBe(whole.ChecksumCRC32C);
    else expect(made.ChecksumCRC32C).toMatch(/^[\w+/]{6}==-2$/);
    const attributes = await t.client.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key,
        ObjectAttributes: ['Checksum', 'ObjectParts'],
      }),
    );
    expect(attributes.Checksum?.ChecksumCRC32C).toBe(made.ChecksumCRC32C);
    expect(attributes.Checksum?.ChecksumType).toBe(ChecksumType);
    expect(attributes.ObjectParts?.TotalPartsCount).toBe(2);
    expect(attributes.ObjectParts?.Parts?.map((p) => p.Size)).toEqual([big.length, small.length]);
  });

  it('work with lib-storage and its defaults', async () => {
    const Body = Buffer.alloc(12 * mebibyte, 'lib-storage');
    const upload = new Upload({ client: t.client, params: { Bucket, Key: 'lib', Body } });
    expect((await upload.done()).ETag).toMatch(/-3"$/);
    expect((await bytes('lib')).equals(Body)).toBe(true);
  });
});
