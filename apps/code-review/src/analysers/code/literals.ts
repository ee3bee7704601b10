/** Takes string literals out of a piece of source text, so that only names and operators are left. */

export interface LiteralStyle {
  /** Opening quotes; the longest first. A literal ends with the same characters. */
  readonly quotes: readonly string[];
  /** Quotes whose literals have no escapes. */
  readonly raw: ReadonlySet<string>;
  /** Where an expression starts inside a literal, given the quote and what stands before it. */
  readonly interpolation: (quote: string, prefix: string) => '${' | '{' | null;
  readonly lineComment: string;
}

/** Literals become `""`, interpolated expressions stay, set apart by spaces; comments go. */
export function stripLiterals(text: string, style: LiteralStyle): string {
  let result = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith(style.lineComment, at)) {
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end;
      continue;
    }
    const quote = style.quotes.find((candidate) => text.startsWith(candidate, at));
    if (quote === undefined) {
      result += text[at++];
      continue;
    }
    const prefix = /[a-zA-Z]{0,2}$/.exec(result)?.[0] ?? '';
    const opening = style.interpolation(quote, prefix);
    at += quote.length;
    result += '""';
    while (at < text.length && !text.startsWith(quote, at)) {
      if (text[at] === '\\' && !style.raw.has(quote)) {
        at += 2;
      } else if (opening === '{' && text.startsWith('{{', at)) {
        at += 2;
      } else if (opening !== null && text.startsWith(opening, at)) {
        const end = closing(text, at + opening.length);
        result += ` ${stripLiterals(text.slice(at + opening.length, end), style)} `;
        at = end + 1;
      } else {
        at++;
      }
    }
    at += quote.length;
  }
  return result;
}

/** Index of the brace that closes an interpolation. */
function closing(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  return text.length;
}

/** Removes calls of functions whose name matches, with their arguments. */
export function removeCalls(text: string, callee: RegExp): string {
  const pattern = new RegExp(`(?:${callee.source})\\s*\\(`, callee.flags.replace('g', ''));
  let rest = text;
  for (;;) {
    const match = pattern.exec(rest);
    if (!match) return rest;
    let depth = 1;
    let at = match.index + match[0].length;
    while (at < rest.length && depth > 0) {
      if (rest[at] === '(') depth++;
      else if (rest[at] === ')') depth--;
      at++;
    }
    rest = `${rest.slice(0, match.index)} 0 ${rest.slice(at)}`;
  }
}
