// What a review is doing, from the history of its execution: a line for each part as it ends, and on a
// terminal the parts that are under way, redrawn in place.
import type { Terminal } from '../command-line/terminal.ts';

/** One event as `GetDurableExecutionHistory` shows it; only what is used here. */
export interface HistoryEvent {
  readonly EventType?: string;
  readonly Name?: string;
  /** Seconds since the epoch. */
  readonly EventTimestamp?: number;
  readonly StepSucceededDetails?: { readonly Result?: { readonly Payload?: string } };
}

export interface FinishedPart {
  readonly name: string;
  readonly seconds: number;
  readonly ok: boolean;
  /** It ended in an attempt before this one, which was interrupted. */
  readonly earlier: boolean;
}

/** Steps of the orchestrator that take no time worth showing. */
const SILENT = /^(open|claim-.*|seal|verify|publish|fail)$/;
const FRAME_MS = 100;
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

export class Progress {
  readonly finished: FinishedPart[] = [];
  readonly #terminal: Terminal;
  readonly #now: () => number;
  /** When this attempt began. */
  readonly #sinceMs: number;
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #frame = 0;
  #drawn = 0;

  /** `now` in milliseconds since the epoch. */
  constructor(terminal: Terminal, now: () => number) {
    this.#terminal = terminal;
    this.#now = now;
    this.#sinceMs = now();
    if (terminal.interactive) this.#timer = setInterval(() => this.#draw(), FRAME_MS).unref();
  }

  begin(name: string, atMs: number = this.#now()): void {
    if (!this.#running.has(name)) this.#running.set(name, atMs);
    this.#draw();
  }

  end(name: string, ok: boolean, atMs: number = this.#now()): void {
    const begun = this.#running.get(name) ?? atMs;
    this.#running.delete(name);
    const earlier = atMs < this.#sinceMs;
    // What an earlier attempt had begun and this one ends has taken the time of this one.
    const seconds = Math.max(0, atMs - (earlier ? begun : Math.max(begun, this.#sinceMs))) / 1000;
    this.finished.push({ name, seconds, ok, earlier });
    if (earlier) return;
    this.#erase();
    this.#terminal.note(`${ok ? '✓' : '✗'} ${name} ${seconds.toFixed(1)} s`);
    this.#draw();
  }

  /** Follows the execution from its first event, also those of earlier attempts: they are not shown again. */
  event(event: HistoryEvent): void {
    const { EventType: type = '', Name: operation } = event;
    if (operation === undefined || SILENT.test(operation) || type.startsWith('Execution')) return;
    const name = operation.replace(/^review-/, '');
    const atMs = (event.EventTimestamp ?? 0) * 1000;
    if (type.endsWith('Started')) this.begin(name, atMs);
    else if (type.endsWith('Succeeded')) this.end(name, succeeded(event), atMs);
    else if (type !== 'StepFailed' && type !== 'InvocationCompleted') this.end(name, false, atMs);
  }

  /** Removes what is drawn and stops drawing; lines already written stay. */
  close(): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#timer = undefined;
  }

  #draw(): void {
    if (!this.#timer) return;
    this.#erase();
    const frame = FRAMES[this.#frame++ % FRAMES.length];
    for (const [name, since] of this.#running) {
      const seconds = Math.max(0, this.#now() - Math.max(since, this.#sinceMs)) / 1000;
      const line = `${frame} ${name} ${seconds.toFixed(1)} s`;
      this.#terminal.raw(`${line.slice(0, this.#terminal.columns - 1)}\n`);
      this.#drawn++;
    }
  }

  #erase(): void {
    if (this.#drawn > 0) this.#terminal.raw(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }
}

/** A step that ends well may still say that what it tried cannot be done: `{ok: false}`. */
function succeeded(event: HistoryEvent): boolean {
  const payload = event.StepSucceededDetails?.Result?.Payload;
  return payload === undefined || !payload.startsWith('{"ok":false');
}
