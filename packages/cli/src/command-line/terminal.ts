// What a command writes: text or one JSON document to standard output, everything else to standard
// error, so that `moorage … --json | jq` always works.

export interface Terminal {
  /** Whether `--json` was given: then `print` is silent and `result` prints. */
  readonly json: boolean;
  /** Whether standard error is a terminal that understands colours and cursor movement. */
  readonly interactive: boolean;
  /** Columns of standard error. */
  readonly columns: number;
  /** A line for people, on standard output. */
  print(line: string): void;
  /** The command's outcome for programs; with `--json` only. */
  result(document: unknown): void;
  /** A line about what is going on, on standard error. */
  note(line: string): void;
  /** Raw text on standard error: live progress. */
  raw(text: string): void;
}

export function systemTerminal(json: boolean): Terminal {
  const { stdout, stderr } = process;
  // A reader that went away (`moorage … | head`) is no reason to fail.
  for (const stream of [stdout, stderr]) stream.on('error', () => {});
  return {
    json,
    interactive: stderr.isTTY === true && process.env.TERM !== 'dumb' && !process.env.NO_COLOR,
    // A pseudo terminal without a size says 0.
    columns: stderr.columns || 80,
    print: (line) => {
      if (!json) stdout.write(`${line}\n`);
    },
    result: (document) => {
      if (json) stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
    note: (line) => {
      stderr.write(`${line}\n`);
    },
    raw: (text) => {
      stderr.write(text);
    },
  };
}
