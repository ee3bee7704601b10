/**
 * The shapes that cross function boundaries: what starts a review, what a reviewer is asked, what comes
 * back. Only paths, hashes and counts travel; findings and file contents stay in the workspace.
 */

import type { FileReference } from '@moorage/workspace';

/** The three reviewers, in the order in which reports list them. */
export const reviewerNames = ['security', 'style', 'coverage'] as const;
export type ReviewerName = (typeof reviewerNames)[number];

export const severities = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof severities)[number];

/** Ceilings for one repository. A tree above `filesMax` or `totalBytesMax` is refused, a larger file is skipped. */
export interface ReviewLimits {
  readonly filesMax: number;
  readonly fileBytesMax: number;
  readonly totalBytesMax: number;
  /** Bytes that git may download. */
  readonly downloadBytesMax: number;
  readonly cloneSecondsMax: number;
  /** Time of one reviewer; what is not analysed by then is listed as skipped. */
  readonly reviewSecondsMax: number;
}

export const defaultLimits: ReviewLimits = {
  filesMax: 50_000,
  fileBytesMax: 2 * 1024 * 1024,
  totalBytesMax: 1024 * 1024 * 1024,
  downloadBytesMax: 2 * 1024 * 1024 * 1024,
  cloneSecondsMax: 300,
  reviewSecondsMax: 600,
};

/** The event of the orchestrator. Exactly one of `url` and `path` is given. */
export interface ReviewRequest {
  /** From `newRunId()` of @moorage/workspace; the run directory is `/reviews/<runId>` of the file system. */
  readonly runId: string;
  /** https://, ssh://, git@host:path or file:// */
  readonly url?: string;
  /** A git repository or bundle inside the workspace, relative to /reviews. */
  readonly path?: string;
  /** Branch, tag or commit; the default branch when absent. */
  readonly revision?: string;
  readonly limits?: Partial<ReviewLimits>;
  /** `provider:id` with provider bedrock, openai or anthropic; '' forces analysers only. */
  readonly model?: string;
  /** How the repository is named in reports, when `url` is a temporary copy. */
  readonly displayName?: string;
}

export type SeverityCounts = Readonly<Record<Severity, number>>;

/** What the event of a reviewer says. `claim` makes `agents/<name>/` and nothing else. */
export type ReviewerRequest =
  | { readonly task: 'claim'; readonly runId: string }
  | {
      readonly task: 'review';
      readonly runId: string;
      readonly manifest: FileReference;
      readonly reviewSecondsMax: number;
      readonly model?: string;
    };

export type ReviewerResponse =
  | { readonly task: 'claim'; readonly directory: string }
  | { readonly task: 'review'; readonly done: FileReference };

/** One reviewer in the result. `failed` means its findings are absent, so the review is incomplete. */
export interface ReviewerOutcome {
  readonly name: ReviewerName;
  readonly status: 'done' | 'failed';
  readonly error?: string;
  readonly findings: number;
  readonly filesAnalysed: number;
  readonly filesSkipped: number;
  readonly milliseconds: number;
  /** The model that was used; null when the analysers worked alone. */
  readonly model: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A language of the repository that no analyser reads. */
export interface UnreadLanguage {
  readonly language: string;
  readonly files: number;
}

/** What the orchestrator returns. A review that could not be made ends the execution with a ReviewFailure instead. */
export interface ReviewResult {
  readonly runId: string;
  readonly status: 'complete' | 'incomplete';
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly files: { readonly total: number; readonly skipped: number; readonly bytes: number };
  /** Findings of the merged report that are not suppressed. */
  readonly counts: SeverityCounts;
  readonly suppressed: number;
  /** Code that was only searched for secrets, or judged by the model alone. */
  readonly unread: readonly UnreadLanguage[];
  readonly reviewers: readonly ReviewerOutcome[];
  /** Paths are relative to the run directory. */
  readonly report: {
    readonly findings: FileReference;
    readonly sarif: FileReference;
    readonly markdown: FileReference;
  };
  readonly milliseconds: {
    readonly clone: number;
    readonly review: number;
    readonly merge: number;
  };
}

/** Error types of a review that could not be made: the execution ends FAILED with this ErrorType. */
export const reviewFailureCodes = [
  'BadRequest',
  'RepositoryNotFound',
  'RepositoryPrivate',
  'RepositoryUnreachable',
  'RepositoryEmpty',
  'RevisionNotFound',
  'RepositoryTooLarge',
  'CloneTimedOut',
  'WorkspaceNotWritable',
  'ReviewersFailed',
] as const;
export type ReviewFailureCode = (typeof reviewFailureCodes)[number];
