/**
 * A review that could not be made: what happened and what the user can do about it. The class becomes the
 * ErrorType of the failed execution, so its `name` is one of the codes of events.ts.
 */
import type { ReviewFailureCode } from './events.ts';

/** The failure as a value, as it travels through a checkpoint and into run.json. */
export interface FailureReport {
  readonly code: ReviewFailureCode;
  /** One sentence: what happened. */
  readonly message: string;
  /** One sentence: what to do next. */
  readonly remedy: string;
}

export class ReviewFailure extends Error {
  override readonly name: ReviewFailureCode;
  readonly report: FailureReport;

  constructor(report: FailureReport, options?: ErrorOptions) {
    super(`${report.message} ${report.remedy}`, options);
    this.name = report.code;
    this.report = report;
  }
}

export function failure(
  code: ReviewFailureCode,
  message: string,
  remedy: string,
  cause?: unknown,
): ReviewFailure {
  return new ReviewFailure({ code, message, remedy }, { cause });
}
