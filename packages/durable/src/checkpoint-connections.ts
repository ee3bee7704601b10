/**
 * Checkpoints, answered straight from their connection. A worker sends nothing else, and of what one
 * costs here, Node's HTTP machinery was half.
 *
 * Understood is what the AWS SDK and the worker's own client send: `POST …/checkpoint` with a length, on a
 * connection that is kept. With the first request that is anything else a connection goes to the
 * HTTP server, for good: there is no request that only this file can answer.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { BODY_BYTES_MAX } from './http.ts';
import type { Answering } from './http.ts';

const CHECKPOINT =
  /^POST \/2025-12-01\/durable-executions\/([^/? ]+)\/checkpoint HTTP\/1\.([01])\r\n/;
const BEGIN = 'POST /2025-12-01/durable-executions/';
const LENGTH = /\r\ncontent-length: *(\d{1,7})\r\n/i;
/** What only the HTTP server can do. */
const SPECIAL = /\r\n(?:transfer-encoding|expect|upgrade):|\r\nconnection:(?! *keep-alive\r\n)/i;
const KEPT = /\r\nconnection: *keep-alive\r\n/i;
const HEAD_BYTES_MAX = 16 * 1024;
const HEAD_END = '\r\n\r\n';
const NO_QUERY = new URLSearchParams();

/** Whose connections have been taken over; to be closed by whoever closes the service. */
export class CheckpointConnections {
  readonly #answer: Answering;
  readonly #sockets = new Set<Socket>();

  constructor(answer: Answering) {
    this.#answer = answer;
  }

  /** New connections of `server` come here first. */
  take(server: Server): void {
    const others = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      const connection = new CheckpointConnection(socket, this.#answer, () => {
        this.#sockets.delete(socket);
        for (const other of others) other.call(server, socket);
      });
      connection.listen();
    });
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

class CheckpointConnection {
  readonly #socket: Socket;
  readonly #answer: Answering;
  readonly #handOver: () => void;
  #received: Buffer[] = [];
  #bytes = 0;
  /** What has to be there before it is worth looking. */
  #bytesWanted = 1;
  #busy = false;

  constructor(socket: Socket, answer: Answering, handOver: () => void) {
    this.#socket = socket;
    this.#answer = answer;
    this.#handOver = handOver;
  }

  listen(): void {
    this.#socket.on('data', this.#take);
    this.#socket.on('end', this.#end);
    this.#socket.on('error', this.#end);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    this.#next();
  };

  readonly #end = (): void => {
    if (!this.#busy) this.#socket.end();
  };

  #next(): void {
    if (this.#busy || this.#bytes < this.#bytesWanted) return;
    const bytes = this.#received.length === 1 ? this.#received[0]! : Buffer.concat(this.#received);
    this.#keep(bytes);
    const headBytes = bytes.indexOf(HEAD_END);
    if (headBytes < 0) {
      const begin = bytes.toString('latin1', 0, BEGIN.length);
      if (!BEGIN.startsWith(begin) || bytes.length > HEAD_BYTES_MAX) this.#leave(bytes);
      else this.#bytesWanted = bytes.length + 1;
      return;
    }
    const head = bytes.toString('latin1', 0, headBytes + 2);
    const line = CHECKPOINT.exec(head);
    const length = Number(LENGTH.exec(head)?.[1] ?? Infinity);
    const kept = line?.[2] === '1' || KEPT.test(head);
    const arn = line && decoded(line[1]!);
    if (!arn || length > BODY_BYTES_MAX || !kept || SPECIAL.test(head)) {
      this.#leave(bytes);
      return;
    }
    const start = headBytes + HEAD_END.length;
    const end = start + length;
    this.#bytesWanted = end;
    if (bytes.length < end) return;
    this.#keep(bytes.subarray(end));
    this.#bytesWanted = 1;
    this.#busy = true;
    void this.#respond(arn, bytes.subarray(start, end));
  }

  async #respond(arn: string, body: Buffer): Promise<void> {
    const path = ['durable-executions', arn, 'checkpoint'];
    const { status, errorType, text } = await this.#answer({
      method: 'POST',
      path,
      query: NO_QUERY,
      body,
    });
    const named = errorType === undefined ? '' : `x-amzn-errortype: ${errorType}\r\n`;
    this.#socket.write(
      `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Refused'}\r\n${named}content-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(text)}\r\nconnection: keep-alive\r\n\r\n${text}`,
    );
    this.#busy = false;
    if (this.#socket.readableEnded) this.#socket.end();
    this.#next();
  }

  #keep(bytes: Buffer): void {
    this.#received = bytes.length === 0 ? [] : [bytes];
    this.#bytes = bytes.length;
  }

  #leave(bytes: Buffer): void {
    const socket = this.#socket;
    socket.off('data', this.#take);
    socket.off('end', this.#end);
    socket.off('error', this.#end);
    socket.pause();
    socket.unshift(bytes);
    this.#handOver();
    socket.resume();
  }
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
