// Runs that nobody will look at again. Each holds a store, a journal and a workspace of its own, tens of
// megabytes and more, so they cannot be kept for ever.
//
// Of finished runs the newest are kept; one that --resume could still finish is kept by its age. When a run was
// last used is when its request was written or taken up again. A run is first renamed, so that one which is half
// removed is never taken for a run.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { mountedAt } from '@moorage/stack/mount-table';
import { isRunId } from '@moorage/workspace';
import { allRuns } from '../executions/runs.ts';
import { requestFile, runDirectory, type RunRequest } from './run-directory.ts';

export const FINISHED_RUNS_MAX = 20;
export const UNFINISHED_DAYS_MAX = 30;

const DAY_MS = 86_400_000;
const LEFT = /^\.removed-(.*)$/;

/** Removes what is too old. `nowMs` in milliseconds since the epoch. Never throws: the next review tries again. */
export function removeOldRuns(dataDir: string, nowMs: number): void {
  try {
    const runs = path.join(dataDir, 'runs');
    for (const name of readdirSync(runs)) {
      if (isRunId(LEFT.exec(name)?.[1] ?? '')) remove(path.join(runs, name));
    }
    for (const runId of oldRuns(dataDir, nowMs)) {
      const left = path.join(runs, `.removed-${runId}`);
      renameSync(path.join(runs, runId), left);
      remove(left);
    }
  } catch {
    // Somebody else's, or another review removes the same.
  }
}

/** Only idle runs, whose request can be read. */
function oldRuns(dataDir: string, nowMs: number): string[] {
  const known = allRuns(dataDir)
    .filter(({ endpoint, stack }) => endpoint === undefined && !holdsMount(stack))
    .flatMap(({ runId }) => lastUse(dataDir, runId));
  const finished = known.filter((run) => run.finished).sort((a, b) => b.usedMs - a.usedMs);
  const unfinished = known.filter((run) => !run.finished);
  return [
    ...finished.slice(FINISHED_RUNS_MAX),
    ...unfinished.filter(({ usedMs }) => nowMs - usedMs > UNFINISHED_DAYS_MAX * DAY_MS),
  ].map(({ runId }) => runId);
}

interface LastUse {
  readonly runId: string;
  readonly finished: boolean;
  readonly usedMs: number;
}

function lastUse(dataDir: string, runId: string): LastUse[] {
  const file = requestFile(runDirectory(dataDir, runId));
  try {
    const request = JSON.parse(readFileSync(file, 'utf8')) as RunRequest;
    return [{ runId, finished: request.finishedAt !== undefined, usedMs: statSync(file).mtimeMs }];
  } catch {
    return [];
  }
}

/** Removing a mount's directory would remove what is in the bucket. */
function holdsMount(stack: string): boolean {
  const mounts = path.join(stack, 'mounts');
  if (!existsSync(mounts)) return false;
  return readdirSync(mounts).some((name) => mountedAt(path.join(mounts, name)) !== undefined);
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}
