// The process that `moorage mount` leaves behind. Started with an IPC channel: the request comes over
// it, the outcome goes back, then the channel is closed and the command that started it ends.
import { logFile, type Log } from './log-file.ts';
import { serveMount, type MountRequest, type ServedMount } from './serve-mount.ts';

export type DaemonOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly name: string; readonly message: string; readonly code?: string };

export interface DaemonRequest {
  readonly mount: MountRequest;
  readonly logFile: string;
}

/** On SIGTERM (shutdown of the machine) this long is spent on exports; the rest waits for the next mount. */
const DRAIN_MS_MAX = 10_000;

process.once('message', (message) => void serve(message as DaemonRequest));
process.once('disconnect', () => {
  // The command was killed before it could hear the outcome: nobody knows of the mount.
  if (!answered) process.exit(1);
});
process.on('SIGHUP', () => {});

let answered = false;

async function serve({ mount, logFile: path }: DaemonRequest): Promise<void> {
  const log = logFile(path);
  let served: ServedMount;
  try {
    served = await serveMount(mount, log);
  } catch (error) {
    const { name, message, code } = error as NodeJS.ErrnoException;
    answer({ ok: false, name, message, ...(code !== undefined && { code }) });
    return;
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void stop(served, log));
  }
  answer({ ok: true });
  await served.ended;
  process.exit(0);
}

async function stop({ server }: ServedMount, log: Log): Promise<void> {
  try {
    await server.stop({ drain: true, signal: AbortSignal.timeout(DRAIN_MS_MAX) });
  } catch (error) {
    log('warn', (error as Error).message);
    await server.stop();
  }
}

function answer(outcome: DaemonOutcome): void {
  answered = true;
  process.send?.(outcome, () => process.disconnect());
}
