import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectToControl, listenForControl } from './control-socket.ts';
import { FileSystemServerError } from './file-system-server.ts';
import type { FileSystemServer, FileSystemStatus } from './file-system-server.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-control-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function fake(o: Partial<FileSystemServer>): FileSystemServer {
  const unused = (): Promise<never> => Promise.reject(new Error('not expected'));
  return {
    pid: 1,
    restarts: 0,
    mountPoint: '/m',
    ended: new Promise(() => {}),
    addAccessPoint: unused,
    sync: unused,
    status: unused,
    failures: unused,
    metrics: unused,
    pending: unused,
    settleConflict: unused,
    synchronization: unused,
    putSynchronization: unused,
    listen: () => () => {},
    stop: unused,
    ...o,
  };
}

test('calls reach the server and its answers and errors come back', async () => {
  const synced: string[] = [];
  const failure = { path: '/a', error: 'InternalError', message: 'no' };
  const server = fake({
    sync: async (path) => void synced.push(path!),
    status: async () => ({ pending: 3 }) as FileSystemStatus,
    stop: async () => {
      throw new FileSystemServerError('NOT_DRAINED', '3 changes are left', [failure]);
    },
  });
  const path = join(dir, 's');
  const listening = await listenForControl(server, path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const control = await connectToControl(path);
  await control.sync('/dir');
  expect(synced).toEqual(['/dir']);
  expect(await control.status()).toEqual({ pending: 3 });
  await expect(control.stop({ drain: true })).rejects.toMatchObject({
    code: 'NOT_DRAINED',
    message: '3 changes are left',
    failures: [failure],
  });
  control.close();
  await listening.close();
});

test('a client that hangs up ends what it waits for; a server that goes away ends its clients', async () => {
  const aborted = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const server = fake({
    sync: (_, signal) =>
      new Promise((__, reject) => {
        signal!.addEventListener('abort', () => {
          aborted.resolve();
          reject(signal!.reason as Error);
        });
        asked.resolve();
      }),
    status: () => new Promise(() => {}),
  });
  const path = join(dir, 's');
  const listening = await listenForControl(server, path);
  const control = await connectToControl(path);
  const waiting = control.sync();
  waiting.catch(() => {});
  await asked.promise;
  control.close();
  await aborted.promise;
  await expect(waiting).rejects.toMatchObject({ code: 'SERVER_GONE' });

  const second = await connectToControl(path);
  const status = second.status();
  status.catch(() => {});
  await listening.close();
  await expect(status).rejects.toMatchObject({ code: 'SERVER_GONE' });
  await expect(connectToControl(path)).rejects.toMatchObject({ code: 'SERVER_GONE' });
});
