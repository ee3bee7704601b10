/**
 * One list from the lists of all reviewers: what several tools or reviewers say about the same lines and
 * the same weakness is one finding that names them all. Nothing is dropped: the merged finding keeps the
 * worst severity and the surest basis, and the others' rules in `reportedBy`.
 */
import { bases, compareFindings, confidences, severityRank, type Finding } from './finding.ts';

export function mergeFindings(all: readonly Finding[]): Finding[] {
  const byPlace = new Map<string, Finding[]>();
  for (const finding of all.toSorted(compareFindings)) {
    // Without a weakness number only the very same rule means the same thing.
    const kind = finding.cwe === null ? finding.ruleId : `cwe-${finding.cwe}`;
    const key = `${finding.path}\0${kind}`;
    const list = byPlace.get(key) ?? [];
    byPlace.set(key, list);
    const index = list.findIndex((other) => overlaps(other, finding) && mayJoin(other, finding));
    const other = list[index];
    if (other) list[index] = join(other, finding);
    else list.push({ ...finding, reportedBy: [reporter(finding)] });
  }
  return [...byPlace.values()].flat().toSorted(compareFindings);
}

function overlaps(a: Finding, b: Finding): boolean {
  return a.startLine <= b.endLine && b.startLine <= a.endLine;
}

/** A suppression speaks of one finding only; it must not hide another that is not suppressed. */
function mayJoin(a: Finding, b: Finding): boolean {
  return (a.suppressed === undefined) === (b.suppressed === undefined);
}

/** `a` comes first in the order of reports, so its severity is the worse one. */
function join(a: Finding, b: Finding): Finding {
  const surer = bases.indexOf(a.basis) <= bases.indexOf(b.basis) ? a : b;
  const confidence =
    confidences[Math.min(confidences.indexOf(a.confidence), confidences.indexOf(b.confidence))];
  const evidence = a.evidence.length >= b.evidence.length ? a.evidence : b.evidence;
  const fix = a.fix ?? b.fix;
  // A demotion counts only when nobody reports the place at its full severity.
  const { demoted, ...rest } = a;
  return {
    ...rest,
    severity: severityRank(a.severity) <= severityRank(b.severity) ? a.severity : b.severity,
    confidence: confidence ?? a.confidence,
    basis: surer.basis,
    evidence,
    ...(fix === undefined ? {} : { fix }),
    ...(demoted === undefined || b.demoted === undefined ? {} : { demoted }),
    reportedBy: [...new Set([...(a.reportedBy ?? [reporter(a)]), reporter(b)])],
  };
}

function reporter(finding: Finding): string {
  return `${finding.reviewer}:${finding.ruleId}`;
}
