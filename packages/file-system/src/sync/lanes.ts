/**
 * What is to be exported or deleted next, and which keys have a job under way: at most one for a key, and so many
 * in all. Who finds a key occupied waits for it.
 */
import { Agenda } from './agenda.ts';
import type { Context } from './context.ts';

/** An inode to export, or a key to delete. */
export type Errand = number | string;

const jobsMax = 128;

export class Lanes {
  readonly #context: Context;
  readonly #agenda = new Agenda<Errand>();
  readonly #busy = new Map<string, Errand[]>();
  #jobs = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  get jobs(): number {
    return this.#jobs;
  }

  get isFull(): boolean {
    return this.#jobs >= jobsMax;
  }

  /** When the next errand is to be looked at. */
  get due(): number {
    return this.isFull ? Infinity : this.#agenda.due;
  }

  push(due: number, errand: Errand): void {
    this.#agenda.push(due, errand);
  }

  pop(now: number): Errand | undefined {
    return this.isFull ? undefined : this.#agenda.pop(now);
  }

  isBusy(key: string): boolean {
    return this.#busy.has(key);
  }

  /** True: the key is occupied, and the errand comes up again once it is free. */
  waitFor(key: string, errand: Errand): boolean {
    const waiting = this.#busy.get(key);
    waiting?.push(errand);
    return waiting !== undefined;
  }

  occupy(key: string): void {
    this.#jobs++;
    this.#busy.set(key, []);
  }

  vacate(key: string): void {
    this.#jobs--;
    this.#context.affected(key);
    const waiting = this.#busy.get(key) ?? [];
    this.#busy.delete(key);
    for (const errand of waiting) this.#agenda.push(0, errand);
  }
}
