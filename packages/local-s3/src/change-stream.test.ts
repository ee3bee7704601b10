import { once } from 'node:events';
import { get } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Change } from './change-feed.ts';
import { sendRaw, sign, startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
beforeAll(async () => {
  t = await startTestEndpoint();
});
afterAll(() => t.close());

/** Subscribes; resolves once the endpoint has accepted. */
async function subscribe(
  bucket: string,
): Promise<{ changes: Change[]; request: ClientRequest; ended: Promise<unknown> }> {
  const target = `/${bucket}?moorage-events`;
  const { headers } = sign(t.s3, { method: 'GET', target });
  const request = get(`${t.s3.endpoint}${target}`, { headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  const changes: Change[] = [];
  const lines = createInterface(response).on('line', (line) => {
    changes.push(JSON.parse(line) as Change);
  });
  // Ending the request from this side shows as an error here.
  response.on('error', () => lines.close());
  lines.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => response.on('close', resolve));
  return { changes, request, ended };
}

it('tells every change of a current object, in order, and of its bucket only', async () => {
  const Bucket = await t.bucket('events', 'Enabled');
  const other = await t.bucket('other');
  const { changes, request } = await subscribe(Bucket);
  const send = t.client.send.bind(t.client);
  await send(new PutObjectCommand({ Bucket: other, Key: 'elsewhere', Body: '' }));
  const put = await send(new PutObjectCommand({ Bucket, Key: 'ü\n', Body: 'hello' }));
  await send(new CopyObjectCommand({ Bucket, Key: 'copy', CopySource: `${Bucket}/%C3%BC%0A` }));
  const { UploadId } = await send(new CreateMultipartUploadCommand({ Bucket, Key: 'parts' }));
  const part = { Bucket, Key: 'parts', UploadId, PartNumber: 1 };
  const { ETag } = await send(new UploadPartCommand({ ...part, Body: 'part' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await send(
    new CompleteMultipartUploadCommand({ Bucket, Key: 'parts', UploadId, MultipartUpload }),
  );
  const deleted = await send(new DeleteObjectCommand({ Bucket, Key: 'ü\n' }));
  const VersionId = deleted.VersionId;
  await send(new DeleteObjectCommand({ Bucket, Key: 'ü\n', VersionId }));
  await send(new DeleteObjectCommand({ Bucket, Key: 'ü\n', VersionId: put.VersionId }));
  await expect.poll(() => changes.length, { timeout: 20_000 }).toBe(6);
  expect(changes.map((c) => `${c.type} ${c.key} ${c.size}`)).toEqual([
    'put ü\n 5',
    'put copy 5',
    'put parts 4',
    'delete ü\n 0',
    'put ü\n 5',
    'delete ü\n 0',
  ]);
  expect(changes[0]).toMatchObject({
    versionId: put.VersionId,
    eTag: '5d41402abc4b2a76b9719d911017c592',
  });
  expect(changes[3]?.versionId).toBe(VersionId);
  const sequence = changes.map((c) => c.sequencer);
  expect(sequence).toEqual(sequence.toSorted());
  expect(new Set(sequence).size).toBe(6);
  request.destroy();
});

it('needs a signature and a bucket, and ends when the endpoint stops', async () => {
  const target = '/ending?moorage-events';
  const absent = await sendRaw(t.s3, { method: 'GET', target });
  expect(absent.status).toBe(404);
  await t.bucket('ending');
  expect((await sendRaw(t.s3, { method: 'GET', target, secret: 'wrong one' })).status).toBe(403);
  const { ended } = await subscribe('ending');
  const again = await startTestEndpoint();
  await again.close();
  await t.s3.close();
  await ended;
});
