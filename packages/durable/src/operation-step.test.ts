import { expect } from 'vitest';
import { hostTest as test } from './testing/with-host.ts';

test('starts and succeeds in one checkpoint, which echoes the operation', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  const reply = await invocation.checkpoint([
    { Id: 's', Type: 'STEP', SubType: 'Step', Name: 'one', Action: 'START' },
    { Id: 's', Type: 'STEP', SubType: 'Step', Name: 'one', Action: 'SUCCEED', Payload: '1' },
  ]);
  expect(reply.NewExecutionState!.Operations).toEqual([
    {
      Id: 's',
      Name: 'one',
      Type: 'STEP',
      SubType: 'Step',
      Status: 'SUCCEEDED',
      StartTimestamp: new Date(host.clock.now()),
      EndTimestamp: new Date(host.clock.now()),
      StepDetails: { Attempt: 1, Result: '1' },
    },
  ]);
  invocation.succeed('done');
  expect(await host.service.waitFor(arn)).toEqual({
    executionArn: arn,
    status: 'SUCCEEDED',
    result: '"done"',
  });
  expect(host.service.history(arn).map((event) => event.EventType)).toEqual([
    'ExecutionStarted',
    'StepStarted',
    'StepSucceeded',
    'InvocationCompleted',
    'ExecutionSucceeded',
  ]);
});

test('waits out a retry, is ready, and starts again', async ({ host }) => {
  const arn = await host.start();
  const first = await host.next();
  const reply = await first.checkpoint([
    { Id: 's', Type: 'STEP', Action: 'START' },
    {
      Id: 's',
      Type: 'STEP',
      Action: 'RETRY',
      Error: { ErrorType: 'Oops', ErrorMessage: 'once' },
      StepOptions: { NextAttemptDelaySeconds: 30 },
    },
  ]);
  expect(reply.NewExecutionState!.Operations![0]).toMatchObject({
    Status: 'PENDING',
    StepDetails: { Attempt: 1, NextAttemptTimestamp: new Date(host.clock.now() + 30_000) },
  });
  first.pending();
  await host.settle();
  host.clock.advance(29_999);
  await host.settle();
  expect(host.untaken()).toBe(0);
  host.clock.advance(1);
  const second = await host.next();
  expect(second.event.UpdatedOperationIds).toEqual(['s']);
  expect(second.operations.s).toMatchObject({
    Status: 'READY',
    StepDetails: { Attempt: 1, Error: { ErrorType: 'Oops', ErrorMessage: 'once' } },
  });
  await second.checkpoint([
    { Id: 's', Type: 'STEP', Action: 'START' },
    { Id: 's', Type: 'STEP', Action: 'FAIL', Error: { ErrorType: 'Oops' } },
  ]);
  second.fail({ ErrorType: 'StepError' });
  await host.service.waitFor(arn);
  const failures = host.service.history(arn).filter((event) => event.EventType === 'StepFailed');
  expect(failures.map((event) => event.StepFailedDetails)).toMatchObject([
    { RetryDetails: { CurrentAttempt: 1, NextAttemptDelaySeconds: 30 } },
    { RetryDetails: { CurrentAttempt: 2 } },
  ]);
});

test('carries a state from attempt to attempt', async ({ host }) => {
  await host.start();
  const first = await host.next();
  await first.checkpoint([
    { Id: 's', Type: 'STEP', SubType: 'WaitForCondition', Action: 'START' },
    {
      Id: 's',
      Type: 'STEP',
      SubType: 'WaitForCondition',
      Action: 'RETRY',
      Payload: '7',
      StepOptions: { NextAttemptDelaySeconds: 1 },
    },
  ]);
  first.pending();
  await host.settle();
  host.clock.advance(1000);
  const second = await host.next();
  expect(second.operations.s).toMatchObject({ Status: 'READY', StepDetails: { Result: '7' } });
});

test('one whose retry comes due while the function runs is ready in the next answer', async ({
  host,
}) => {
  await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    {
      Id: 's',
      Type: 'STEP',
      Action: 'RETRY',
      Error: {},
      StepOptions: { NextAttemptDelaySeconds: 1 },
    },
  ]);
  host.clock.advance(1000);
  const reply = await invocation.checkpoint([]);
  expect(reply.NewExecutionState!.Operations).toMatchObject([{ Id: 's', Status: 'READY' }]);
});
