// Files into and out of the mounted workspace, by child processes only.
//
// The supervisor must never have a file of the mount open, not even for a moment: a child that is being
// spawned inherits it and closes it before its program starts, which is a request to the file system
// server. Should that have died just then, the supervisor would wait in spawn() for a server that only
// it can start again.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { killGroup } from './process-group.ts';

/** Copies a directory tree to a path whose parents are made. An earlier copy is replaced. */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  const script = 'mkdir -p -- "${2%/*}" && rm -rf -- "$2" && cp -R -- "$1" "$2"';
  await run(['sh', '-c', script, 'copy', from, to], signal);
}

/** Copies files of one directory of the workspace into one outside of it, which is made. */
export async function copyFiles(
  from: string,
  names: readonly string[],
  to: string,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(to, { recursive: true });
  await run(['cp', '--', ...names.map((name) => `${from}/${name}`), to], signal);
}

export async function isThere(file: string, signal: AbortSignal): Promise<boolean> {
  try {
    await run(['test', '-e', file], signal);
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

export async function removeTree(directory: string, signal: AbortSignal): Promise<void> {
  await run(['rm', '-rf', '--', directory], signal);
}

async function run(command: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(command[0] as string, command.slice(1), {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const stop = (): void => killGroup(child);
  signal.addEventListener('abort', stop, { once: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status) => {
        if (status === 0) resolve();
        else
          reject(new Error(`the workspace cannot be used: ${said.trim() || `status ${status}`}`));
      });
    });
  } finally {
    signal.removeEventListener('abort', stop);
  }
  signal.throwIfAborted();
}
