import { expect, test } from 'vitest';
import { EXIT } from '../command-line/outcome.ts';
import { executionError } from './review-failure.ts';

test.each([
  ['FAILED', 'RepositoryEmpty', EXIT.usage, true],
  ['FAILED', 'RevisionNotFound', EXIT.usage, true],
  ['FAILED', 'RepositoryUnreachable', EXIT.incomplete, true],
  ['FAILED', 'ReviewersFailed', EXIT.incomplete, true],
  ['FAILED', 'TypeError', EXIT.internal, false],
  ['TIMED_OUT', undefined, EXIT.incomplete, true],
  ['STOPPED', undefined, EXIT.incomplete, true],
])('%s %s ends with exit code %i', (status, type, exitCode, final) => {
  const error = executionError(
    {
      status,
      error: { ...(type !== undefined && { ErrorType: type }), ErrorMessage: 'What. Then.' },
    },
    '/runs/x',
  );
  expect([error.exitCode, error.final]).toEqual([exitCode, final]);
  if (type === 'RepositoryEmpty') expect(error.message).toBe('What. Then.');
  if (exitCode === EXIT.internal) expect(error.remedy).toContain('/runs/x/stack/functions/logs');
});
