/** Changes told by an SQS queue and by a webhook (twice, out of order, mixed with others) are visible in the mount. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startLyingStore } from '@moorage/object-store/testing';
import type { LyingStore } from '@moorage/object-store/testing';
import type { ChangeSource } from '@moorage/file-system/transfer';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
let store: LyingStore;
beforeEach(async () => {
  served = await ServedBucket.start();
  await served.server.stop();
  const { endpoint = '' } = served.location;
  // A store that does not stream its changes.
  store = await startLyingStore({ ...served.location, endpoint }, { streamsNoChanges: true });
});
afterEach(async () => {
  await served.close();
  await store.close();
});

async function serve(changes?: ChangeSource): Promise<void> {
  const bucket = { ...served.location, endpoint: store.endpoint };
  await served.serve({ bucket, dataDir: join(served.dir, 'other'), ...(changes && { changes }) });
}

async function told(): Promise<void> {
  while ((await served.server.status()).changesFrom !== 'events') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** As S3 sends it. */
function record(key: string, eventName: string, sequencer: string, eTag = 'e'): object {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName,
    s3: {
      bucket: { name: 'work' },
      object: { key: encodeURIComponent(key).replaceAll('%20', '+'), eTag, sequencer },
    },
  };
}

/** Listing alone would take five seconds; with changes told it would take a minute. */
function appears(name: string, text: string): Promise<string> {
  return served.out(`until [ "$(cat '${name}' 2>&1)" = '${text}' ]; do sleep 0.05; done`, {
    msMax: 30_000,
  });
}

interface Queue {
  url: string;
  send: (body: unknown) => void;
  /** Bodies not deleted yet. */
  left: () => string[];
  requests: IncomingMessage[];
  close: () => Promise<void>;
}

/** As much of SQS as a reader sees: a message comes again until it is deleted. */
async function startQueue(port = 0): Promise<Queue> {
  const messages = new Map<string, { body: string; hiddenUntil: number }>();
  const requests: IncomingMessage[] = [];
  let serial = 0;
  let stopped = false;
  const server: Server = createServer((request, response) => {
    requests.push(request);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const asked = JSON.parse(Buffer.concat(chunks).toString()) as {
        WaitTimeSeconds?: number;
        Entries?: { ReceiptHandle: string }[];
      };
      if (request.headers['x-amz-target'] === 'AmazonSQS.DeleteMessageBatch') {
        for (const { ReceiptHandle } of asked.Entries ?? []) messages.delete(ReceiptHandle);
        response.end('{}');
        return;
      }
      const until = Date.now() + (asked.WaitTimeSeconds ?? 0) * 1000;
      const look = (): void => {
        const now = Date.now();
        const found = [...messages]
          .filter(([, { hiddenUntil }]) => hiddenUntil <= now)
          .slice(0, 10);
        if (found.length === 0 && now < until && !stopped) {
          setTimeout(look, 20);
          return;
        }
        for (const [, message] of found) message.hiddenUntil = now + 1_000;
        const Messages = found.map(([ReceiptHandle, { body }]) => ({ ReceiptHandle, Body: body }));
        response.end(JSON.stringify(found.length === 0 ? {} : { Messages }));
      };
      look();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/000000000000/changes`,
    send: (body) =>
      void messages.set(String(++serial), { body: JSON.stringify(body), hiddenUntil: 0 }),
    left: () => [...messages.values()].map(({ body }) => body),
    requests,
    async close() {
      stopped = true;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('without a source changes are found by listing, and that is said', async () => {
  await serve();
  await served.out('ls');
  expect((await served.server.status()).changesFrom).toBe('listing');
});

test('a queue: S3 and EventBridge shapes, duplicates, disorder, others; messages are deleted', async () => {
  const queue = await startQueue();
  await serve({ kind: 'sqs', url: queue.url });
  await told();
  await served.out('mkdir d; ls; ls d');
  await served.server.sync();
  queue.send({ Event: 's3:TestEvent', Bucket: 'work' });
  const one = await served.bucket.put('one file', Buffer.from('1'));
  queue.send({ Records: [record('one file', 'ObjectCreated:Put', '01', one.eTag)] });
  await appears('one file', '1');
  const two = await served.bucket.put('d/two', Buffer.from('2'));
  const detail = {
    bucket: { name: 'work' },
    object: { key: 'd/two', etag: two.eTag, sequencer: '01' },
  };
  queue.send({ source: 'aws.s3', 'detail-type': 'Object Created', detail });
  await appears('d/two', '2');
  // The deletion is told before an older change, and that one twice.
  await served.bucket.put('one file', Buffer.from('1b'));
  await served.bucket.delete('one file');
  const older = record('one file', 'ObjectCreated:Put', '02');
  queue.send({ Records: [record('one file', 'ObjectRemoved:DeleteMarkerCreated', '03')] });
  queue.send({ Type: 'Notification', Message: JSON.stringify({ Records: [older] }) });
  queue.send({ Records: [older] });
  await served.out('while [ -e "one file" ]; do sleep 0.05; done', { msMax: 30_000 });
  queue.send('no notification');
  while (queue.left().length > 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(queue.left()).toEqual(['"no notification"']);
  const signed = queue.requests.map(({ headers }) => headers.authorization);
  expect(
    new Set(signed.map((text) => /^AWS4-HMAC-SHA256 .*\/sqs\/aws4_request/.test(text ?? ''))),
  ).toEqual(new Set([true]));

  // What we export ourselves is told as well, and changes nothing.
  await served.out('echo ours > mine');
  await served.server.sync();
  const { eTag } = await served.bucket.head('mine');
  queue.send({ Records: [record('mine', 'ObjectCreated:Put', '01', eTag)] });
  while (queue.left().length > 1) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await served.out('cat mine')).toBe('ours\n');
  await queue.close();
});

test('a queue that goes away is said, and read again when it is back', async () => {
  const queue = await startQueue();
  await serve({ kind: 'sqs', url: queue.url });
  await told();
  await queue.close();
  while ((await served.server.status()).changesFrom !== 'listing') {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect((await served.server.status()).lastError?.message).toContain('Cannot reach the queue');
  const again = await startQueue(Number(new URL(queue.url).port));
  await told();
  await again.close();
});

test('a webhook: what a store posts is visible soon', async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  await serve({ kind: 'webhook', port });
  await told();
  await served.out('ls');
  const { eTag } = await served.bucket.put('posted', Buffer.from('text'));
  const body = {
    EventName: 's3:ObjectCreated:Put',
    Records: [record('posted', 's3:ObjectCreated:Put', '01', eTag)],
  };
  const post = (text: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: text });
  expect((await post(JSON.stringify(body))).status).toBe(200);
  await appears('posted', 'text');
  expect((await post('{')).status).toBe(400);
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
});
