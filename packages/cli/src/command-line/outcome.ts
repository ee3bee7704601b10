// How a command can end. The numbers are a contract with CI scripts; README and `--help` name them.

export const EXIT = {
  clean: 0,
  /** Findings at or above `--fail-on`. */
  findings: 1,
  /** Something the user has to change: arguments, the repository asked for, this machine's setup. */
  usage: 2,
  /** Begun and not finished; trying again or `--resume` may finish it. */
  incomplete: 3,
  internal: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that is the user's to read: what is wrong, and what to do about it. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  readonly remedy: string | undefined;
  /** Of a run: going on with it cannot end otherwise, so it need not be kept. */
  readonly final: boolean;

  constructor(
    exitCode: ExitCode,
    message: string,
    remedy?: string,
    options?: ErrorOptions & { final?: boolean },
  ) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
    this.remedy = remedy;
    this.final = options?.final ?? exitCode === EXIT.usage;
  }
}

/** Wrong arguments: exit code 2. */
export function usageError(message: string, remedy?: string): CommandError {
  return new CommandError(EXIT.usage, message, remedy);
}
