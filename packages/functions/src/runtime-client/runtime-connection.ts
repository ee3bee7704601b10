/**
 * The worker's side of the Runtime API: three requests over one kept connection. When the host
 * cannot be reached the worker has no reason to live: callers let the rejection end it.
 */
import type { IncomingHttpHeaders } from 'node:http';

import type { ErrorObject } from './runtime-errors.ts';

// `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms.
const { Agent, request } = process.getBuiltinModule('node:http');

export interface NextInvocation {
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export class RuntimeConnection {
  readonly #host: string;
  readonly #port: number;
  readonly #agent: InstanceType<typeof Agent> = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(address: string) {
    const at = address.lastIndexOf(':');
    this.#host = address.slice(0, at);
    this.#port = Number(address.slice(at + 1));
  }

  async next(): Promise<NextInvocation> {
    const answer = await this.#send('GET', 'invocation/next', {}, undefined);
    if (answer.status !== 200) throw new Error(`the host answered ${answer.status}`);
    return answer;
  }

  /** Whether the host took it; it does not when the response is too large. */
  async response(requestId: string, body: Uint8Array, contentType: string): Promise<void> {
    await this.#send(
      'POST',
      `invocation/${requestId}/response`,
      { 'Content-Type': contentType, ...memory() },
      body,
    );
  }

  async error(requestId: string, error: ErrorObject): Promise<void> {
    await this.#send('POST', `invocation/${requestId}/error`, errorHeaders(error), json(error));
  }

  async initError(error: ErrorObject): Promise<void> {
    await this.#send('POST', 'init/error', errorHeaders(error), json(error));
  }

  #send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Uint8Array | undefined,
  ): Promise<NextInvocation & { status: number }> {
    return new Promise((resolve, reject) => {
      const req = request(
        {
          host: this.#host,
          port: this.#port,
          agent: this.#agent,
          method,
          path: `/2018-06-01/runtime/${path}`,
          headers:
            body === undefined
              ? headers
              : { ...headers, 'Content-Length': String(body.byteLength) },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('end', () =>
            resolve({
              status: res.statusCode ?? 0,
              headers: res.headers,
              body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks),
            }),
          );
          res.on('error', reject);
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  }
}

function json(error: ErrorObject): Buffer {
  return Buffer.from(JSON.stringify(error));
}

function errorHeaders(error: ErrorObject): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'Lambda-Runtime-Function-Error-Type': error.errorType.replace(/[^\x20-\x7e]/g, '?'),
    ...memory(),
  };
}

/** Our own header: the host cannot look into the worker's process. */
function memory(): Record<string, string> {
  const megabytes = Math.ceil(process.resourceUsage().maxRSS / 1024);
  return { 'Moorage-Max-Memory-Used-Mb': String(megabytes) };
}
