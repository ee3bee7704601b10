/** One server process: spawned with the mount's descriptor, asked over IPC, gone when it exits. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BucketLocation } from '@moorage/object-store';
import type {
  FromServer,
  ServerConfiguration,
  ServerReply,
  ServerRequest,
  ToServer,
} from './control-messages.ts';
import { FileSystemServerError } from './file-system-server.ts';

export interface ServerProcessEvents {
  /** A line it wrote to standard error: a defect's stack trace. */
  said(line: string): void;
  message(message: Exclude<FromServer, { kind: 'reply' }>): void;
  exit(why: string): void;
}

/** Where the server finds the mount's descriptor. */
export const mountDescriptor = 3;

/**
 * V8 lets a heap grow to several times what is in use before it looks for garbage, which for the names of a large
 * bucket is hundreds of megabytes; these bounds cost a twentieth in time.
 */
const heapLimits = ['--heap-growing-percent=50', '--max-semi-space-size=8'];

export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: ServerReply) => void>();
  #nextId = 1;
  #gone = false;

  constructor(fd: number, configuration: ServerConfiguration, events: ServerProcessEvents) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const main = fileURLToPath(new URL(`./server-main.${extension}`, import.meta.url));
    this.#child = spawn(process.execPath, [...heapLimits, main], {
      stdio: ['ignore', 'ignore', 'pipe', fd, 'ipc'],
      // A signal for the terminal's processes (Ctrl-C) is the supervisor's to handle.
      detached: true,
      serialization: 'json',
    });
    createInterface({ input: this.#child.stderr! }).on('line', (line) => events.said(line));
    this.#child.on('message', (message) => {
      const from = message as FromServer;
      if (from.kind === 'reply') this.#settle(from.id, from.reply);
      else events.message(from);
    });
    const exited = (why: string): void => {
      if (this.#gone) return;
      this.#gone = true;
      const reply: ServerReply = { ok: false, code: 'SERVER_GONE', message: why };
      for (const id of [...this.#waiting.keys()]) this.#settle(id, reply);
      events.exit(why);
    };
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) exited(`it could not be started: ${error.message}`);
    });
    this.#child.on('exit', (code, signal) =>
      exited(signal === null ? `it exited with code ${code}` : `it was killed by ${signal}`),
    );
    this.#send({ kind: 'start', configuration });
  }

  get pid(): number {
    return this.#gone ? 0 : (this.#child.pid ?? 0);
  }

  request(request: ServerRequest): Promise<ServerReply> {
    if (this.#gone)
      return Promise.resolve({ ok: false, code: 'SERVER_GONE', message: 'it is not running' });
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<ServerReply>();
    this.#waiting.set(id, resolve);
    this.#send({ kind: 'request', id, request });
    return promise;
  }

  /** For a configuration that said that the bucket follows. */
  locate(bucket: BucketLocation): void {
    this.#send({ kind: 'bucket', bucket });
  }

  /** Asks it to close its store and exit. */
  stop(): void {
    this.#send({ kind: 'stop' });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToServer): void {
    // A failure to send means that it is gone, which `exit` reports.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #settle(id: number, reply: ServerReply): void {
    this.#waiting.get(id)?.(reply);
    this.#waiting.delete(id);
  }
}

/** The value of a reply, or its error thrown. */
export function valueOf<R extends ServerReply>(reply: R): Extract<R, { ok: true }>['value'] {
  if (reply.ok) return reply.value;
  throw new FileSystemServerError(reply.code, reply.message, reply.failures);
}
