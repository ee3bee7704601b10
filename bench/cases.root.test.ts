/** Every case runs, at a size that says nothing of speed: so that none rots between two measurements. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { CASES } from './cases.ts';

const run = new URL('./run.ts', import.meta.url).pathname;
const LIMIT_MS = 240_000;

test.each(Object.keys(CASES))(
  '%s',
  async (name) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [run, name, '--smoke', '--json'],
      { timeout: LIMIT_MS },
    );
    const rows = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { case: string; median: number });
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(row.case).toBe(name);
      expect(row.median).toBeGreaterThanOrEqual(0);
    }
  },
  LIMIT_MS,
);
