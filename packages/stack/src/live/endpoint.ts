// The one loopback HTTP endpoint of a stack: Lambda's Invoke API and the durable execution API.
//
// Its address is written to `endpoint.json` in the state directory, where `moorage executions` and the
// AWS CLI's user find it. Anyone who can reach the port can invoke functions, as with every local
// Lambda emulator; so it listens on 127.0.0.1 only.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms.
const { createServer } = process.getBuiltinModule('node:http');

/** True when the request was this handler's: it will be answered. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => boolean;

export interface Endpoint {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** For who answers some of the requests without its help. */
  readonly server: Server;
  /** Takes part from now on. Before that requests are answered with 503, which SDKs retry. */
  serve(handlers: readonly RequestHandler[]): void;
  close(): Promise<void>;
}

export interface EndpointFile {
  readonly endpoint: string;
  readonly pid: number;
  readonly stack: string;
}

export function endpointFile(stateDir: string): string {
  return path.join(stateDir, 'endpoint.json');
}

/** Listens on a free port of the loopback interface; on record when it is of a stack that is up. */
export async function openEndpoint(of?: {
  stateDir: string;
  stackName: string;
}): Promise<Endpoint> {
  let handlers: readonly RequestHandler[] | undefined;
  const server = createServer((req, res) => {
    if (!handlers) refuse(res, 503, 'ServiceException', 'The stack is being brought up.');
    else if (!handlers.some((handler) => handler(req, res))) {
      req.resume();
      refuse(res, 404, 'UnknownOperationException', `No operation ${req.method} ${req.url}`);
    }
  });
  // A worker's connection is never closed from here: its next checkpoint could be on the way already.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = of && endpointFile(of.stateDir);
  if (of && file !== undefined) {
    const content: EndpointFile = { endpoint: url, pid: process.pid, stack: of.stackName };
    writeFileSync(`${file}.new`, JSON.stringify(content));
    renameSync(`${file}.new`, file);
  }
  return {
    url,
    server,
    serve: (given) => {
      handlers = given;
    },
    close: async () => {
      if (file !== undefined) rmSync(file, { force: true });
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuse(res: ServerResponse, status: number, type: string, message: string): void {
  const text = JSON.stringify({ Type: type, message });
  res.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'x-amzn-errortype': type,
  });
  res.end(text);
}
