/**
 * The time in milliseconds with a fraction: two changes in the same millisecond get different times. Follows
 * the system's clock, but steps only when that has been set. It is asked several times for every request: the
 * system's clock, which costs as much again, is looked at now and then.
 */
import { performance } from 'node:perf_hooks';

const stepMs = 20;
const lookMs = 10;

export function wallClock(): { now(): number } {
  let originMs = performance.timeOrigin;
  let lookAtMs = 0;
  return {
    now() {
      const passedMs = performance.now();
      if (passedMs >= lookAtMs) {
        lookAtMs = passedMs + lookMs;
        const coarse = Date.now();
        if (Math.abs(originMs + passedMs - coarse) >= stepMs) originMs = coarse - passedMs;
      }
      return originMs + passedMs;
    },
  };
}
