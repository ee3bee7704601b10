/** report/findings.json: the complete result for programs. */
import { severities, type SeverityCounts } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import type { ReportInput } from './report-input.ts';

/** Findings that are not suppressed, by severity. */
export function countFindings(findings: readonly Finding[]): SeverityCounts {
  const counts = { critical: 0, high: 0, medium: 0, low: 0, info: 0 };
  for (const finding of findings) if (finding.suppressed === undefined) counts[finding.severity]++;
  return counts;
}

export function findingsJson(input: ReportInput): string {
  const { manifest } = input;
  return `${JSON.stringify(
    {
      schema: 'moorage-findings/v1',
      runId: input.runId,
      repository: manifest.repository,
      revision: manifest.revision,
      commit: manifest.commit,
      status: input.failures.length === 0 ? 'complete' : 'incomplete',
      counts: countFindings(input.findings),
      severities,
      unread: input.unread,
      reviewers: [
        ...input.reviewers.map((reviewer) => ({
          name: reviewer.name,
          status: 'done',
          attempt: reviewer.attempt,
          ...reviewer.summary,
        })),
        ...input.failures.map((failed) => ({ ...failed, status: 'failed' })),
      ],
      findings: input.findings,
      files: files(input),
    },
    null,
    1,
  )}\n`;
}

/** The ledger: for each file which reviewers analysed it, or why it was skipped. */
function files(input: ReportInput): unknown[] {
  const byPath = new Map<string, { analysedBy: string[]; skipped: Record<string, string> }>();
  for (const file of input.manifest.files) {
    byPath.set(file.path, { analysedBy: [], skipped: {} });
  }
  for (const reviewer of input.reviewers) {
    for (const entry of reviewer.ledger) {
      const file = byPath.get(entry.path);
      if (!file) continue;
      if (entry.status === 'analysed') {
        file.analysedBy.push(...(entry.by ?? []).map((tool) => `${reviewer.name}:${tool}`));
      } else {
        file.skipped[reviewer.name] = entry.reason ?? '';
      }
    }
  }
  return [
    ...[...byPath].map(([path, file]) => ({ path, ...file })),
    ...input.manifest.skipped.map(({ path, reason }) => ({
      path,
      analysedBy: [],
      skipped: { snapshot: reason },
    })),
  ];
}
