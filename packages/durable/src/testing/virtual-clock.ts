/**
 * A clock that moves only when told: long waits and retries pass at once, and always in the same
 * order. Timers of the same instant run in the order they were set.
 */
import type { Clock } from '../ports.ts';

interface Timer {
  at: number;
  order: number;
  run(): void;
}

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #timers: Timer[] = [];

  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the next timer is due, if there is one. */
  nextAt(): number | undefined {
    return this.#next()?.at;
  }

  /** Moves on by `ms`, running what is due on the way. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let timer = this.#next(); timer && timer.at <= until; timer = this.#next()) {
      this.#run(timer);
    }
    this.#now = until;
  }

  /** Moves on to the next timer and runs it; false when there is none. */
  advanceToNext(): boolean {
    const timer = this.#next();
    if (timer) this.#run(timer);
    return timer !== undefined;
  }

  #run(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.run();
  }

  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (!next || timer.at < next.at || (timer.at === next.at && timer.order < next.order))
        next = timer;
    }
    return next;
  }
}
