/** Bodies that are taken as they come in, from servers that misbehave exactly as told. */
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { S3Error } from './errors.ts';
import { openBucket } from './open-bucket.ts';
import { Receiver } from './receiver.ts';
import { scriptedServer } from './scripted-server.ts';
import type { Script, ScriptedServer } from './scripted-server.ts';

const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7) % 251));
const pinned = { ifMatch: 'e', versionId: 'v' };
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await scriptedServer(script);
  closing.push(() => server.close());
  return server;
}

/** A server that answers each request with these pieces, one write each. */
async function serveRaw(...pieces: string[]): Promise<{ origin: string; connections: number }> {
  const told = { origin: '', connections: 0 };
  const server: Server = createServer((socket) => {
    told.connections++;
    socket.setNoDelay(true).on('error', () => undefined);
    socket.on('data', () => {
      pieces.forEach((piece, index) => setTimeout(() => socket.write(piece), 20 * index));
    });
    closing.push(async () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  told.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return told;
}

/** Answers a ranged GET as S3 does. */
const range: Script = (request, response) => {
  const [start = 0, end = 0] = request.headers.range!.match(/\d+/g)!.map(Number);
  const body = content.subarray(start, end + 1);
  const headers = {
    etag: '"e"',
    'content-length': body.length,
    'content-range': `bytes ${start}-${end}/${content.length}`,
  };
  response.writeHead(206, headers).end(body);
};

function gather(): { bytes: () => Buffer; sink: (bytes: Uint8Array) => void } {
  const parts: Buffer[] = [];
  return { bytes: () => Buffer.concat(parts), sink: (bytes) => parts.push(Buffer.from(bytes)) };
}

test('a range comes in one request, pinned, over a connection that is kept', async () => {
  const ports = new Set<number | undefined>();
  const { bucket, requests } = await serve((request, response, nth) => {
    expect(request.headers['if-match']).toBe('"e"');
    expect(request.headers.authorization).toContain('Signature=');
    ports.add(request.socket.remotePort);
    range(request, response, nth);
  });
  const store = await bucket();
  for (const [start, end] of [
    [0, 2_999_999],
    [5, 5],
    [1_000_000, 1_999_999],
  ] as const) {
    const { bytes, sink } = gather();
    await store.receive('k', { ...pinned, range: { start, end } }, sink);
    expect(bytes().equals(content.subarray(start, end + 1))).toBe(true);
  }
  expect(requests).toEqual(Array.from({ length: 3 }, () => 'GET /b/k?versionId=v'));
  expect(ports.size).toBe(1);
});

test('many at once do not mix', async () => {
  const { bucket } = await serve(range);
  const store = await bucket();
  const one = async (index: number): Promise<void> => {
    const start = index * 20_000;
    const { bytes, sink } = gather();
    await store.receive('k', { ...pinned, range: { start, end: start + 199_999 } }, sink);
    expect(bytes().equals(content.subarray(start, start + 200_000))).toBe(true);
  };
  await Promise.all(Array.from({ length: 100 }, (_, index) => one(index)));
});

test('a broken connection is gone on from where it broke', async () => {
  const asked: (string | undefined)[] = [];
  const { bucket } = await serve((request, response, nth) => {
    asked.push(request.headers.range);
    if (nth > 0) return range(request, response, nth);
    response.writeHead(206, { etag: '"e"', 'content-length': content.length });
    response.write(content.subarray(0, 700_000), () => request.socket.destroy());
  });
  const { bytes, sink } = gather();
  const store = await bucket();
  await store.receive('k', { ...pinned, range: { start: 0, end: content.length - 1 } }, sink);
  expect(bytes().equals(content)).toBe(true);
  const from = Number(/bytes=(\d+)-/.exec(asked[1]!)![1]);
  expect(asked).toHaveLength(2);
  expect(from).toBeLessThanOrEqual(700_000);
});

test('a refusal is the store’s own error', async () => {
  const { bucket } = await serve((_, response) =>
    response.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>'),
  );
  const { bytes, sink } = gather();
  const received = (await bucket()).receive('k', { ...pinned, range: { start: 0, end: 9 } }, sink);
  await expect(received).rejects.toMatchObject({ code: 'PreconditionFailed', status: 412 });
  expect(bytes()).toHaveLength(0);
});

test('a length that is not said beforehand', async () => {
  const { bucket } = await serve((_, response) => {
    response.writeHead(206, { etag: '"e"', 'content-range': 'bytes 0-9/100' });
    response.write('01234');
    response.end('56789');
  });
  const { bytes, sink } = gather();
  const received = (await bucket()).receive('k', { ...pinned, range: { start: 0, end: 9 } }, sink);
  // How much there will be is not known: better nothing than a part that is taken for the whole.
  await expect(received).rejects.toBeInstanceOf(S3Error);
  expect(bytes()).toHaveLength(0);
});

test('fewer bytes than were asked for are an error', async () => {
  const { bucket } = await serve((_, response) => {
    const headers = { etag: '"e"', 'content-range': 'bytes 0-4/5', 'content-length': 5 };
    response.writeHead(206, headers).end('01234');
  });
  const received = (await bucket()).receive(
    'k',
    { ...pinned, range: { start: 0, end: 9 } },
    gather().sink,
  );
  await expect(received).rejects.toMatchObject({ code: 'BadResponse' });
});

test('a small object comes with its head; of a larger one, and of none, the head or the refusal', async () => {
  const body = Buffer.from('small');
  const { bucket, requests } = await serve((request, response, nth) => {
    if (request.url!.endsWith('/none')) {
      return void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    }
    const headers = { etag: '"e"', 'content-length': body.length, 'x-amz-meta-a': 'b' };
    response.writeHead(200, headers);
    const isBroken = request.url!.endsWith('/broken') && nth % 2 === 1;
    if (isBroken) response.write(body.subarray(0, 2), () => request.socket.destroy());
    else response.end(body);
  });
  const store = await bucket();
  const head = { size: 5, eTag: 'e', metadata: { a: 'b' } };
  const small = await store.getSmall('k', 5);
  expect(small.head).toMatchObject({ key: 'k', ...head });
  expect(Buffer.from(small.body!).equals(body)).toBe(true);
  expect(requests).toHaveLength(1);
  const broken = await store.getSmall('broken', 5);
  expect(Buffer.from(broken.body!).equals(body)).toBe(true);
  const larger = await store.getSmall('k', 4);
  expect(larger.head).toMatchObject(head);
  expect(larger.body).toBeUndefined();
  await expect(store.getSmall('none', 5)).rejects.toMatchObject({ code: 'NoSuchKey' });
});

test('what the sink throws is what the caller gets, and the bucket goes on', async () => {
  const { bucket } = await serve(range);
  const store = await bucket();
  const full = new Error('no space left');
  const whole = { ...pinned, range: { start: 0, end: content.length - 1 } };
  const received = store.receive('k', whole, () => {
    throw full;
  });
  await expect(received).rejects.toBe(full);
  const { bytes, sink } = gather();
  await store.receive('k', whole, sink);
  expect(bytes().equals(content)).toBe(true);
});

test('a store that is not there', async () => {
  const { endpoint, close } = await scriptedServer(range);
  await close();
  const credentials = { accessKeyId: 'AKID', secretAccessKey: 'very-secret' };
  const clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const store = await openBucket({ bucket: 'b', endpoint, credentials, clock });
  closing.push(() => store.close());
  const received = store.receive('k', { ...pinned, range: { start: 0, end: 9 } }, gather().sink);
  await expect(received).rejects.toMatchObject({ code: 'Unreachable' });
});

test('a head in pieces, and a connection that the server closes', async () => {
  const server = await serveRaw(
    'HTTP/1.1 206 Partial',
    ' Content\r\nContent-Length: 8\r',
    '\nConnection: close\r\n\r',
    '\nabc',
    'defgh',
  );
  const receiver = new Receiver(server.origin);
  closing.push(async () => receiver.close());
  for (let round = 0; round < 2; round++) {
    const { bytes, sink } = gather();
    expect(await receiver.get('/', {}, () => sink)).toBe(true);
    expect(bytes().toString()).toBe('abcdefgh');
  }
  expect(server.connections).toBe(2);
});

test.each([
  ['more than was announced', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcd', true],
  ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', false],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\nabc', false],
  ['chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', false],
  ['a head without an end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, false],
])('%s: the connection is not used again', async (_, answer, isWhole) => {
  const server = await serveRaw(answer);
  const receiver = new Receiver(server.origin);
  closing.push(async () => receiver.close());
  for (let round = 1; round <= 2; round++) {
    const { bytes, sink } = gather();
    const begin = (status: number): typeof sink | undefined => (status === 200 ? sink : undefined);
    expect(await receiver.get('/', {}, begin)).toBe(isWhole);
    expect(bytes().toString()).toBe(isWhole ? 'abc' : '');
    expect(server.connections).toBe(round);
  }
});

test('no header can be smuggled in', async () => {
  const { endpoint, requests } = await serve(range);
  const receiver = new Receiver(endpoint);
  const headers = { host: 'h', 'if-match': '"e"\r\nx-amz-acl: public-read' };
  expect(await receiver.get('/', headers, () => gather().sink)).toBe(false);
  expect(requests).toEqual([]);
});
