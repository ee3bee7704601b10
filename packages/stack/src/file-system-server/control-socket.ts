/**
 * A running file system server for other processes: a unix socket (mode 0600) that speaks one JSON object a
 * line. `moorage mount` leaves a process behind that listens here; `moorage status`, `sync` and `unmount`
 * connect. A client that hangs up gives up what it was waiting for.
 *
 *   → {"id":1,"call":"sync","path":"/"}        ← {"id":1,"ok":true}
 *   → {"id":2,"call":"events"}                 ← {"id":2,"ok":true}, then {"event":{"kind":"conflict",…}} for each
 *   → {"id":3,"call":"stop","drain":true}      ← {"id":3,"ok":false,"code":"NOT_DRAINED","message":"…","failures":[]}
 */
import { chmodSync, rmSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { FailureList, PendingList, Settlement } from '@moorage/file-system';
import type { SynchronizationConfiguration } from '@moorage/file-system/configuration';
import { FileSystemServerError } from './file-system-server.ts';
import type {
  ConflictEnd,
  FileFailure,
  FileSystemMetrics,
  FileSystemServer,
  FileSystemServerEvent,
  FileSystemServerErrorCode,
  FileSystemStatus,
} from './file-system-server.ts';

type Call =
  | { call: 'status' }
  | { call: 'sync'; path: string }
  | { call: 'failures'; from: number; countMax: number }
  | { call: 'metrics' }
  | { call: 'pending'; path: string; countMax: number }
  | { call: 'settleConflict'; conflictId: string; how: ConflictEnd; as?: string }
  | { call: 'synchronization' }
  | { call: 'putSynchronization'; document: unknown }
  | { call: 'events' }
  | { call: 'stop'; drain: boolean };
type Request = Call & { id: number };

type Reply =
  | { id: number; ok: true; value?: unknown }
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
      const tell = (event: FileSystemServerEvent): void => {
        if (socket.writable) socket.write(`${JSON.stringify({ event })}\n`);
      };
      const answered = answer(server, request, hungUp.signal, tell).then((reply) => {
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
  tell: (event: FileSystemServerEvent) => void,
): Promise<Reply> {
  try {
    switch (request.call) {
      case 'status':
        return { id: request.id, ok: true, value: await server.status() };
      case 'sync':
        await server.sync(request.path, signal);
        return { id: request.id, ok: true };
      case 'failures': {
        const value = await server.failures(request.from, request.countMax);
        return { id: request.id, ok: true, value };
      }
      case 'metrics':
        return { id: request.id, ok: true, value: await server.metrics() };
      case 'pending': {
        const value = await server.pending(request.path, request.countMax);
        return { id: request.id, ok: true, value };
      }
      case 'settleConflict': {
        const { conflictId, how, as } = request;
        return {
          id: request.id,
          ok: true,
          value: await server.settleConflict(conflictId, how, as),
        };
      }
      case 'synchronization':
        return { id: request.id, ok: true, value: await server.synchronization() };
      case 'putSynchronization': {
        const value = await server.putSynchronization(request.document);
        return { id: request.id, ok: true, value };
      }
      case 'events':
        signal.addEventListener('abort', server.listen(tell), { once: true });
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
  failures(from: number, countMax: number): Promise<FailureList>;
  metrics(): Promise<FileSystemMetrics>;
  pending(path: string, countMax: number): Promise<PendingList>;
  settleConflict(id: string, how: ConflictEnd, as?: string): Promise<Settlement>;
  synchronization(): Promise<SynchronizationConfiguration>;
  putSynchronization(document: unknown): Promise<SynchronizationConfiguration>;
  /** Calls `listener` with every event of the server from when this resolves until the connection ends. */
  listen(listener: (event: FileSystemServerEvent) => void): Promise<void>;
  stop(o?: { drain?: boolean }): Promise<void>;
  /** Hangs up. */
  close(): void;
}

/** Rejects with SERVER_GONE when nobody listens at `path`. */
export async function connectToControl(path: string): Promise<FileSystemControl> {
  const socket = createConnection(path);
  const waiting = new Map<number, (reply: Reply) => void>();
  const listeners: ((event: FileSystemServerEvent) => void)[] = [];
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
    const said = JSON.parse(line) as Reply | { event: FileSystemServerEvent };
    if ('event' in said) {
      for (const listener of listeners) listener(said.event);
      return;
    }
    waiting.get(said.id)?.(said);
    waiting.delete(said.id);
  });
  const ask = async (call: Call): Promise<unknown> => {
    const id = nextId++;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    waiting.set(id, resolve);
    socket.write(`${JSON.stringify({ id, ...call })}\n`);
    if (socket.destroyed) gone();
    const reply = await promise;
    if (reply.ok) return reply.value;
    throw new FileSystemServerError(reply.code, reply.message, reply.failures);
  };
  return {
    status: async () => (await ask({ call: 'status' })) as FileSystemStatus,
    sync: async (file = '/') => void (await ask({ call: 'sync', path: file })),
    failures: async (from, countMax) =>
      (await ask({ call: 'failures', from, countMax })) as FailureList,
    metrics: async () => (await ask({ call: 'metrics' })) as FileSystemMetrics,
    pending: async (file, countMax) =>
      (await ask({ call: 'pending', path: file, countMax })) as PendingList,
    settleConflict: async (conflictId, how, as) => {
      const call = { call: 'settleConflict' as const, conflictId, how };
      return (await ask(as === undefined ? call : { ...call, as })) as Settlement;
    },
    synchronization: async () =>
      (await ask({ call: 'synchronization' })) as SynchronizationConfiguration,
    putSynchronization: async (document) =>
      (await ask({ call: 'putSynchronization', document })) as SynchronizationConfiguration,
    listen: async (listener) => {
      listeners.push(listener);
      await ask({ call: 'events' });
    },
    stop: async (o = {}) => void (await ask({ call: 'stop', drain: o.drain ?? false })),
    close: () => socket.end(),
  };
}
