/**
 * Identity of a finding across runs. Line numbers are not part of it, so code that moves keeps its
 * fingerprint: rule, path, the lines around with their white space normalised, the enclosing symbol, and a
 * count that tells apart equal places of one file.
 */
import { createHash } from 'node:crypto';

const contextLines = 2;
const symbolPattern =
  /^\s*(?:export\s+|default\s+|async\s+|public\s+|private\s+|protected\s+|static\s+|final\s+|abstract\s+)*(?:(?:function\*?|class|interface|def|func|fn|struct|trait|module|namespace)\s+(?:\([^)]*\)\s*)?([\w$]+)|(?:const|let|var)\s+([\w$]+)\s*=\s*(?:async\s*)?(?:function|\([^)]*\)\s*=>|[\w$]+\s*=>))/;

/** Makes fingerprints for the findings of one file; call it in the order of the findings' lines. */
export function fingerprinter(
  path: string,
  lines: readonly string[],
): (ruleId: string, startLine: number) => string {
  const occurrences = new Map<string, number>();
  return (ruleId, startLine) => {
    const around = lines
      .slice(Math.max(0, startLine - 1 - contextLines), startLine + contextLines)
      .map((line) => line.replaceAll(/\s+/g, ' ').trim())
      .filter((line) => line !== '')
      .join('\n');
    const base = [ruleId, path, around, enclosingSymbol(lines, startLine)].join('\0');
    const occurrence = occurrences.get(base) ?? 0;
    occurrences.set(base, occurrence + 1);
    return createHash('sha256').update(`${base}\0${occurrence}`).digest('hex').slice(0, 32);
  };
}

/** The nearest line above, indented less, that opens a function or class; '' at the top level. */
export function enclosingSymbol(lines: readonly string[], startLine: number): string {
  let indent = indentation(lines[startLine - 1] ?? '');
  for (let index = startLine - 1; index >= 0; index--) {
    const line = lines[index] ?? '';
    if (line.trim() === '') continue;
    const own = indentation(line);
    if (own > indent || (own === indent && index !== startLine - 1)) continue;
    const match = symbolPattern.exec(line);
    if (match) return match[1] ?? match[2] ?? '';
    indent = own;
    if (indent === 0 && index !== startLine - 1) return '';
  }
  return '';
}

function indentation(line: string): number {
  return line.length - line.trimStart().length;
}
