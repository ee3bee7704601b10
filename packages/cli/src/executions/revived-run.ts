// The stack of a run that is not alive, brought up for as long as something new is run in it.
import type { Stack } from '@moorage/stack';
import { directories } from '../directories.ts';
import { copyReport } from '../review/report-copy.ts';
import { openRun } from '../review/run-directory.ts';
import { holdRun } from '../review/run-lock.ts';
import { runLog } from '../review/run-log.ts';
import { startRunStack, syncAll } from '../review/run-stack.ts';
import { stackProblem } from '../stack-problem.ts';
import type { Run } from './runs.ts';

export interface RevivedRun {
  readonly endpoint: string;
  /** Aborted when a part of the stack is lost, or the command is to stop. */
  readonly gone: AbortSignal;
  /**
   * Everything written is in the bucket, and the run's own copy of the report is what the workspace
   * has. Throws when it does not get there.
   */
  sync(): Promise<void>;
  /** Whatever had not ended goes on with the next start. */
  stop(): Promise<void>;
}

/** Throws a CommandError when the stack cannot be brought up, or another process is at work on the run. */
export async function reviveRun(
  { dataDir, runId }: Run,
  o: { timeScale: number | undefined; signal: AbortSignal },
): Promise<RevivedRun> {
  const { run, request } = openRun(dataDir, runId);
  await holdRun(run);
  let stack: Stack;
  try {
    stack = await startRunStack({
      run,
      request,
      cacheDir: directories(process.env).cache,
      timeScale: o.timeScale,
      signal: o.signal,
      log: runLog(run),
    });
  } catch (error) {
    throw stackProblem(error);
  }
  const gone = AbortSignal.any([o.signal, stack.lost]);
  return {
    endpoint: stack.endpoint,
    gone,
    async sync() {
      const [problem] = await Promise.all([
        syncAll(stack, gone),
        copyReport(stack, runId, [run.report], gone),
      ]);
      if (problem) throw problem;
    },
    stop: () => stack.stop(),
  };
}
