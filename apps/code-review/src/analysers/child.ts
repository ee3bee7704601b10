/**
 * Runs an analyser that is a program of its own: in an empty directory (so that it finds no configuration),
 * with an empty environment, its output bounded and its time limited.
 */
import { spawn } from 'node:child_process';

const outputBytesMax = 256 * 1024 * 1024;

export interface ChildResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function runChild(
  command: readonly [string, ...string[]],
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<ChildResult> {
  const [file, ...before] = command;
  const child = spawn(file, [...before, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: cwd, LC_ALL: 'C', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > outputBytesMax) child.kill('SIGKILL');
    else chunks.push(chunk);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-8192);
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      if (error.name !== 'AbortError') reject(error);
    });
    child.on('close', (status) => {
      resolve({ status, stdout: Buffer.concat(chunks).toString(), stderr });
    });
  });
}
