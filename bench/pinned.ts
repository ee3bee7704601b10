/**
 * Work in processes of its own, kept on one processor: waking a server on another processor costs ten times what
 * the request does, for every file system in user space alike, and comes and goes with the scheduler's mood.
 * Nothing here touches a mount itself.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Figures } from './case.ts';

const execute = promisify(execFile);
const outputBytesMax = 256 * 1024 * 1024;
const work = new URL('./work.ts', import.meta.url).pathname;

export const ONE_PROCESSOR: readonly string[] = ['taskset', '-c', '0'];
/** Where server, store and client are to run side by side. */
export const ANY_PROCESSOR: readonly string[] = [];

/** Runs a program, its working directory `/`; rejects when it fails. Returns the milliseconds it took. */
export async function timed(prefix: readonly string[], ...command: string[]): Promise<number> {
  const [program, ...rest] = [...prefix, ...command];
  const start = performance.now();
  await execute(program!, rest, { cwd: '/', maxBuffer: outputBytesMax });
  return performance.now() - start;
}

/** Runs one of work.ts's jobs, which measures itself: what starting Node costs is not in it. */
export async function job(prefix: readonly string[], ...args: string[]): Promise<Figures> {
  const [program, ...rest] = [...prefix, process.execPath, work, ...args];
  const { stdout } = await execute(program!, rest, {
    cwd: '/',
    env: { ...process.env, UV_THREADPOOL_SIZE: '16' },
  });
  return JSON.parse(stdout) as Figures;
}
