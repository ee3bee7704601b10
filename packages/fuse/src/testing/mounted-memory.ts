/** A `MemoryFileSystem` mounted for a test, served by a process of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openAndMount, unmount } from '../mount.ts';

export interface Ran {
  code: number | null;
  signal: string | null;
  out: string;
}

export interface MountedMemory {
  dir: string;
  /** Runs a shell script in the mount; never touches the mount from this process. */
  run(script: string): Promise<Ran>;
  /** Says a line to the server (serve-memory.ts). */
  say(line: string): void;
  /** Resolves with the first line from the server that begins so. */
  heard(prefix: string): Promise<string>;
  /** kill -9, then another server on the same mount. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const runMsMax = 20_000;

export async function mountMemory(): Promise<MountedMemory> {
  const dir = mkdtempSync(join(tmpdir(), 'moorage-fuse-'));
  const mount = await openAndMount({ dir, fsName: 'memory' });
  let lines: string[] = [];
  let waiting: (() => void)[] = [];
  let server: ChildProcess;

  const start = (session: string): void => {
    const main = fileURLToPath(new URL('./serve-memory.ts', import.meta.url));
    server = spawn(process.execPath, [main, session], {
      stdio: ['pipe', 'pipe', 'inherit', mount.fd],
    });
    lines = [];
    let rest = '';
    server.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
      for (const wake of waiting.splice(0)) wake();
    });
    server.stdin!.on('error', () => {});
  };
  const heard = async (prefix: string): Promise<string> => {
    for (;;) {
      const line = lines.find((l) => l.startsWith(prefix));
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const killed = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  };

  start('-');
  const session = (await heard('session ')).slice('session '.length);
  return {
    dir,
    run: (script) => runShell(script, dir),
    say: (line) => void server.stdin!.write(`${line}\n`),
    heard,
    async restart() {
      await killed();
      start(session);
    },
    async close() {
      await unmount(dir, { lazy: true });
      await killed();
      closeSync(mount.fd);
      waiting = [];
      rmdirSync(dir);
    },
  };
}

function runShell(script: string, cwd: string): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  // The shell itself changes directory: the parent must not look at the mount.
  const child = spawn('bash', ['-c', `cd "$0" || exit 99\n${script}`, cwd], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (out += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), runMsMax);
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    resolve({ code, signal, out });
  });
  return promise;
}
