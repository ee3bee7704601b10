// The machine's clock and timers, as the packages below want them.
import type { Clock } from '@moorage/stack';

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
