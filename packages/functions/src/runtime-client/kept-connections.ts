/**
 * HTTP as far as a worker needs it to reach its own host, for the Runtime API and for checkpoints: one
 * request at a time on a connection that is kept, a head and a body in one write. Node's client takes
 * longer over a small request than all else on its way.
 *
 * Spoken is HTTP/1.0 with kept connections: an answer has a length, or ends with its connection, and is
 * never in chunks.
 */
import type { Socket } from 'node:net';

// `import 'node:net'` would read its every export.
const { connect } = process.getBuiltinModule('node:net');

const HEAD_END = '\r\n\r\n';

export interface Reply {
  status: number;
  headers: Headers;
  body: Buffer;
}

/** By name, in lower case. */
export type Headers = ReadonlyMap<string, string>;

/** With a length only when there is a body. */
export interface Request {
  method: string;
  path: string;
  /** Besides those of the connection and the length. */
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
}

export class KeptConnections {
  readonly #host: string;
  readonly #port: number;
  readonly #idle: Socket[] = [];

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** Rejects when the connection ends before the answer does. */
  request(request: Request): Promise<Reply> {
    const socket = this.#idle.pop() ?? this.#connect();
    return new Promise((resolve, reject) => {
      const reading = new Reading();
      const settle = (): void => {
        socket.off('data', take).off('error', failed).off('close', closed);
      };
      const take = (chunk: Buffer): void => {
        if (!reading.take(chunk)) return;
        settle();
        if (reading.kept) this.#idle.push(socket.once('close', this.#forget));
        else socket.destroy();
        resolve(reading.reply());
      };
      const failed = (error: Error): void => {
        settle();
        socket.destroy();
        reject(error);
      };
      const closed = (): void => {
        settle();
        if (reading.endsWithConnection) resolve(reading.reply());
        else reject(new Error('the connection was closed before the answer had come'));
      };
      socket.off('close', this.#forget);
      socket.on('data', take).on('error', failed).on('close', closed);
      this.#write(socket, request);
    });
  }

  #write(socket: Socket, { method, path, headers, body }: Request): void {
    let head = `${method} ${path} HTTP/1.0\r\nHost: ${this.#host}:${this.#port}\r\nConnection: keep-alive\r\n`;
    for (const name in headers) head += `${name}: ${printable(headers[name]!)}\r\n`;
    if (body !== undefined) head += `Content-Length: ${Buffer.byteLength(body)}\r\n`;
    if (typeof body !== 'object') {
      socket.write(`${head}\r\n${body ?? ''}`);
      return;
    }
    socket.cork();
    socket.write(`${head}\r\n`);
    socket.write(body);
    socket.uncork();
  }

  #connect(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    // An idle one that fails is forgotten when it closes.
    socket.on('error', () => {});
    return socket;
  }

  readonly #forget = (): void => {
    for (let at = this.#idle.length - 1; at >= 0; at--)
      if (this.#idle[at]!.destroyed) this.#idle.splice(at, 1);
  };
}

/** An answer as it comes in. */
class Reading {
  /** The connection can be used again. */
  kept = false;
  endsWithConnection = false;
  #bytes: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #bytesHave = 0;
  #bytesWanted = 1;
  #head: { status: number; headers: Map<string, string>; bytes: number } | undefined;

  /** True once it is whole. */
  take(chunk: Buffer): boolean {
    this.#chunks.push(chunk);
    this.#bytesHave += chunk.length;
    if (this.#bytesHave < this.#bytesWanted) return false;
    this.#bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#chunks = [this.#bytes];
    this.#head ??= headOf(this.#bytes);
    if (this.#head === undefined) return false;
    const length = this.#head.headers.get('content-length');
    this.endsWithConnection = length === undefined;
    this.#bytesWanted = length === undefined ? Infinity : this.#head.bytes + Number(length);
    this.kept = this.#head.headers.get('connection') === 'keep-alive';
    return this.#bytesHave >= this.#bytesWanted;
  }

  reply(): Reply {
    const { status, headers, bytes } = this.#head!;
    const all = this.endsWithConnection ? Buffer.concat(this.#chunks) : this.#bytes;
    return { status, headers, body: all.subarray(bytes) };
  }
}

/** A handler chooses some of the values. */
function printable(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?');
}

function headOf(
  bytes: Buffer,
): { status: number; headers: Map<string, string>; bytes: number } | undefined {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(first.split(' ')[1]), headers, bytes: end + HEAD_END.length };
}
