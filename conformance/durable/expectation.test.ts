import { expect, test } from 'vitest';
import { differences } from './expectation.ts';
import type { Event } from './expectation.ts';

const history: Event[] = [
  { EventId: 1, EventType: 'ExecutionStarted' },
  { EventId: 2, EventType: 'StepStarted', Id: 'a', Name: 'one', ParentId: 'p' },
  {
    EventId: 3,
    EventType: 'StepFailed',
    Id: 'a',
    StepFailedDetails: {
      Error: { Payload: { ErrorType: 'TransientError', ErrorMessage: 'no' } },
      RetryDetails: { CurrentAttempt: 1, NextAttemptDelaySeconds: 4 },
    },
  },
  { EventId: 4, EventType: 'InvocationCompleted' },
];

test('a history that is as expected has no differences', () => {
  expect(
    differences(history, [
      'step+ s1 <p1 name="one"',
      'step! s1 errorType=/Transient/ errorMessage=* attempt=1 delay=/^[0-5]$/',
      'invocation.',
    ]),
  ).toEqual([]);
});

test.each([
  ['another type', ['step. s1']],
  ['another name', ['step+ s1 name="two"']],
  ['a value that is missing', ['step+ s1 errorType=*']],
  ['a value that does not fit', ['any', 'step! s1 delay=/^[0-3]$/']],
  ['one label for two ids', ['step+ s1 <s1']],
  ['an event that is missing', ['any', 'any', 'any', 'invocation.']],
])('finds %s', (_what, expected) => {
  expect(differences(history, expected)).toHaveLength(1);
});
