/** `node guard-main.ts DIRECTORY`: waits for the end of its standard input, then clears up: see guard.ts. */
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const directory = process.argv[2]!;
for await (const _ of process.stdin);
end();
for (const mountPoint of mountPoints())
  await promisify(execFile)('umount', ['--lazy', mountPoint], { cwd: '/' });
// Those that were started while the others were being ended, or live as long as their mount.
end();
await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });

/** Ends processes that were given the directory, or something in it, as an argument or in their environment. */
function end(): void {
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      if (said(pid, 'cmdline').includes(directory) || said(pid, 'environ').includes(directory))
        process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

function said(pid: number, file: 'cmdline' | 'environ'): string {
  return readFileSync(`/proc/${pid}/${file}`, 'utf8');
}

/** Below the directory, the innermost first. */
function mountPoints(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const points = lines.map((line) => line.split(' ')[4] ?? '');
  return points.filter((point) => point.startsWith(`${directory}/`)).toReversed();
}
