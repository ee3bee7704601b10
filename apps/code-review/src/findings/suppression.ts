/**
 * Suppression in the source: a comment `review-ignore[rule]: reason` on the line of the finding or alone on
 * a line above it. The reason is required; the rule is an id (`moorage/js-eval`), its last part (`js-eval`), or `*`.
 * A suppressed finding stays in the reports, marked.
 */
const pattern = /\breview-ignore\[([^\]\n]{1,200})\]:[ \t]*(\S[^\n]*)/;

/** Null when the finding is not suppressed. */
export function suppressionReason(
  lines: readonly string[],
  startLine: number,
  ruleId: string,
): string | null {
  const same = match(lines[startLine - 1] ?? '', ruleId);
  if (same !== null) return same;
  for (let index = startLine - 2; index >= 0; index--) {
    const line = (lines[index] ?? '').trim();
    if (!/^(?:\/\/|#|\/\*|\*|<!--|--|;)/.test(line)) return null;
    const above = match(line, ruleId);
    if (above !== null) return above;
  }
  return null;
}

function match(line: string, ruleId: string): string | null {
  const found = pattern.exec(line);
  if (!found) return null;
  const [, rules = '', reason = ''] = found;
  const short = ruleId.slice(ruleId.indexOf('/') + 1);
  const named = rules.split(',').some((rule) => ['*', ruleId, short].includes(rule.trim()));
  if (!named) return null;
  const text = reason.replace(/\s*(?:\*\/|-->)\s*$/, '').trim();
  return text === '' ? null : text.slice(0, 500);
}
