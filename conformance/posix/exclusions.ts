/** exclusions.txt: `<file> <cases> <reason>` a line; cases are `1,4-7`, or `*` for the whole file. */
import { readFileSync } from 'node:fs';

export interface Exclusion {
  readonly reason: string;
  covers(number: number): boolean;
}

export type Exclusions = ReadonlyMap<string, readonly Exclusion[]>;

export function readExclusions(path: URL): Exclusions {
  return parseExclusions(readFileSync(path, 'utf8'));
}

/** Throws when a line is not of the form, or gives no reason. */
export function parseExclusions(text: string): Exclusions {
  const exclusions = new Map<string, Exclusion[]>();
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = /^(\S+)\s+(\*|\d[\d,-]*)\s+(\S.*)$/.exec(line);
    if (match === null) throw new Error(`not an exclusion: ${line}`);
    const [, file, cases, reason] = match as unknown as [string, string, string, string];
    const all = exclusions.get(file) ?? [];
    all.push({ reason, covers: caseSet(cases) });
    exclusions.set(file, all);
  }
  return exclusions;
}

function caseSet(cases: string): (number: number) => boolean {
  if (cases === '*') return () => true;
  const ranges = cases.split(',').map((range) => {
    const [from, to = from] = range.split('-').map(Number);
    return { from: from!, to: to! };
  });
  return (number) => ranges.some(({ from, to }) => number >= from && number <= to);
}
