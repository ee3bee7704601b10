export {
  defaultLimits,
  reviewerNames,
  severities,
  reviewFailureCodes,
  type ReviewFailureCode,
  type ReviewLimits,
  type ReviewRequest,
  type ReviewResult,
  type ReviewerName,
  type ReviewerOutcome,
  type Severity,
  type SeverityCounts,
  type UnreadLanguage,
} from './events.ts';
export type { ReviewRecord } from './orchestrator/run-directory.ts';
export { unreadSentence } from './reports/unread-languages.ts';
export type { Finding } from './findings/finding.ts';
