/** A file system in user space that is not ours: a program in the foreground that mounts a directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { timed } from '../pinned.ts';
import { treeCpuMs } from '../processes.ts';
import { dropKernelCaches } from './caches.ts';
import type { Place, PlaceOptions } from './place.ts';

export interface ForeignMount {
  name: string;
  mountPoint: string;
  /** The program with its arguments; it stays in the foreground. */
  command: readonly string[];
  environment?: Readonly<Record<string, string>>;
  /** What it keeps: removed to make it cold. */
  cache?: string;
  settle(): Promise<void>;
}

const mountMsMax = 15_000;
const stopMsMax = 3_000;

export async function foreignMount(o: ForeignMount, { prefix }: PlaceOptions): Promise<Place> {
  await mkdir(o.mountPoint, { recursive: true });
  let child = await start(o, prefix);
  return {
    name: o.name,
    directory: o.mountPoint,
    cpuMs: () => treeCpuMs(child.pid!),
    settle: o.settle,
    async cool() {
      await stop(child, o.mountPoint);
      if (o.cache !== undefined) await rm(o.cache, { recursive: true, force: true });
      await dropKernelCaches();
      child = await start(o, prefix);
    },
    close: () => stop(child, o.mountPoint),
  };
}

async function start(o: ForeignMount, prefix: readonly string[]): Promise<ChildProcess> {
  const [program, ...rest] = [...prefix, ...o.command];
  const child = spawn(program!, rest, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    // Not AWS's variables: they mean other things to other programs.
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...o.environment },
  });
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
  const deadline = Date.now() + mountMsMax;
  while (!(await readFile('/proc/self/mountinfo', 'utf8')).includes(` ${o.mountPoint} `)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${o.name} did not mount: ${said}`);
    }
    await sleep(10);
  }
  return child;
}

async function stop(child: ChildProcess, mountPoint: string): Promise<void> {
  const ended = child.exitCode === null ? once(child, 'exit') : undefined;
  await timed([], 'umount', mountPoint).catch(() => timed([], 'umount', '--lazy', mountPoint));
  // The mount may live on in the mount namespace of somebody else, and its program with it.
  child.kill('SIGTERM');
  const stuck = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await ended;
  clearTimeout(stuck);
}
