/** The ports of this process: the only place of the package that touches clock and randomness. */
import { randomUUID } from 'node:crypto';

import type { Clock, Random } from './ports.ts';

const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = { uuid: () => randomUUID() };
