// Brings the stack of a run up to run one of its executions again, and waits for the end of it.
import { CommandError, EXIT } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { Directories } from '../directories.ts';
import { Progress, type HistoryEvent } from '../review/progress.ts';
import { openRun, type RunDirectory } from '../review/run-directory.ts';
import { runLog } from '../review/run-log.ts';
import { startRunStack, syncAll } from '../review/run-stack.ts';
import { stackProblem } from '../stack-problem.ts';
import { stopSignals } from '../stop-signals.ts';
import { systemClock } from '../system-clock.ts';

export interface Again {
  readonly run: RunDirectory;
  readonly arn: string;
  readonly how: 'retry' | 'fork';
  readonly fromStep: string | undefined;
}

export interface EndedExecution {
  readonly execution: string;
  readonly name: string;
  readonly status: string;
  readonly result?: unknown;
  readonly error?: string;
}

export async function runAgain(
  { run, arn, how, fromStep }: Again,
  places: Directories,
  terminal: Terminal,
): Promise<EndedExecution> {
  const { request } = openRun(places.data, run.runId);
  const signal = stopSignals(terminal, () => {});
  const progress = new Progress(terminal, systemClock.now);
  const stack = await startRunStack({
    ...{ run, request, signal, cacheDir: places.cache, log: runLog(run) },
  }).catch((error: unknown) => {
    throw stackProblem(error);
  });
  const { durable } = stack;
  let followed = '';
  const stopWatching = durable.watch((notice) => {
    if (notice.executionArn === followed) progress.event(notice.event as HistoryEvent);
  });
  try {
    const begun = durable[how](arn, fromStep === undefined ? {} : { fromStep });
    followed = (await begun).executionArn;
    const { name } = durable.get(followed);
    terminal.note(`Execution ${name}`);
    const aborted = new Promise<never>((_, reject) => {
      const any = AbortSignal.any([signal, stack.lost]);
      any.addEventListener('abort', () => reject(any.reason as Error), { once: true });
    });
    const ended = await Promise.race([durable.waitFor(followed), aborted]);
    const unsynced = await syncAll(stack, signal);
    if (unsynced) throw unsynced;
    return {
      execution: followed,
      name,
      status: ended.status,
      ...(ended.result !== undefined && { result: JSON.parse(ended.result) as unknown }),
      ...(ended.error && { error: `${ended.error.ErrorType}: ${ended.error.ErrorMessage}` }),
    };
  } catch (error) {
    if (!signal.aborted) throw stackProblem(error);
    throw new CommandError(
      EXIT.incomplete,
      'Interrupted. What it had done is kept.',
      `It goes on when the run is brought up again: moorage review --resume ${run.runId}`,
    );
  } finally {
    stopWatching();
    progress.close();
    await stack.stop();
  }
}
