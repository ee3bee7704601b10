/**
 * A running file system server for other processes: a unix socket (mode 0600) that speaks one JSON object a
 * line. `moorage mount` leaves a process behind that listens here; `moorage status`, `sync` and `unmount`
 * connect. A client that hangs up gives up what it was waiting for.
 *
 *   → {"id":1,"call":"sync","path":"/"}        ← {"id":1,"ok":true}
 *   → {"id":2,"call":"stop","drain":true}      ← {"id":2,"ok":false,"code":"NOT_DRAINED","message":"…","failures":[]}
 */
import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { FileSystemServerError } from './file-system-server.ts';
import type {
  FileFailure,
  FileSystemServer,
  FileSystemServerErrorCode,
  FileSystemStatus,
} from './file-system-server.ts';

type Call = { call: 'status' } | { call: 'sync'; path: string } | { call: 'stop'; drain: boolean };
type Request = Call & { id: number };

type Reply =
  | { id: number; ok: true; status?: FileSystemStatus }
  | {
      id: number;
      ok: false;
      code: FileSystemServerErrorCode;
      message: string;
      failures: readonly FileFailure[];
    };

/** Listens at `path` until closed; what a crashed process left there is replaced. */
export async function listenForControl(
  server: FileSystemServer,
  path: string,
): Promise<{ close(): Promise<void> }> {
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const answering = new Set<Promise<void>>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    const hungUp = new AbortController();
    socket.on('error', () => {});
    socket.on('close', () => {
      sockets.delete(socket);
      hungUp.abort(new Error('the client hung up'));
    });
    createInterface({ input: socket }).on('line', (line) => {
      const request = JSON.parse(line) as Request;
      const answered = answer(server, request, hungUp.signal).then((reply) => {
        if (socket.writable) socket.write(`${JSON.stringify(reply)}\n`);
        answering.delete(answered);
      });
      answering.add(answered);
    });
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    async close() {
      const closed = new Promise((resolve) => listener.close(resolve));
      // Whoever asked to stop is told that it is done.
      await Promise.all(answering);
      for (const socket of sockets) socket.end();
      await closed;
    },
  };
}

async function answer(
  server: FileSystemServer,
  request: Request,
  signal: AbortSignal,
): Promise<Reply> {
  try {
    switch (request.call) {
      case 'status':
        return { id: request.id, ok: true, status: await server.status() };
      case 'sync':
        await server.sync(request.path, signal);
        return { id: request.id, ok: true };
      case 'stop':
        await server.stop({ drain: request.drain, signal });
        return { id: request.id, ok: true };
    }
  } catch (error) {
    const known = error instanceof FileSystemServerError;
    return {
      id: request.id,
      ok: false,
      code: known ? error.code : 'SERVER_GONE',
      message: error instanceof Error ? error.message : String(error),
      failures: known ? error.failures : [],
    };
  }
}

/** The other end of `listenForControl`. */
export interface FileSystemControl {
  status(): Promise<FileSystemStatus>;
  sync(path?: string): Promise<void>;
  stop(o?: { drain?: boolean }): Promise<void>;
  /** Hangs up. */
  close(): void;
}

/** Rejects with SERVER_GONE when nobody listens at `path`. */
export async function connectToControl(path: string): Promise<FileSystemControl> {
  const socket = createConnection(path);
  const waiting = new Map<number, (reply: Reply) => void>();
  let nextId = 1;
  const gone = (): void => {
    for (const [id, resolve] of waiting)
      resolve({
        id,
        ok: false,
        code: 'SERVER_GONE',
        message: 'the file system server ended before it answered',
        failures: [],
      });
    waiting.clear();
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', () =>
      reject(new FileSystemServerError('SERVER_GONE', `no file system server listens at ${path}`)),
    );
  });
  socket.on('error', () => {});
  socket.on('close', gone);
  createInterface({ input: socket }).on('line', (line) => {
    const reply = JSON.parse(line) as Reply;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const ask = async (call: Call): Promise<FileSystemStatus | undefined> => {
    const id = nextId++;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    waiting.set(id, resolve);
    socket.write(`${JSON.stringify({ id, ...call })}\n`);
    if (socket.destroyed) gone();
    const reply = await promise;
    if (reply.ok) return reply.status;
    throw new FileSystemServerError(reply.code, reply.message, reply.failures);
  };
  return {
    status: async () => (await ask({ call: 'status' }))!,
    sync: async (file = '/') => void (await ask({ call: 'sync', path: file })),
    stop: async (o = {}) => void (await ask({ call: 'stop', drain: o.drain ?? false })),
    close: () => socket.end(),
  };
}
