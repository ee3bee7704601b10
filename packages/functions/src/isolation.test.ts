import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { configuration, eventually, processesWith } from './fixture.ts';
import type { FunctionConfiguration } from './function-configuration.ts';
import { probeIsolation, type IsolationKind } from './isolation.ts';

const PROGRAM = fileURLToPath(new URL('./host-process-fixture.ts', import.meta.url));
const run = promisify(execFile);
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-isolation-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function define(source: string, more: Partial<FunctionConfiguration> = {}): FunctionConfiguration {
  const codeDir = join(dir, 'code');
  mkdirSync(codeDir);
  writeFileSync(join(codeDir, 'index.mjs'), source);
  return configuration('isolated', codeDir, more);
}

const command = (f: FunctionConfiguration, isolation?: IsolationKind): string[] => [
  process.execPath,
  PROGRAM,
  join(dir, 'host'),
  JSON.stringify({ f, isolation }),
];

const LOOK = `
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
export const handler = async () => {
  const attempt = (fn) => { try { return fn(); } catch (error) { return error.code; } };
  writeFileSync('/mnt/data/written', 'by the function');
  return {
    mnt: readdirSync('/mnt').toSorted(),
    data: readdirSync('/mnt/data'),
    hidden: attempt(() => readdirSync(process.env.HIDDEN)),
    unmount: attempt(() => execFileSync('umount', ['/mnt'], { stdio: 'ignore' }) && 'unmounted'),
    processes: readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).length,
    temporary: attempt(() => writeFileSync(process.env.TMPDIR + '/mine', '') ?? 'written'),
    status: readFileSync('/proc/self/status', 'utf8'),
  };
};`;

interface Seen {
  mnt: string[];
  data: string[];
  hidden: string[] | string;
  unmount: unknown;
  processes: number;
  temporary: string;
  status: string;
}

test('in a user namespace a worker sees its binds and not what is hidden', async () => {
  const source = join(dir, 'mount', 'view');
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, 'from-host'), '');
  const f = define(LOOK, {
    binds: [{ source, target: '/mnt/data' }],
    hidden: [join(dir, 'mount')],
    env: { HIDDEN: join(dir, 'mount') },
    user: { uid: 12_345, gid: 12_345 },
  });
  // What this machine allows decides what the host finds: as a rule it may, somewhere it may not.
  const able = (await probeIsolation()).kind !== 'none';
  const shell = able ? ['unshare', '--user', '--map-root-user', '--mount', '--'] : [];
  const [file, ...args] = [...shell, ...command(f)];
  const { stdout } = await run(file!, args, { timeout: 25_000 });
  const [first, ...rest] = lines(stdout);
  expect(first).toEqual({ isolation: able ? 'namespace' : 'none' });
  const seen = (rest.at(-1) as { value: Seen }).value;
  expect(seen.data.toSorted()).toEqual(['from-host', 'written']);
  expect(seen.mnt).toContain('data');
  expect(seen.hidden).toEqual([]);
  expect(seen.processes).toBeLessThanOrEqual(3);
  expect(seen.temporary).toBe('written');
  expect(seen.status).toMatch(/^CapEff:\t0+$/m);
  expect(seen.status).toMatch(/^NoNewPrivs:\t1$/m);
  expect(seen.unmount).not.toBe('unmounted');
  expect(readFileSync(join(source, 'written'), 'utf8')).toBe('by the function');
});

test('without namespaces, values that name a mount path are rewritten', async () => {
  const source = join(dir, 'view');
  mkdirSync(source);
  const f = define(
    `export const handler = async () => [process.env.WORK, process.env.DEEP, process.env.OTHER];`,
    {
      binds: [{ source, target: '/mnt/work' }],
      env: { WORK: '/mnt/work', DEEP: '/mnt/work/a/b', OTHER: '/mnt/workshop' },
    },
  );
  const [file, ...args] = command(f, 'none');
  const { stdout } = await run(file!, args, { timeout: 25_000 });
  expect(lines(stdout).at(-1)).toEqual({ value: [source, `${source}/a/b`, '/mnt/workshop'] });
});

const LEAVES_CHILDREN = (marker: string, detached: boolean): string => `
import { spawn } from 'node:child_process';
export const handler = async () => {
  const script = 'setInterval(() => {}, 1000)';
  spawn(process.execPath, ['-e', script, '${marker}'], { stdio: 'ignore', detached: ${detached} });
  spawn(process.execPath, ['-e', script, '${marker}'], { stdio: 'inherit' });
  console.log('children started');
  for (;;);
};`;

test.each([
  ['namespaces', undefined, true],
  ['a watchdog', 'none' as const, false],
])('a host killed with -9 leaves no process behind: %s', async (_, isolation, detached) => {
  const marker = `orphan-${process.pid}-${Date.now()}`;
  const f = define(LEAVES_CHILDREN(marker, detached));
  const [file, ...args] = command(f, isolation);
  const host = spawn(file!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  host.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually(() => output.includes('children started'));
  // The host itself carries the function's code directory in its arguments, the worker in its own.
  expect(processesWith(marker).length).toBeGreaterThanOrEqual(2);
  expect(processesWith(join(dir, 'code')).length).toBeGreaterThanOrEqual(2);
  host.kill('SIGKILL');
  await eventually(() => processesWith(marker).length + processesWith(dir).length === 0);
});

function lines(stdout: string): unknown[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
    .filter((value) => !(value as object).hasOwnProperty.call(value, 'line'));
}
