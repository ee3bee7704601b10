/**
 * Reads what a reviewer left, and believes only what verifies: the marker by the hash the reviewer
 * returned, every file by the marker, every finding by the schema.
 */
import { verifyDone, type FileReference, type RunLayout } from '@moorage/workspace';
import type { ReviewerName } from '../events.ts';
import { parseFindings } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import {
  outcomeFiles,
  type LedgerEntry,
  type ReviewerReport,
  type ReviewerSummary,
} from './outcome.ts';

/** Throws an IntegrityError when the reviewer's results cannot be trusted. */
export async function loadReviewer(
  layout: RunLayout,
  name: ReviewerName,
  done: FileReference,
): Promise<ReviewerReport> {
  const { marker, files } = await verifyDone<ReviewerSummary>(layout, name, done);
  const text = (file: string): string => files.get(file)?.toString() ?? '';
  const { findings, rejected } = parseFindings(text(outcomeFiles.findings), name);
  const notes =
    rejected.length === 0
      ? marker.summary.notes
      : [
          ...marker.summary.notes,
          `${rejected.length} findings are malformed and left out (${rejected[0]})`,
        ];
  return {
    name,
    attempt: marker.attempt,
    summary: { ...marker.summary, findings: findings.length, notes },
    findings,
    rules: JSON.parse(text(outcomeFiles.rules) || '[]') as Rule[],
    ledger: text(outcomeFiles.ledger)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LedgerEntry),
  };
}
