import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FINISHED_RUNS_MAX, UNFINISHED_DAYS_MAX, removeOldRuns } from './old-runs.ts';
import {
  markFinished,
  requestFile,
  runDirectory,
  saveRequest,
  type RunDirectory,
} from './run-directory.ts';
import { holdRun } from './run-lock.ts';

const NOW_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'mr-old-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** A run that was last used so many days ago. */
function plant(number: number, days: number, finished: boolean): RunDirectory {
  const run = runDirectory(dataDir, `20260101t000000000-${String(number).padStart(10, '0')}`);
  saveRequest(run, { format: 1, createdAt: 0, repository: '/x' });
  if (finished) markFinished(run, 1);
  mkdirSync(path.join(run.stack, 'mounts', 'fs'), { recursive: true });
  const used = new Date(NOW_MS - days * DAY_MS);
  utimesSync(requestFile(run), used, used);
  return run;
}

function left(): string[] {
  return readdirSync(path.join(dataDir, 'runs')).sort();
}

test('the newest finished runs are kept, whatever their age, and unfinished ones by theirs', () => {
  const finished = Array.from({ length: FINISHED_RUNS_MAX + 3 }, (_, i) => plant(i, 100 + i, true));
  const young = plant(100, UNFINISHED_DAYS_MAX - 1, false);
  plant(101, UNFINISHED_DAYS_MAX + 1, false);
  removeOldRuns(dataDir, NOW_MS);
  const kept = [...finished.slice(0, FINISHED_RUNS_MAX), young];
  expect(left()).toEqual(kept.map(({ runId }) => runId).sort());
});

test('a run that is taken up again is as young as a new one', async () => {
  const run = plant(1, 400, false);
  plant(2, 400, false);
  await holdRun(run);
  removeOldRuns(dataDir, Date.now());
  expect(left()).toEqual([run.runId]);
});

test('what is alive, what cannot be read and what is no run stay; what was left half removed goes', () => {
  const alive = plant(1, 400, false);
  writeFileSync(
    path.join(alive.stack, 'endpoint.json'),
    JSON.stringify({ endpoint: 'http://127.0.0.1:1', pid: process.pid }),
  );
  const strange = plant(2, 400, false);
  writeFileSync(requestFile(strange), '{');
  const half = plant(3, 400, false).path;
  rmSync(path.join(half, 'request.json'));
  const foreign = path.join(dataDir, 'runs', 'notes');
  mkdirSync(foreign);
  const removed = path.join(dataDir, 'runs', '.removed-20260101t000000000-0000000004');
  mkdirSync(path.join(removed, 'stack'), { recursive: true });
  removeOldRuns(dataDir, NOW_MS);
  for (const directory of [alive.path, strange.path, half, foreign]) {
    expect(existsSync(directory)).toBe(true);
  }
  expect(existsSync(removed)).toBe(false);
});

test('a data directory that is not there is none of its business', () => {
  removeOldRuns(path.join(dataDir, 'absent'), NOW_MS);
  expect(existsSync(path.join(dataDir, 'absent'))).toBe(false);
});
