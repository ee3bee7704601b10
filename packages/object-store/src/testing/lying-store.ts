/**
 * For tests: an HTTP proxy in front of an S3 endpoint that breaks promises the store behind it keeps. It signs each
 * request again, so that both sides see nothing but well-formed requests.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bucket, BucketLocation } from '../bucket.ts';
import { openBucket } from '../open-bucket.ts';

export interface Lies {
  /** Conditions on writes are answered as if they held. */
  ignoresWriteConditions?: boolean;
  /** x-amz-copy-source-if-match is not looked at. */
  ignoresSourceConditions?: boolean;
  /** DELETE with a condition: 501. */
  refusesConditionalDelete?: boolean;
  /** Bodies are taken whatever their checksum says. */
  dropsChecksums?: boolean;
  /** No x-amz-version-id in any answer. */
  stripsVersionIds?: boolean;
  /** Changes are not told as they happen. */
  streamsNoChanges?: boolean;
  /** Every write: 403. */
  deniesWrites?: boolean;
}

export interface LyingStore {
  endpoint: string;
  lies: Lies;
  /** `PUT /bucket/key` of each request, in order. */
  requests: string[];
  /** Called before a request is passed on: to be faster than a client between two of its requests. */
  before: ((request: string) => Promise<void>) | undefined;
  /** Called when the store has carried a request out and its answer is about to be passed back. */
  after: ((request: string) => Promise<void>) | undefined;
  close: () => Promise<void>;
}

/** `behind` is the true endpoint; its bucket is the only one that is reached. */
export async function startLyingStore(
  behind: BucketLocation & { endpoint: string },
  lies: Lies,
): Promise<LyingStore> {
  const bucket = await openBucket(behind);
  const server = createServer((request, response) => {
    pass(store, bucket, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const store: LyingStore = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lies,
    requests: [],
    before: undefined,
    after: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await bucket.close();
    },
  };
  return store;
}

async function pass(
  store: LyingStore,
  bucket: Bucket,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const method = request.method ?? 'GET';
  const [path = '', search = ''] = (request.url ?? '').split('?', 2);
  const [, , ...key] = path.split('/').map(decodeURIComponent);
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  store.requests.push(`${method} ${path}${search === '' ? '' : `?${search}`}`);
  await store.before?.(`${method} ${path}`);
  const { lies } = store;
  const headers = passedHeaders(request, lies);
  const isWrite = method === 'PUT' || method === 'POST' || method === 'DELETE';
  if (lies.streamsNoChanges === true && search.startsWith('moorage-events')) {
    return refuse(response, 400, 'InvalidRequest');
  }
  if (isWrite && lies.deniesWrites === true) return refuse(response, 403, 'AccessDenied');
  if (method === 'DELETE' && headers['if-match'] !== undefined) {
    if (lies.refusesConditionalDelete === true) return refuse(response, 501, 'NotImplemented');
  }
  if (isWrite && lies.ignoresWriteConditions === true) {
    delete headers['if-match'];
    delete headers['if-none-match'];
  }
  const body = Buffer.concat(chunks);
  const answer = await bucket.requestRaw({
    method,
    ...(key.length > 0 && { key: key.join('/') }),
    query: Object.fromEntries(new URLSearchParams(search.replaceAll('+', '%2B'))),
    headers,
    ...(body.length > 0 && { body }),
    endless: true,
  });
  await store.after?.(`${method} ${path}${search === '' ? '' : `?${search}`}`);
  const told = { ...answer.headers };
  if (lies.stripsVersionIds === true) delete told['x-amz-version-id'];
  delete told['connection'];
  delete told['keep-alive'];
  response.writeHead(answer.status, told);
  response.on('close', () => void answer.body[Symbol.asyncIterator]().return?.());
  for await (const chunk of answer.body) response.write(chunk);
  response.end();
}

function passedHeaders(request: IncomingMessage, lies: Lies): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && !ofTheConnection.has(name)) headers[name] = value;
  }
  if (lies.dropsChecksums === true) {
    for (const name of Object.keys(headers)) {
      if (name === 'content-md5' || name.startsWith('x-amz-checksum-')) delete headers[name];
    }
  }
  if (lies.ignoresSourceConditions === true) delete headers['x-amz-copy-source-if-match'];
  return headers;
}

const ofTheConnection: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
]);

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(
    `<Error><Code>${code}</Code><Message>This store does not do that.</Message></Error>`,
  );
}
