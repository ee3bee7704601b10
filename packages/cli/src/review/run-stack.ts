// The stack of one run: brought up from its directory, with everything it needs to go on.
import { fileURLToPath } from 'node:url';
import type { FileSystemServer, Stack, StackOptions } from '@moorage/stack';
import { CommandError, EXIT } from '../command-line/outcome.ts';
import { systemClock } from '../system-clock.ts';
import type { RunDirectory, RunRequest } from './run-directory.ts';

export interface RunStackOptions {
  readonly run: RunDirectory;
  readonly request: RunRequest;
  readonly cacheDir: string;
  readonly timeScale: number | undefined;
  readonly signal: AbortSignal;
  readonly log: StackOptions['log'];
}

const STACK_NAME = 'code-review';
/** Exports that get no further for this long are not waited for. */
const STALLED_MS_MAX = 20_000;
const LOOK_MS = 1_000;

/** Throws what `startStack` throws. Executions that had not ended go on. */
export async function startRunStack(o: RunStackOptions): Promise<Stack> {
  const { startStack } = await import('@moorage/stack');
  return startStack({
    templateFile: fileURLToPath(
      new URL('../template.yaml', import.meta.resolve('@moorage/code-review')),
    ),
    stackName: STACK_NAME,
    stateDir: o.run.stack,
    cacheDir: o.cacheDir,
    ...(o.request.bucket && { bucket: o.request.bucket }),
    ...(o.timeScale !== undefined && { timeScale: o.timeScale }),
    callerEnvironment: process.env,
    clock: systemClock,
    random: { uuid: () => crypto.randomUUID() },
    log: o.log,
    signal: o.signal,
  });
}

/** What did not get into the bucket, as an error to be thrown once everything is stopped. */
export async function syncAll(stack: Stack, signal: AbortSignal): Promise<Error | undefined> {
  const stalled = new AbortController();
  const limited = AbortSignal.any([signal, stalled.signal]);
  const servers = [...stack.fileSystems.values()];
  const watch = watchProgress(servers, () => stalled.abort(new Error('it gets no further')));
  try {
    await Promise.all(servers.map((server) => server.sync('/', limited)));
    return undefined;
  } catch (error) {
    return new CommandError(
      EXIT.incomplete,
      `The review is done, but not all of it is in the bucket: ${(error as Error).message}`,
      'When the bucket can be reached again, finish with --resume.',
    );
  } finally {
    clearInterval(watch);
  }
}

/** Calls `onStalled` when nothing has been exported for a while. */
function watchProgress(
  servers: readonly FileSystemServer[],
  onStalled: () => void,
): NodeJS.Timeout {
  let [exported, since] = [-1, systemClock.now()];
  return setInterval(async () => {
    const statuses = await Promise.allSettled(servers.map((server) => server.status()));
    const now = statuses.reduce(
      (sum, status) => sum + (status.status === 'fulfilled' ? status.value.exported : 0),
      0,
    );
    if (now !== exported) [exported, since] = [now, systemClock.now()];
    else if (systemClock.now() - since > STALLED_MS_MAX) onStalled();
  }, LOOK_MS);
}
