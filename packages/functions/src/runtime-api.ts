/**
 * Lambda's Runtime API (2018-06-01) for one worker. The protocol has no room for a path prefix or a
 * token, so each worker has a listener of its own on 127.0.0.1.
 *
 * Only the invocation that was handed out may be answered, once: anything else gets the 400 or 403
 * Lambda gives and changes nothing.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { RESPONSE_BYTES_MAX } from './invocation.ts';

// `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms.
const { createServer } = process.getBuiltinModule('node:http');

export interface RuntimeInvocation {
  requestId: string;
  payload: Uint8Array;
  deadlineMs: number;
  functionArn: string;
  clientContext?: string;
  traceId?: string;
  tenantId?: string;
}

/** What the worker did. Called from the server's own callbacks. */
export interface RuntimeEvents {
  /** It asked for the next invocation: it is initialised and idle. */
  next(): void;
  /** It cannot be initialised; `body` is an error object as JSON. */
  initError(body: Uint8Array): void;
  response(body: Uint8Array, maxMemoryUsedMb: number | undefined): void;
  error(body: Uint8Array, maxMemoryUsedMb: number | undefined): void;
  /** A response larger than Lambda allows. */
  responseTooLarge(bytes: number): void;
}

const PREFIX = '/2018-06-01/runtime/';

export class RuntimeApi {
  readonly #server: Server;
  readonly #events: RuntimeEvents;
  #waiting: ServerResponse | undefined;
  #current: string | undefined;
  readonly #connections = new WeakMap<Socket, Promise<'read' | 'unread'>>();
  #handedTo: Socket | null = null;

  constructor(events: RuntimeEvents) {
    this.#events = events;
    this.#server = createServer({ keepAlive: true }, (req, res) => this.#handle(req, res));
    this.#server.requestTimeout = 0;
    this.#server.headersTimeout = 0;
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', (socket: Socket) => {
      this.#connections.set(socket, closeOf(socket));
    });
  }

  /** Resolves with host:port. */
  listen(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        const { port } = this.#server.address() as AddressInfo;
        resolve(`127.0.0.1:${port}`);
      });
    });
  }

  /** Hands out an invocation; false when the worker is not there to take it. */
  send(invocation: RuntimeInvocation): boolean {
    const res = this.#waiting;
    if (res === undefined) return false;
    this.#waiting = undefined;
    this.#current = invocation.requestId;
    const headers: Record<string, string> = {
      'Content-Type': 'application/json',
      'Content-Length': String(invocation.payload.byteLength),
      'Lambda-Runtime-Aws-Request-Id': invocation.requestId,
      'Lambda-Runtime-Deadline-Ms': String(Math.floor(invocation.deadlineMs)),
      'Lambda-Runtime-Invoked-Function-Arn': invocation.functionArn,
    };
    if (invocation.traceId !== undefined) headers['Lambda-Runtime-Trace-Id'] = invocation.traceId;
    if (invocation.tenantId !== undefined)
      headers['Lambda-Runtime-Aws-Tenant-Id'] = invocation.tenantId;
    if (invocation.clientContext !== undefined)
      headers['Lambda-Runtime-Client-Context'] = asHeader(invocation.clientContext);
    this.#handedTo = res.socket;
    res.writeHead(200, headers);
    res.end(invocation.payload);
    return true;
  }

  /**
   * Resolves when the connection ends that the invocation went out on. `unread`: the worker had not read
   * all of it, so that its handler cannot have begun.
   */
  get closed(): Promise<'read' | 'unread'> {
    const closed = this.#handedTo && this.#connections.get(this.#handedTo);
    return closed ?? Promise.resolve('read');
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const path = req.url ?? '';
    if (req.method === 'GET' && path === `${PREFIX}invocation/next`) {
      this.#waiting = res;
      res.once('close', () => {
        if (this.#waiting === res) this.#waiting = undefined;
      });
      this.#events.next();
      return;
    }
    if (req.method !== 'POST' || !path.startsWith(PREFIX)) {
      refuse(res, 404, 'InvalidRequest', `nothing at ${req.method} ${path}`);
      return;
    }
    const [scope, id, verb] = path.slice(PREFIX.length).split('/');
    readBody(req, (body, bytes) => {
      const memory = Number(req.headers['moorage-max-memory-used-mb'] ?? NaN);
      const maxMemoryUsedMb = Number.isFinite(memory) ? memory : undefined;
      if (scope === 'init' && id === 'error') {
        accept(res);
        this.#events.initError(body);
      } else if (scope !== 'invocation' || (verb !== 'response' && verb !== 'error')) {
        refuse(res, 404, 'InvalidRequest', `nothing at POST ${path}`);
      } else if (id === undefined || id !== this.#current) {
        refuse(res, 400, 'InvalidRequestID', 'Invalid request ID');
      } else if (bytes > RESPONSE_BYTES_MAX) {
        this.#current = undefined;
        refuse(res, 413, 'RequestEntityTooLarge', `${bytes} bytes are too many`);
        this.#events.responseTooLarge(bytes);
      } else {
        this.#current = undefined;
        accept(res);
        if (verb === 'response') this.#events.response(body, maxMemoryUsedMb);
        else this.#events.error(body, maxMemoryUsedMb);
      }
    });
  }
}

/** The kernel resets the connection of a process that ends with something unread, and closes any other. */
function closeOf(socket: Socket): Promise<'read' | 'unread'> {
  return new Promise((resolve) => {
    let reset = false;
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
    });
    socket.once('close', () => resolve(reset ? 'unread' : 'read'));
  });
}

/** Reads to the end, keeping no more than a response may have; `bytes` counts all of it. */
function readBody(req: IncomingMessage, done: (body: Uint8Array, bytes: number) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  req.on('data', (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes <= RESPONSE_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
  });
  req.on('end', () => done(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), bytes));
}

/** JSON may hold any character, a header only latin-1: escape the rest as JSON does. */
function asHeader(json: string): string {
  return json
    .replace(/[\r\n]/g, ' ')
    .replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function accept(res: ServerResponse): void {
  res.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': '15' });
  res.end('{"status":"OK"}');
}

function refuse(res: ServerResponse, status: number, errorType: string, message: string): void {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify({ errorType, errorMessage: message }));
}
