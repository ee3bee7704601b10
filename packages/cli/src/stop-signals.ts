// Ctrl-C and its relatives: the first asks for an orderly stop, the second does not wait for it.
import { EXIT } from './command-line/outcome.ts';
import type { Terminal } from './command-line/terminal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Aborted with the first signal. The listeners stay for the life of the process. */
export function stopSignals(terminal: Terminal, onFirst: () => void): AbortSignal {
  const controller = new AbortController();
  for (const name of SIGNALS) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        // Children watch this process and go with it.
        process.exit(EXIT.incomplete);
      }
      onFirst();
      terminal.note('Stopping. Once more stops at once.');
      controller.abort(new Error(`stopped by ${name}`));
    });
  }
  return controller.signal;
}
