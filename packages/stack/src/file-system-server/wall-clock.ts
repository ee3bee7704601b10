/**
 * The time in milliseconds with a fraction: two changes in the same millisecond get different times. Follows
 * the system's clock, but steps only when that has been set.
 */
const stepMs = 20;

export function wallClock(): { now(): number } {
  let originMs = performance.timeOrigin;
  return {
    now() {
      const fine = originMs + performance.now();
      const coarse = Date.now();
      if (Math.abs(fine - coarse) < stepMs) return fine;
      originMs = coarse - performance.now();
      return coarse;
    },
  };
}
