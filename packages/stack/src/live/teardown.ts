// What has been started and must be stopped again, also when bringing up the rest has failed.
//
// Steps registered later are stopped before those registered earlier, because they depend on them;
// steps of one stage stop side by side. Nothing can hold a stop up: each step has a time limit, after
// which it is left to the kernel (every child watches its parent and goes when the parent goes).
import type { Clock, Log } from '@moorage/functions';

export interface TeardownStep {
  readonly name: string;
  /** Steps of a higher stage stop first. */
  readonly stage: number;
  readonly limitMs: number;
  stop(): Promise<void> | void;
}

export class Teardown {
  readonly #steps: TeardownStep[] = [];
  readonly #clock: Clock;
  readonly #log: Log;
  #running: Promise<void> | undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  add(step: TeardownStep): void {
    this.#steps.push(step);
  }

  /** Stops everything once; later calls wait for the same stop. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    // Again and again: what was just being started when the stop began may still be added.
    while (this.#steps.length > 0) {
      const stage = Math.max(...this.#steps.map((step) => step.stage));
      const now = this.#steps.filter((step) => step.stage === stage);
      for (const step of now) this.#steps.splice(this.#steps.indexOf(step), 1);
      await Promise.all(now.map((step) => this.#stop(step)));
    }
  }

  async #stop(step: TeardownStep): Promise<void> {
    let cancel = (): void => {};
    const limit = new Promise<string>((resolve) => {
      cancel = this.#clock.after(step.limitMs, () => resolve(`took over ${step.limitMs} ms`));
    });
    const stopped = Promise.resolve()
      .then(() => step.stop())
      .then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
    const problem = await Promise.race([stopped, limit]);
    cancel();
    if (problem !== undefined) this.#log('warn', `stopping ${step.name} failed`, { problem });
  }
}
