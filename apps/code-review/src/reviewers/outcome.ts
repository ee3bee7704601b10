/** What a reviewer leaves in its attempt directory, and what the merge reads from it. */
import type { ReviewerName } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';

export const outcomeFiles = {
  /** What the analysers found, when a model judges afterwards. */
  candidates: 'candidates.jsonl',
  findings: 'findings.jsonl',
  ledger: 'files.jsonl',
  rules: 'rules.json',
} as const;

/** What became of one file of the snapshot. Every file of the manifest has exactly one entry. */
export interface LedgerEntry {
  readonly path: string;
  readonly status: 'analysed' | 'skipped';
  /** Tools that looked at it. */
  readonly by?: readonly string[];
  /** Why it was skipped. */
  readonly reason?: string;
}

export interface Tool {
  readonly name: string;
  readonly version: string;
}

/** The summary in DONE.json. */
export interface ReviewerSummary {
  readonly findings: number;
  readonly suppressed: number;
  readonly filesAnalysed: number;
  readonly filesSkipped: number;
  readonly milliseconds: number;
  /** Null when the analysers worked alone. */
  readonly model: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly tools: readonly Tool[];
  /** Things a reader of the report must know: a tool that failed, a limit that was reached. */
  readonly notes: readonly string[];
}

/** A reviewer's verified results, as the merge and the report writers take them. */
export interface ReviewerReport {
  readonly name: ReviewerName;
  readonly attempt: number;
  readonly summary: ReviewerSummary;
  readonly findings: readonly Finding[];
  readonly rules: readonly Rule[];
  readonly ledger: readonly LedgerEntry[];
}

/** A reviewer without results. */
export interface ReviewerFailure {
  readonly name: ReviewerName;
  readonly error: string;
}
