/** What handlers get and give: a request taken apart, and an answer not yet written. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Authenticated } from './signature.ts';
import type { Store } from './store.ts';
import type { Target } from './uri.ts';

/** A request whose signature was right. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly target: Target;
  readonly auth: Authenticated;
  readonly store: Store;
  readonly region: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** An answer. Undefined header values are left out. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string | Buffer;
  /** Instead of `body`; needs a content-length header unless it never ends by itself. */
  readonly stream?: AsyncGenerator<Buffer, void>;
  /** Instead of `body`: an answer without end, told what to send. Returns how to stop. */
  readonly feed?: (send: (line: string) => void) => () => void;
}

export type Handler = (x: Exchange) => Answer | Promise<Answer>;

/** A header that came once. */
export function header(x: Exchange, name: string): string | undefined {
  const value = x.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** An XML answer. */
export function xmlAnswer(body: string, headers: Answer['headers'] = {}): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml', ...headers }, body };
}
