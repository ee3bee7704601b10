import { GetDurableExecutionHistoryCommand, EventType } from '@aws-sdk/client-lambda';
import type { Event, OperationUpdate } from '@aws-sdk/client-lambda';
import { expect } from 'vitest';
import type { PuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

async function events(host: PuppetHost, arn: string): Promise<Event[]> {
  const { Events } = await host.client.send(
    new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, IncludeExecutionData: true }),
  );
  return Events!;
}

const error = { ErrorType: 'E', ErrorMessage: 'm' };

test('shows events of all 24 types, each with its details', async ({ host }) => {
  const arn = await host.start({ name: 'main', payload: '"in"' });
  const first = await host.next();
  const context = (Id: string, Action: 'START' | 'SUCCEED' | 'FAIL'): OperationUpdate => ({
    Id,
    Type: 'CONTEXT',
    SubType: 'RunInChildContext',
    Action,
    ...(Action === 'FAIL' ? { Error: error } : {}),
  });
  const invoke = (Id: string, FunctionName: string): OperationUpdate => ({
    Id,
    Type: 'CHAINED_INVOKE',
    SubType: 'ChainedInvoke',
    Action: 'START',
    Payload: '"to"',
    ChainedInvokeOptions: { FunctionName },
  });
  await first.checkpoint([
    context('ctx', 'START'),
    { Id: 's1', ParentId: 'ctx', Type: 'STEP', Action: 'START', Name: 'step one' },
    { Id: 's1', Type: 'STEP', Action: 'SUCCEED', Payload: '1' },
    { Id: 's2', Type: 'STEP', Action: 'FAIL', Error: error },
    context('ctx', 'SUCCEED'),
    context('bad', 'START'),
    context('bad', 'FAIL'),
    { Id: 'w1', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 10 } },
    { Id: 'w2', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 10 } },
    { Id: 'c1', Type: 'CALLBACK', Action: 'START' },
    { Id: 'c2', Type: 'CALLBACK', Action: 'START' },
    { Id: 'c3', Type: 'CALLBACK', Action: 'START', CallbackOptions: { TimeoutSeconds: 10 } },
    invoke('i1', 'plain'),
    invoke('i2', 'nobody'),
    invoke('i3', 'durable'),
    invoke('i4', 'brief'),
  ]);
  await first.checkpoint([{ Id: 'w1', Type: 'WAIT', Action: 'CANCEL', Error: error }]);
  const callback = (id: string): string =>
    (events0.find((event) => event.Id === id)!.CallbackStartedDetails as { CallbackId: string })
      .CallbackId;
  const events0 = await events(host, arn);
  await host.service.callbacks.succeed(callback('c1'), '"yes"');
  await host.service.callbacks.fail(callback('c2'), error);
  const children = [await host.next(), await host.next(), await host.next()];
  children.find(({ request }) => request.functionName === 'plain')!.answer('from plain');
  const stopped = children.find(({ request }) => request.functionName === 'durable')!;
  await host.service.stop(stopped.arn, error);
  await host.settle();
  host.clock.advance(60_000);
  await host.settle();
  first.succeed('out');
  await host.service.waitFor(arn);
  const failing = await host.start({ name: 'failing' });
  (await host.next()).fail(error);
  await host.service.waitFor(failing);

  const timedOut = children.find(({ request }) => request.functionName === 'brief')!;
  const all = [
    ...(await events(host, arn)),
    ...(await events(host, failing)),
    ...(await events(host, stopped.arn)),
    ...(await events(host, timedOut.arn)),
  ];
  expect(new Set(all.map((event) => event.EventType))).toEqual(new Set(Object.values(EventType)));
  for (const event of all) {
    expect(event).toHaveProperty(`${event.EventType}Details`);
    expect(event.EventTimestamp).toBeInstanceOf(Date);
  }
  const of = (type: EventType, id?: string): Event =>
    all.find((event) => event.EventType === type && (id === undefined || event.Id === id))!;
  const Error = { Payload: error, Truncated: false };
  expect(of('ExecutionStarted')).toMatchObject({
    EventId: 1,
    Name: 'main',
    ExecutionStartedDetails: { Input: { Payload: '"in"' }, ExecutionTimeout: 3600 },
  });
  expect(of('StepStarted')).toMatchObject({ Id: 's1', ParentId: 'ctx', Name: 'step one' });
  expect(of('StepFailed').StepFailedDetails).toMatchObject({ Error });
  expect(of('WaitCancelled').WaitCancelledDetails).toEqual({ Error });
  expect(of('WaitSucceeded').WaitSucceededDetails).toEqual({ Duration: 10 });
  expect(of('CallbackFailed').CallbackFailedDetails).toEqual({ Error });
  expect(of('CallbackTimedOut').CallbackTimedOutDetails!.Error!.Payload!.ErrorType).toBe(
    'Callback.Timeout',
  );
  expect(of('ChainedInvokeStarted', 'i3').ChainedInvokeStartedDetails).toMatchObject({
    FunctionName: 'durable',
    Input: { Payload: '"to"' },
    ExecutedVersion: '$LATEST',
    DurableExecutionArn: stopped.arn,
  });
  expect(of('ChainedInvokeStopped').ChainedInvokeStoppedDetails).toEqual({ Error });
  expect(of('ExecutionFailed').ExecutionFailedDetails).toEqual({ Error });
  expect(of('InvocationCompleted').InvocationCompletedDetails).toMatchObject({
    RequestId: first.request.requestId,
    StartTimestamp: expect.any(Date),
    EndTimestamp: expect.any(Date),
  });
});
