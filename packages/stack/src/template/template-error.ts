/** Where something stands in a template: both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A mistake in a template. The message starts with `file:line:column: `, as editors understand it. */
export class TemplateError extends Error {
  readonly file: string;
  readonly at: Position;
  /** The message without the place. */
  readonly reason: string;

  constructor(file: string, at: Position, reason: string) {
    super(`${file}:${at.line}:${at.column}: ${reason}`);
    this.name = 'TemplateError';
    this.file = file;
    this.at = at;
    this.reason = reason;
  }
}

/** " Did you mean …?" when one of the known words is close to the given one, else nothing. */
export function suggestion(word: string, known: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best === undefined ? '' : ` Did you mean ${best}?`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replace = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
