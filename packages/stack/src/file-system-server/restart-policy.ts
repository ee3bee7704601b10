/**
 * When a server that died is started again: at once the first time, then after growing pauses; given up when
 * it keeps dying young. One that lived a while has earned a clean record.
 */
export interface RestartPolicy {
  /** Milliseconds to wait before the next start, undefined = give up. `lived`: since it was ready, 0 = never was. */
  died(livedMs: number): number | undefined;
}

const cleanAfterMs = 10_000;
const youngDeathsMax = 8;
const pauseMs = 50;
const pauseMsMax = 2_000;

export function newRestartPolicy(): RestartPolicy {
  let youngDeaths = 0;
  return {
    died(livedMs) {
      youngDeaths = livedMs >= cleanAfterMs ? 1 : youngDeaths + 1;
      if (youngDeaths > youngDeathsMax) return undefined;
      return youngDeaths === 1 ? 0 : Math.min(pauseMsMax, pauseMs * 2 ** (youngDeaths - 2));
    },
  };
}
