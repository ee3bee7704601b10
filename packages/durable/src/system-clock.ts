/** The edge to the machine's clock, timers and random numbers. */
import { randomUUID } from 'node:crypto';
import type { Clock, Random } from './ports.ts';

/** Node's timers overflow beyond this; the timer queue looks again when it fires early. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = { uuid: () => randomUUID() };
