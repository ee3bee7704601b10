/**
 * The HTTP side: takes requests apart, has them authenticated and routed, writes answers and errors.
 * Nothing a client sends may end this process: every failure becomes an answer or a closed socket.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { storageFailure } from './database.ts';
import type { Credentials } from './credentials.ts';
import type { Answer } from './exchange.ts';
import { route } from './routes.ts';
import { S3Failure } from './s3-error.ts';
import { Verifier } from './signature.ts';
import type { Store } from './store.ts';
import { parseTarget } from './uri.ts';
import { element } from './xml.ts';

// `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms.
const { createServer } = process.getBuiltinModule('node:http');

/** Bytes a subscriber of changes may lag behind before it is cut off. */
const lagBytesMax = 16 * 2 ** 20;
const headerBytesMax = 32 * 1024;

export interface ServerOptions {
  readonly store: Store;
  readonly credentials: Credentials;
  readonly region: string;
  readonly clock: () => number;
  readonly log: (line: string) => void;
  readonly host: string;
  readonly port: number;
}

export interface RunningServer {
  readonly endpoint: string;
  /** Ends subscriptions, answers what is under way, then closes. */
  close(): Promise<void>;
}

/** Listens; rejects with a clear message when the port is taken. */
export async function listen(o: ServerOptions): Promise<RunningServer> {
  const verifier = new Verifier(o.credentials, o.region, o.clock);
  const feeds = new Set<ServerResponse>();
  const underWay = new Set<Promise<void>>();
  let requests = 0;

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const method = request.method ?? 'GET';
    const requestId = (++requests).toString(16).toUpperCase().padStart(16, '0');
    let answer: Answer;
    try {
      const target = parseTarget(request.url ?? '');
      const { headers } = request;
      const auth = verifier.verify({ method, target, headers });
      const { store, region, clock } = o;
      const x = { request, method, headers, target, auth, store, region, clock };
      answer = await route(x)(x);
    } catch (error) {
      answer = errorAnswer(o, error, request, requestId);
    }
    try {
      await send(response, answer, method, requestId, feeds);
    } catch (error) {
      // The answer has begun: all that is left is to cut it short, so that it is not taken for whole.
      if (!response.destroyed) o.log(`local-s3: answer cut short: ${String(error)}`);
      response.destroy();
    }
    // What is left of a refused body is read away, or the connection's next request would never come.
    if (!request.complete) request.resume();
  };

  const server = createServer(
    { maxHeaderSize: headerBytesMax, requestTimeout: 0, keepAliveTimeout: 120_000, noDelay: true },
    (request, response) => {
      // Writing to a client that has gone is an error event, which must not end the process.
      response.on('error', () => undefined);
      const work = serve(request, response).finally(() => underWay.delete(work));
      underWay.add(work);
    },
  );
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuseGarbage(error, socket as Socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenError(error, o));
    });
    server.listen(o.port, o.host, resolve);
  });
  const address = server.address() as AddressInfo;
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    endpoint: `http://${host}:${address.port}`,
    async close(): Promise<void> {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const response of feeds) response.end();
      server.closeIdleConnections();
      await Promise.all(underWay);
      server.closeAllConnections();
      await closed;
    },
  };
}

function listenError(error: NodeJS.ErrnoException, { host, port }: ServerOptions): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(
        `local-s3: port ${port} on ${host} is in use; choose another port, or 0 for a free one`,
      );
    case 'EACCES':
      return new Error(`local-s3: port ${port} needs privileges; choose one above 1023`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`local-s3: ${host} is not an address of this machine`);
    default:
      return error;
  }
}

function errorAnswer(
  o: ServerOptions,
  error: unknown,
  request: IncomingMessage,
  requestId: string,
): Answer {
  let failure: S3Failure;
  if (error instanceof S3Failure) {
    failure = error;
  } else {
    const aborted = request.destroyed && !request.complete;
    failure = storageFailure(error) ?? new S3Failure(aborted ? 'IncompleteBody' : 'InternalError');
    if (!aborted) o.log(`local-s3: ${requestId}: ${(error as Error).stack ?? String(error)}`);
  }
  if (request.method === 'HEAD' || failure.status === 304) {
    return { status: failure.status, headers: failure.headers };
  }
  let inner = element('Code', failure.code) + element('Message', failure.message);
  for (const name in failure.details) inner += element(name, failure.details[name]!);
  inner += element('Resource', (request.url ?? '').split('?')[0]!);
  inner += element('RequestId', requestId);
  return {
    status: failure.status,
    headers: { 'content-type': 'application/xml', ...failure.headers },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner}</Error>`,
  };
}

async function send(
  response: ServerResponse,
  answer: Answer,
  method: string,
  requestId: string,
  feeds: Set<ServerResponse>,
): Promise<void> {
  if (response.destroyed) {
    await answer.stream?.return();
    return;
  }
  const { headers = {}, body } = answer;
  const flat = [
    'server',
    'moorage-local-s3',
    'x-amz-request-id',
    requestId,
    'x-amz-id-2',
    requestId,
  ];
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) flat.push(name, String(value));
  }
  if (answer.stream !== undefined) {
    response.writeHead(answer.status, flat);
    for await (const bytes of answer.stream) {
      if (response.destroyed) return;
      if (!response.write(bytes)) await drained(response);
    }
    response.end();
    return;
  }
  if (answer.feed !== undefined) {
    await sendFeed(response, answer, flat, feeds);
    return;
  }
  if (method !== 'HEAD' && answer.status !== 204 && answer.status !== 304) {
    if (headers['content-length'] === undefined) {
      flat.push('content-length', String(body === undefined ? 0 : Buffer.byteLength(body)));
    }
  }
  response.writeHead(answer.status, flat);
  response.end(method === 'HEAD' ? undefined : body);
}

async function sendFeed(
  response: ServerResponse,
  answer: Answer,
  flat: string[],
  feeds: Set<ServerResponse>,
): Promise<void> {
  response.writeHead(answer.status, flat);
  response.flushHeaders();
  const stop = answer.feed?.((line) => {
    response.write(line);
    if (response.writableLength > lagBytesMax) response.destroy();
  });
  feeds.add(response);
  await new Promise<void>((resolve) => response.once('close', resolve));
  feeds.delete(response);
  stop?.();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.on('drain', go);
    response.on('close', go);
  });
}

function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW';
  const { status, code, message } = new S3Failure(
    tooLarge ? 'RequestHeaderSectionTooLarge' : 'BadRequest',
  );
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${element('Code', code)}${element('Message', message)}</Error>`;
  socket.end(
    `HTTP/1.1 ${status} Bad Request\r\nconnection: close\r\ncontent-type: application/xml\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
