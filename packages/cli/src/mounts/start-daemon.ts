// Starts the daemon of a mount and waits until it has mounted or says why not.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DaemonOutcome, DaemonRequest } from './daemon.ts';
import type { MountRequest } from './serve-mount.ts';

/** Rejects with an error of the daemon's name and message. */
export async function startDaemon(mount: MountRequest, signal: AbortSignal): Promise<void> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const directory = path.join(mount.dataDir, 'mounts');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL(`./daemon.${extension}`, import.meta.url))],
    // Of a session of its own and without anything of the terminal: it outlives both.
    { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'], cwd: '/' },
  );
  const request: DaemonRequest = { mount, logFile: path.join(directory, `${mount.id}.log`) };
  child.send(request, () => {});
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const outcome = await new Promise<DaemonOutcome>((resolve) => {
    child.once('message', (message) => resolve(message as DaemonOutcome));
    child.once('error', (error) => resolve({ ok: false, name: 'Error', message: error.message }));
    child.once('exit', (code, name) => {
      const message = `the process of the mount ended (${name ?? `exit code ${code}`})`;
      resolve({ ok: false, name: 'Error', message });
    });
  });
  signal.removeEventListener('abort', stop);
  if (child.connected) child.disconnect();
  child.unref();
  if (outcome.ok) return;
  const error: NodeJS.ErrnoException = new Error(outcome.message);
  error.name = outcome.name;
  if (outcome.code !== undefined) error.code = outcome.code;
  throw error;
}
