/**
 * Failures of the store, as the log has them: of each kind one a minute, and how many more there were. While the store
 * is away every file that waits fails again and again, and the log is on the disk that they wait on.
 */
const quietMs = 60_000;

interface Kind {
  loggedMs: number;
  /** Not logged since. */
  more: number;
}

export class FailureLog {
  readonly #log: (line: string) => void;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  failed(code: string, message: string, nowMs: number): void {
    const kind = this.#kinds.get(code);
    if (kind !== undefined && nowMs - kind.loggedMs < quietMs) {
      kind.more++;
      return;
    }
    const more = kind === undefined || kind.more === 0 ? '' : ` more=${kind.more}`;
    this.#kinds.set(code, { loggedMs: nowMs, more: 0 });
    this.#log(`sync failure code=${code}${more} | ${message}`);
  }
}
