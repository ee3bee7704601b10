/** The merge step: verified results of the reviewers in, staged report files and the result's numbers out. */
import {
  readManifest,
  stage,
  type FileReference,
  type Manifest,
  type RunLayout,
} from '@moorage/workspace';
import type { ReviewerName, ReviewerOutcome, SeverityCounts, UnreadLanguage } from '../events.ts';
import { mergeFindings } from '../findings/merge.ts';
import { countFindings, findingsJson } from '../reports/findings-json.ts';
import { markdown } from '../reports/markdown.ts';
import { sarif } from '../reports/sarif.ts';
import { unreadLanguages } from '../reports/unread-languages.ts';
import { loadReviewer } from '../reviewers/load.ts';
import type { ReviewerFailure, ReviewerReport } from '../reviewers/outcome.ts';

export interface ReviewedBy {
  readonly name: ReviewerName;
  /** What the reviewer returned; null when it failed. */
  readonly done: FileReference | null;
  readonly error: string | null;
}

export interface MergedReport {
  readonly counts: SeverityCounts;
  readonly suppressed: number;
  readonly unread: readonly UnreadLanguage[];
  readonly reviewers: readonly ReviewerOutcome[];
  readonly findings: FileReference;
  readonly sarif: FileReference;
  readonly markdown: FileReference;
}

export async function mergeReports(
  layout: RunLayout,
  manifestReference: FileReference,
  reviewed: readonly ReviewedBy[],
  startedAt: number,
): Promise<MergedReport> {
  const manifest: Manifest = await readManifest(layout.directory, manifestReference);
  const reviewers: ReviewerReport[] = [];
  const failures: ReviewerFailure[] = [];
  const outcomes: ReviewerOutcome[] = [];
  for (const { name, done, error } of reviewed) {
    try {
      if (done === null) throw new Error(error ?? 'no results');
      const report = await loadReviewer(layout, name, done);
      reviewers.push(report);
      const { tools: _tools, notes: _notes, suppressed: _suppressed, ...summary } = report.summary;
      outcomes.push({ name, status: 'done', ...summary });
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      failures.push({ name, error: text });
      outcomes.push({ name, status: 'failed', error: text, ...nothing });
    }
  }
  const findings = mergeFindings(reviewers.flatMap((reviewer) => reviewer.findings));
  const unread = unreadLanguages(reviewers);
  const input = { runId: layout.runId, startedAt, manifest, reviewers, failures, unread, findings };
  const [findingsFile, sarifFile, markdownFile] = await stage(
    layout.report,
    new Map([
      ['findings.json', findingsJson(input)],
      ['report.sarif', sarif(input)],
      ['report.md', markdown(input)],
    ]),
  );
  if (!findingsFile || !sarifFile || !markdownFile) throw new Error('a report is missing');
  return {
    counts: countFindings(findings),
    suppressed: findings.filter((finding) => finding.suppressed !== undefined).length,
    unread,
    reviewers: outcomes,
    findings: findingsFile,
    sarif: sarifFile,
    markdown: markdownFile,
  };
}

const nothing = {
  findings: 0,
  filesAnalysed: 0,
  filesSkipped: 0,
  milliseconds: 0,
  model: null,
  inputTokens: 0,
  outputTokens: 0,
} as const;
