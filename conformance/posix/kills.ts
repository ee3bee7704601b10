import { setTimeout as pause } from 'node:timers/promises';
import type { FileSystemServer } from '@moorage/stack/mounts';

/** So many deaths in a row come soon after a start; then the server lives long enough not to be given up. */
const youngDeaths = 5;
const youngMsMax = 2_000;
const grownMs = 13_000;

/** Ends the server's process with SIGKILL at random moments until `ended`. Resolves to how often it was. */
export async function killAgainAndAgain(
  server: FileSystemServer,
  ended: AbortSignal,
): Promise<number> {
  let kills = 0;
  for (;;) {
    const lifeMs = kills % (youngDeaths + 1) === 0 ? grownMs : Math.random() * youngMsMax;
    await pause(lifeMs, undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) return kills;
    // 0: it is being started again.
    if (server.pid === 0) continue;
    process.kill(server.pid, 'SIGKILL');
    kills++;
  }
}
