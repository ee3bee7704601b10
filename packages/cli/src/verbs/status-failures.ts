// `moorage status --failures`: what could not be exported or shown, a page at a time, and what to do about it.
import type { FailureList } from '@moorage/stack/control';
import { usageError } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';

export const PAGE_MAX = 50;

/** The number of the first failure to show. */
export function firstOf(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw usageError(`--from ${JSON.stringify(text)} is not a whole number.`);
}

const REASONS: Readonly<Record<string, string>> = {
  EmptyComponent: 'a name in it is empty (two slashes, or one at the start)',
  DotComponent: 'a name in it is . or ..',
  NulByte: 'a name in it has a NUL byte',
  NameTooLong: 'a name in it is longer than 255 bytes',
  TooDeep: 'it has more than 1,000 names',
  NameTaken: 'there is a directory of this name',
  DirectoryWithContent: "it is a directory's own key and has bytes; only the bytes are not visible",
  ReservedName: 'names that start so are for files that lost against the bucket',
};

export function printFailures(list: FailureList, from: number, terminal: Terminal): void {
  const { exports, imports, failures } = list;
  terminal.print(`  ${exports} not exported, ${imports} keys that are not visible`);
  let hasImports = false;
  for (const failure of failures) {
    if (failure.kind === 'export') {
      const again = failure.isRetried
        ? 'tried again every minute'
        : 'tried again when it is changed';
      terminal.print(`    ${failure.path}: ${failure.error} (${again})`);
      terminal.print(`      ${failure.message}`);
      terminal.print(`      ${failure.remedy}`);
    } else {
      hasImports = true;
      const reason = REASONS[failure.reason] ?? failure.reason;
      terminal.print(`    ${JSON.stringify(failure.key)}: ${failure.reason}, ${reason}`);
    }
  }
  if (hasImports) {
    terminal.print(
      '    Keys are visible when mounted with --escape-keys, or renamed in the bucket.',
    );
  }
  const next = nextOf(list, from);
  if (next !== undefined) terminal.print(`    … more: moorage status --failures --from ${next}`);
}

/** Where the next page starts; undefined when there is none. */
export function nextOf(
  { exports, imports, failures }: FailureList,
  from: number,
): number | undefined {
  const next = from + failures.length;
  return next < exports + imports && failures.length > 0 ? next : undefined;
}
