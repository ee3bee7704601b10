import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { Guard } from './guard.ts';

const msMax = { timeout: 20_000 };

/** A directory with a mount in a mount, and a process that stays in the background. */
function leftBehind(): { directory: string; processes: () => number } {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'moorage-guard-'));
  for (const mountPoint of [join(directory, 'a'), join(directory, 'a', 'b')]) {
    mkdirSync(mountPoint);
    execFileSync('mount', ['-t', 'tmpfs', 'none', mountPoint]);
  }
  const env = { ...process.env, XDG_DATA_HOME: join(directory, 'data') };
  const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', env });
  let alive = 1;
  child.on('exit', () => (alive = 0)).unref();
  return { directory, processes: () => alive };
}

function isMountedBelow(directory: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${directory}/`);
}

test('a benchmark that is killed leaves no mount, no process and no directory', async () => {
  const { directory, processes } = leftBehind();
  const script = `
    import { Guard } from ${JSON.stringify(new URL('./guard.ts', import.meta.url).pathname)};
    new Guard(process.env.GUARDED);
    console.log('guarded');
    setInterval(() => undefined, 1000);`;
  const benchmark = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, GUARDED: directory },
  });
  await once(benchmark.stdout, 'data');
  expect(isMountedBelow(directory)).toBe(true);
  benchmark.kill('SIGKILL');
  await vi.waitFor(() => expect(existsSync(directory)).toBe(false), msMax);
  expect(isMountedBelow(directory)).toBe(false);
  await vi.waitFor(() => expect(processes()).toBe(0), msMax);
});

test('one that ends is cleared up after as well', async () => {
  const { directory, processes } = leftBehind();
  await new Guard(directory).end();
  expect([existsSync(directory), isMountedBelow(directory)]).toEqual([false, false]);
  await vi.waitFor(() => expect(processes()).toBe(0), msMax);
});
