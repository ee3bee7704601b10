/** CPU time and memory of processes and what they started, from /proc. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const tickMs = 10;

/** User and system time of a process and its descendants, in ms. */
export async function treeCpuMs(root: number): Promise<number> {
  let ticks = 0;
  for (const { fields } of await tree(root)) ticks += Number(fields[11]) + Number(fields[12]);
  return ticks * tickMs;
}

/** Of a process and its descendants together, in MiB: resident memory that is not shared with a file. */
export async function treeMemoryMiB(root: number): Promise<number> {
  let kib = 0;
  for (const { pid } of await tree(root)) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    kib += Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0);
  }
  return kib / 1024;
}

interface Process {
  pid: number;
  /** Of /proc/PID/stat, from the state on. */
  fields: string[];
}

async function tree(root: number): Promise<Process[]> {
  const all: Process[] = [];
  for (const name of await readdir('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (stat !== undefined)
      all.push({ pid, fields: stat.slice(stat.lastIndexOf(')') + 2).split(' ') });
  }
  const found = all.filter(({ pid }) => pid === root);
  for (const parent of found)
    found.push(...all.filter(({ fields }) => Number(fields[1]) === parent.pid));
  return found;
}

/** Whether a program is installed. */
export async function isInstalled(program: string): Promise<boolean> {
  return promisify(execFile)('sh', ['-c', `command -v ${program}`]).then(
    () => true,
    () => false,
  );
}
