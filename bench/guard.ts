/**
 * What a benchmark has started goes with it, however it ends: Ctrl-C, SIGTERM, or its own process killed. Another
 * process waits for the end of a pipe that only the benchmark holds, and then clears up.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const main = new URL('./guard-main.ts', import.meta.url).pathname;

export class Guard {
  readonly #child: ChildProcess;

  /** Of a directory whose name nobody else has: mounts below it, processes that were given it, and itself. */
  constructor(directory: string) {
    this.#child = spawn(process.execPath, [main, directory], {
      cwd: '/',
      stdio: ['pipe', 'ignore', 'inherit'],
      // Not of the group that a terminal's Ctrl-C goes to.
      detached: true,
    });
  }

  /** Clears up now. Rejects when something could not be. */
  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin!.end();
    const [code] = (await ended) as [number | null];
    if (code !== 0) throw new Error('what the benchmark has left could not be cleared up');
  }
}
