// Executions of all runs: names are accepted wherever an execution is meant.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { usageError } from '../command-line/outcome.ts';
import { runDirectory, type RunDirectory } from '../review/run-directory.ts';
import { ExecutionsApi, NotThere, type ListedExecution } from './api.ts';

/** Runs with executions, newest first; only the one given by its id, if any. */
export function runsOf(dataDir: string, runId: string | undefined): RunDirectory[] {
  const directory = path.join(dataDir, 'runs');
  const all = existsSync(directory) ? readdirSync(directory).sort().reverse() : [];
  const runs = all
    .filter((name) => runId === undefined || name === runId)
    .map((name) => runDirectory(dataDir, name))
    .filter(({ stack }) => existsSync(path.join(stack, 'executions')));
  if (runs.length === 0 && runId !== undefined) {
    throw usageError(`There is no run ${JSON.stringify(runId)} in ${directory}.`);
  }
  return runs;
}

export interface FoundExecution {
  readonly run: RunDirectory;
  readonly api: ExecutionsApi;
  readonly execution: ListedExecution;
}

/** Calls `use` with the execution of this name, ARN, or last part of an ARN; then hangs up. */
export async function withExecution<T>(
  runs: readonly RunDirectory[],
  wanted: string,
  use: (found: FoundExecution) => Promise<T>,
): Promise<T> {
  // A run's own execution has the run's name: most often it is found without looking further.
  const likely = [...runs].sort((a, b) => Number(b.runId === wanted) - Number(a.runId === wanted));
  for (const run of likely) {
    const api = await ExecutionsApi.open(run.stack);
    try {
      const execution = (await api.list()).find((candidate) => isCalled(candidate, wanted));
      if (execution) return await use({ run, api, execution });
    } finally {
      await api.close();
    }
  }
  throw usageError(`There is no execution ${JSON.stringify(wanted)}.`, 'moorage executions list');
}

/** Calls `use` for each run until one has what it looks for. */
export async function withFirstRun<T>(
  runs: readonly RunDirectory[],
  what: string,
  use: (api: ExecutionsApi) => Promise<T>,
): Promise<T> {
  for (const run of runs) {
    const api = await ExecutionsApi.open(run.stack);
    try {
      return await use(api);
    } catch (error) {
      if (!(error instanceof NotThere)) throw error;
    } finally {
      await api.close();
    }
  }
  throw usageError(`There is no ${what}.`, 'moorage executions list');
}

function isCalled(execution: ListedExecution, wanted: string): boolean {
  const { DurableExecutionArn: arn, DurableExecutionName: name } = execution;
  return wanted === name || wanted === arn || wanted === arn.slice(arn.lastIndexOf('/') + 1);
}
