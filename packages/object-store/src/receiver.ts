/**
 * GETs whose bodies are taken from the socket as they come in, into memory that all connections share: a general
 * client makes a new array of every piece, and V8 then marks its whole heap again for each 64 MiB that arrive.
 *
 * It knows the plain case only: HTTP/1.1, an answer that its caller wants, a length said beforehand. In any other case
 * (a refusal, a broken connection, too many requests at once) it gives up and says so; the caller goes on from where it
 * stopped through `Connection`, which has the retries and the errors.
 */
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';

export type Headers = Record<string, string>;
/** Bytes of a body. The array is good until the sink returns. */
export type Sink = (bytes: Uint8Array) => void;
/** Where the body is to go; undefined: this is not the plain case. */
export type Begin = (status: number, headers: Headers) => Sink | undefined;

/** Nothing that could end a header before its time. */
const plainText = /^[\t\x20-\x7e]*$/;
const connectionsMax = 64;
const bufferBytes = 256 * 1024;
const headBytesMax = 16 * 1024;
const connectMsMax = 5_000;
const idleMsMax = 20_000;

export class Receiver {
  readonly #url: URL;
  /** A read fills it and is done with it before the next one begins. */
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(bufferBytes);
  readonly #lines = new Set<Line>();
  readonly #idle: Line[] = [];
  #closed = false;

  /** `origin`: `http://host:port`. */
  constructor(origin: string) {
    this.#url = new URL(origin);
  }

  /**
   * True: the sink has got the whole body. False: it has got a part from the start on, or nothing. Rejects with what
   * `begin` or the sink throws.
   */
  get(path: string, headers: Headers, begin: Begin): Promise<boolean> {
    const isPlain = Object.values(headers).every((value) => plainText.test(value));
    const line = isPlain ? (this.#idle.pop() ?? this.#open()) : undefined;
    return line === undefined ? Promise.resolve(false) : line.get(path, headers, begin);
  }

  close(): void {
    this.#closed = true;
    for (const line of this.#lines) line.destroy();
  }

  #open(): Line | undefined {
    if (this.#closed || this.#lines.size >= connectionsMax) return undefined;
    const line = new Line(
      this.#connect((bytes) => line.take(bytes)),
      {
        free: () => this.#idle.push(line),
        gone: () => {
          this.#lines.delete(line);
          const at = this.#idle.indexOf(line);
          if (at >= 0) this.#idle.splice(at, 1);
        },
      },
    );
    this.#lines.add(line);
    return line;
  }

  #connect(take: (bytes: Buffer) => void): Socket {
    const { protocol, port } = this.#url;
    const host = this.#url.hostname.replace(/^\[(.*)\]$/, '$1');
    const callback = (count: number): boolean => {
      take(this.#buffer.subarray(0, count));
      return true;
    };
    const onread = { buffer: this.#buffer, callback };
    if (protocol === 'http:') return connect({ host, port: Number(port || 80), onread });
    const servername = isIP(host) === 0 ? host : '';
    // Node takes `onread` here as well, which its types do not say.
    // To load TLS takes 15 ms: not for those who need none.
    const options = { host, port: Number(port || 443), servername, onread };
    return process.getBuiltinModule('node:tls').connect(options);
  }
}

/** A request under way. */
interface Exchange {
  begin: Begin;
  /** Of its head so far. */
  head: string;
  sink: Sink | undefined;
  bytesLeft: number;
  keepsAlive: boolean;
  resolve: (isWhole: boolean) => void;
  reject: (error: unknown) => void;
}

/** One connection: one request at a time. */
class Line {
  readonly #socket: Socket;
  readonly #events: { free: () => void; gone: () => void };
  #exchange: Exchange | undefined;

  constructor(socket: Socket, events: { free: () => void; gone: () => void }) {
    this.#socket = socket;
    this.#events = events;
    const destroy = (): void => this.destroy();
    socket.setNoDelay(true).setTimeout(connectMsMax, destroy);
    socket.on('connect', () => socket.setTimeout(idleMsMax));
    socket.on('error', destroy).on('end', destroy).on('close', destroy);
  }

  get(path: string, headers: Headers, begin: Begin): Promise<boolean> {
    let text = `GET ${path} HTTP/1.1\r\n`;
    for (const name in headers) text += `${name}: ${headers[name]}\r\n`;
    this.#socket.ref().write(`${text}\r\n`, 'latin1');
    return new Promise((resolve, reject) => {
      this.#exchange = {
        begin,
        head: '',
        sink: undefined,
        bytesLeft: 0,
        keepsAlive: true,
        resolve,
        reject,
      };
    });
  }

  /** Bytes have come in. Exceptions do not get out of here: nobody could catch them. */
  take(bytes: Buffer): void {
    const exchange = this.#exchange;
    // Nobody has asked for anything.
    if (exchange === undefined) return this.destroy();
    try {
      if (exchange.sink !== undefined) this.#pass(exchange, exchange.sink, bytes);
      else this.#takeHead(exchange, bytes);
    } catch (error) {
      this.#exchange = undefined;
      this.destroy();
      exchange.reject(error);
    }
  }

  destroy(): void {
    this.#socket.destroy();
    this.#events.gone();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.resolve(false);
  }

  #takeHead(exchange: Exchange, bytes: Buffer): void {
    const before = exchange.head.length;
    exchange.head += bytes.toString('latin1', 0, headBytesMax - before);
    const end = exchange.head.indexOf('\r\n\r\n');
    if (end < 0) {
      if (exchange.head.length >= headBytesMax) this.destroy();
      return;
    }
    const { status, headers } = parseHead(exchange.head.slice(0, end));
    const length = headers['content-length'] ?? '';
    const isPlain = /^\d+$/.test(length) && headers['transfer-encoding'] === undefined;
    const sink = isPlain ? exchange.begin(status, headers) : undefined;
    if (sink === undefined) return this.destroy();
    exchange.sink = sink;
    exchange.bytesLeft = Number(length);
    exchange.keepsAlive = headers['connection']?.toLowerCase() !== 'close';
    this.#pass(exchange, sink, bytes.subarray(end + 4 - before));
  }

  #pass(exchange: Exchange, sink: Sink, bytes: Buffer): void {
    const isTooLong = bytes.length > exchange.bytesLeft;
    const body = isTooLong ? bytes.subarray(0, exchange.bytesLeft) : bytes;
    exchange.bytesLeft -= body.length;
    if (body.length > 0) sink(body);
    if (exchange.bytesLeft > 0) return;
    this.#exchange = undefined;
    if (isTooLong || !exchange.keepsAlive) this.destroy();
    else {
      this.#socket.unref();
      this.#events.free();
    }
    exchange.resolve(true);
  }
}

/** Status 0: it is none of HTTP/1.1. */
function parseHead(head: string): { status: number; headers: Headers } {
  const [first = '', ...lines] = head.split('\r\n');
  const headers: Headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1] ?? 0), headers };
}
