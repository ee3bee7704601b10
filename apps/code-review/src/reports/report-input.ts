/** Everything the report writers are given. They add nothing of their own but form. */
import type { Manifest } from '@moorage/workspace';
import type { UnreadLanguage } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import type { ReviewerFailure, ReviewerReport } from '../reviewers/outcome.ts';

export interface ReportInput {
  readonly runId: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly manifest: Manifest;
  readonly reviewers: readonly ReviewerReport[];
  readonly failures: readonly ReviewerFailure[];
  readonly unread: readonly UnreadLanguage[];
  /** Merged, worst first. */
  readonly findings: readonly Finding[];
}
