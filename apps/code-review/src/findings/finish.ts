/**
 * From hits to findings: adds what only the source text can tell (snippet, fingerprint, suppression) and
 * what only the rule knows. Hits on one line by one rule are one finding.
 */
import type { ReviewerName } from '../events.ts';
import { compareFindings, type Finding } from './finding.ts';
import { fingerprinter } from './fingerprint.ts';
import type { Hit, Rule } from './rule.ts';
import { suppressionReason } from './suppression.ts';

const snippetLinesMax = 8;
const snippetCharactersMax = 1200;
const evidenceMax = 50;

/** `read` gives the text of a file of the snapshot, or null when it is not text. Sorted as reports are. */
export function finishHits(
  reviewer: ReviewerName,
  hits: readonly Hit[],
  rules: ReadonlyMap<string, Rule>,
  read: (path: string) => string | null,
): Finding[] {
  const byPath = new Map<string, Hit[]>();
  for (const hit of hits) {
    const list = byPath.get(hit.path);
    if (list) list.push(hit);
    else byPath.set(hit.path, [hit]);
  }
  const findings: Finding[] = [];
  for (const [path, list] of byPath) {
    const lines = (read(path) ?? '').split(/\r?\n/);
    const fingerprint = fingerprinter(path, lines);
    const seen = new Set<string>();
    list.sort((a, b) => a.startLine - b.startLine || (a.startColumn ?? 0) - (b.startColumn ?? 0));
    for (const hit of list) {
      const rule = rules.get(hit.ruleId);
      if (!rule) throw new RangeError(`no rule ${hit.ruleId} is described`);
      const key = `${hit.ruleId}:${hit.startLine}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const reason = suppressionReason(lines, hit.startLine, hit.ruleId);
      const fix = hit.fix ?? undefined;
      findings.push({
        ruleId: hit.ruleId,
        reviewer,
        severity: hit.severity ?? rule.severity,
        confidence: hit.confidence ?? rule.confidence,
        basis: rule.basis,
        cwe: hit.cwe === undefined ? rule.cwe : hit.cwe,
        path,
        startLine: hit.startLine,
        endLine: Math.max(hit.startLine, hit.endLine),
        ...(hit.startColumn === undefined ? {} : { startColumn: hit.startColumn }),
        message: (hit.message ?? rule.title).slice(0, 2000),
        snippet: snippet(lines, hit),
        evidence: (hit.evidence ?? []).slice(0, evidenceMax),
        ...(fix === undefined ? {} : { fix }),
        fingerprint: fingerprint(hit.ruleId, hit.startLine),
        ...(reason === null ? {} : { suppressed: { reason } }),
      });
    }
  }
  return findings.toSorted(compareFindings);
}

function snippet(lines: readonly string[], hit: Hit): string {
  const end = Math.min(Math.max(hit.startLine, hit.endLine), hit.startLine + snippetLinesMax - 1);
  const text = lines.slice(hit.startLine - 1, end).join('\n');
  const shown = hit.secret === true ? maskSecrets(text) : text;
  return shown.slice(0, snippetCharactersMax);
}

/** Keeps the first four characters of every long word: enough to find it, too little to use it. */
export function maskSecrets(text: string): string {
  return text.replaceAll(/[\w+/=.~-]{12,}/g, (word) => `${word.slice(0, 4)}****`);
}
