/**
 * The worker's side of the Runtime API: three requests. When the host cannot be reached the worker has
 * no reason to live: callers let the rejection end it.
 */
import { KeptConnections, type Headers, type Reply } from './kept-connections.ts';
import type { ErrorObject } from './runtime-errors.ts';

const PATH = '/2018-06-01/runtime/';

export interface NextInvocation {
  headers: Headers;
  body: Buffer;
}

export class RuntimeConnection {
  readonly #connections: KeptConnections;

  /** `address` is host:port. */
  constructor(address: string) {
    const at = address.lastIndexOf(':');
    this.#connections = new KeptConnections(address.slice(0, at), Number(address.slice(at + 1)));
  }

  async next(): Promise<NextInvocation> {
    const answer = await this.#connections.request({
      method: 'GET',
      path: `${PATH}invocation/next`,
    });
    if (answer.status !== 200) throw new Error(`the host answered ${answer.status}`);
    return answer;
  }

  /** Also resolves when the host does not take it, because it is too large. */
  async response(requestId: string, body: Uint8Array, contentType: string): Promise<void> {
    await this.#post(`invocation/${requestId}/response`, body, { 'Content-Type': contentType });
  }

  async error(requestId: string, error: ErrorObject): Promise<void> {
    await this.#postError(`invocation/${requestId}/error`, error);
  }

  async initError(error: ErrorObject): Promise<void> {
    await this.#postError('init/error', error);
  }

  #postError(path: string, error: ErrorObject): Promise<Reply> {
    return this.#post(path, JSON.stringify(error), {
      'Content-Type': 'application/json',
      'Lambda-Runtime-Function-Error-Type': error.errorType,
    });
  }

  #post(
    path: string,
    body: string | Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<Reply> {
    return this.#connections.request({
      method: 'POST',
      path: PATH + path,
      headers: { ...headers, ...memory() },
      body,
    });
  }
}

/** Our own header: the host cannot look into the worker's process. */
function memory(): Record<string, string> {
  const megabytes = Math.ceil(process.resourceUsage().maxRSS / 1024);
  return { 'Moorage-Max-Memory-Used-Mb': String(megabytes) };
}
