// Every way in which a review can fail, as one message, a remedy and an exit code.
import type { ReviewFailureCode } from '@moorage/code-review';
import { CommandError, EXIT, type ExitCode } from '../command-line/outcome.ts';

/** Usage: the same command cannot work. Incomplete: trying again, or later, may. */
const EXIT_CODES: Readonly<Record<ReviewFailureCode, ExitCode>> = {
  BadRequest: EXIT.usage,
  RepositoryNotFound: EXIT.usage,
  RepositoryPrivate: EXIT.usage,
  RepositoryUnreachable: EXIT.incomplete,
  RepositoryEmpty: EXIT.usage,
  RevisionNotFound: EXIT.usage,
  RepositoryTooLarge: EXIT.usage,
  CloneTimedOut: EXIT.incomplete,
  WorkspaceNotWritable: EXIT.usage,
  ReviewersFailed: EXIT.incomplete,
};

export interface FailedExecution {
  readonly status: string;
  readonly error?: { readonly ErrorType?: string; readonly ErrorMessage?: string };
}

export function isReviewFailure(errorType: string | undefined): errorType is ReviewFailureCode {
  return errorType !== undefined && Object.hasOwn(EXIT_CODES, errorType);
}

/** The error of an execution that did not succeed. Its message holds the remedy already. */
export function executionError(ended: FailedExecution, runDirectory: string): CommandError {
  const { ErrorType: type, ErrorMessage: message } = ended.error ?? {};
  if (isReviewFailure(type)) {
    return new CommandError(EXIT_CODES[type], message ?? type, undefined, { final: true });
  }
  if (ended.status === 'TIMED_OUT') {
    return new CommandError(
      EXIT.incomplete,
      'The review took longer than its time limit.',
      'Review a smaller repository, or raise ExecutionTimeout in the template.',
      { final: true },
    );
  }
  if (ended.status === 'STOPPED') {
    return new CommandError(
      EXIT.incomplete,
      'The review was stopped from outside.',
      'Start a new one.',
      { final: true },
    );
  }
  return new CommandError(
    EXIT.internal,
    `The review failed: ${type ?? 'Error'}: ${message ?? 'no reason was given'}`,
    `The logs of the functions are in ${runDirectory}/stack/functions/logs.`,
  );
}
