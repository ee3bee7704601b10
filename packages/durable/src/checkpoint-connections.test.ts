import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { CheckpointDurableExecutionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CheckpointConnections } from './checkpoint-connections.ts';
import { BODY_BYTES_MAX, type Call } from './http.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:f:1/durable-execution/one/1';
const PATH = `/2025-12-01/durable-executions/${encodeURIComponent(ARN)}/checkpoint`;

let server: Server;
let connections: CheckpointConnections;
/** What was answered straight from the connection, and what by the HTTP server. */
let straight: Call[];
let served: string[];
let port: number;

beforeEach(async () => {
  straight = [];
  served = [];
  server = createServer(async (req, res) => {
    let bytes = 0;
    for await (const chunk of req) bytes += (chunk as Buffer).length;
    served.push(`${req.method} ${bytes}`);
    res.end('{"from":"server"}');
  });
  connections = new CheckpointConnections(async (call) => {
    straight.push(call);
    const given = JSON.parse(call.body.toString()) as { refuse?: boolean };
    if (given.refuse) return { status: 400, errorType: 'Nonsense', text: '{"message":"ä"}' };
    return { status: 200, text: '{"CheckpointToken":"next"}' };
  });
  connections.take(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});

afterEach(async () => {
  connections.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function checkpoint(body: string, version = '1.1', headers = 'Connection: keep-alive\r\n'): string {
  return `POST ${PATH} HTTP/${version}\r\nHost: x\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Sends the pieces one after the other, and gives what came until `count` answers were there. */
async function exchange(pieces: readonly string[], count: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await vi.waitFor(() => expect(text.split('HTTP/1.1 ').length - 1).toBe(count), 10_000);
  await vi.waitFor(() => expect(text).toMatch(/\}(\r\n0\r\n\r\n)?$/), 10_000);
  socket.destroy();
  return text;
}

test('checkpoints of the AWS SDK and of the worker do not need the server', async () => {
  const client = new LambdaClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  const command = new CheckpointDurableExecutionCommand({
    ...{ DurableExecutionArn: ARN, CheckpointToken: 'token', Updates: [] },
  });
  for (let n = 0; n < 3; n++)
    expect(await client.send(command)).toMatchObject({ CheckpointToken: 'next' });
  client.destroy();
  const answer = await exchange([checkpoint('{"a":1}', '1.0')], 1);
  expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n(.*\r\n)*connection: keep-alive\r\n/);
  expect(straight).toHaveLength(4);
  expect(straight[3]).toMatchObject({
    method: 'POST',
    path: ['durable-executions', ARN, 'checkpoint'],
    body: Buffer.from('{"a":1}'),
  });
  expect(served).toEqual([]);
});

test('a checkpoint may come in any pieces, or with the next one', async () => {
  const text = checkpoint(JSON.stringify({ text: 'äö€'.repeat(50) }));
  await exchange([...text], 1);
  for (let at = 1; at < text.length; at += 37)
    await exchange([text.slice(0, at), text.slice(at)], 1);
  await exchange([text + text + text.slice(0, 100), text.slice(100)], 3);
  expect(new Set(straight.map(({ body }) => body.toString())).size).toBe(1);
  expect(served).toEqual([]);
});

test('a refusal carries its name', async () => {
  expect(await exchange([checkpoint('{"refuse":true}')], 1)).toMatch(
    /^HTTP\/1.1 400 .*\r\nx-amzn-errortype: Nonsense\r\n(.*\r\n)*content-length: 16\r\n/,
  );
});

test('anything else goes to the server, and so does what follows it', async () => {
  const get = 'GET /2025-12-01/durable-executions HTTP/1.1\r\nHost: x\r\n\r\n';
  await exchange([checkpoint('{}'), get, checkpoint('{"a":1}')], 3);
  await exchange([checkpoint('{}') + get + checkpoint('{}')], 3);
  await exchange([...get], 1);
  expect(straight).toHaveLength(2);
  expect(served).toEqual(['GET 0', 'POST 7', 'GET 0', 'POST 2', 'GET 0']);
});

test.each([
  [
    'in chunks',
    `POST ${PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
  ],
  ['on a connection that is not kept', checkpoint('{}', '1.1', 'Connection: close\r\n')],
  ['of HTTP/1.0 that does not ask for more', checkpoint('{}', '1.0', '')],
  ['that waits to be asked for its body', checkpoint('{}', '1.1', 'Expect: 100-continue\r\n')],
])('a checkpoint %s goes to the server', async (_how, text) => {
  await exchange([text], text.includes('Expect') ? 2 : 1);
  expect(straight).toEqual([]);
  expect(served).toEqual(['POST 2']);
});

test('a body that is too large is left to the server', async () => {
  await exchange([checkpoint('x'.repeat(BODY_BYTES_MAX + 1))], 1);
  expect(served).toEqual([`POST ${BODY_BYTES_MAX + 1}`]);
});
