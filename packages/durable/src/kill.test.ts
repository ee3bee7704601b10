/** The host's process is killed with SIGKILL over and over while it works, on the real clock. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CRASH_RESULT } from './testing/crash-workflow.ts';

const MAIN = fileURLToPath(new URL('./testing/kill-host-main.ts', import.meta.url));
/** Bytes the journal grows by before the next kill: taking up costs some, too. */
const GROWTH_BYTES = 2500;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kill-'));
});
afterEach(() => rm(dir, { recursive: true }));

test('killed again and again, the workflow ends right', { timeout: 120_000 }, async () => {
  let kills = 0;
  for (;;) {
    const { output, killed } = await runUntil((await journalBytes()) + GROWTH_BYTES);
    if (!killed) {
      expect(JSON.parse(output)).toEqual(CRASH_RESULT);
      break;
    }
    kills++;
  }
  expect(kills).toBeGreaterThan(3);
  const effects = (await readFile(join(dir, 'effects'), 'utf8')).trimEnd().split('\n');
  expect(effects.filter((line) => line.startsWith('AGAIN'))).toEqual([]);
});

/** Runs the host until it ends, or kills it once its journal has the given size. */
async function runUntil(bytes: number): Promise<{ output: string; killed: boolean }> {
  const child = spawn(process.execPath, [MAIN, dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const watch = setInterval(() => {
    void journalBytes().then((size) => {
      if (size >= bytes) child.kill('SIGKILL');
    });
  }, 1);
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearInterval(watch);
  return { output, killed: signal === 'SIGKILL' };
}

async function journalBytes(): Promise<number> {
  const found = await stat(join(dir, 'journal', 'segment-00000001')).catch(() => undefined);
  return found?.size ?? 0;
}
