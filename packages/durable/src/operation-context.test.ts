import type { OperationUpdate } from '@aws-sdk/client-lambda';
import { expect } from 'vitest';
import { hostTest as test } from './testing/with-host.ts';

function context(id: string, parentId?: string): OperationUpdate {
  return {
    Id: id,
    Type: 'CONTEXT',
    SubType: 'RunInChildContext',
    Action: 'START',
    ...(parentId === undefined ? {} : { ParentId: parentId }),
  };
}

function step(id: string, parentId: string): OperationUpdate {
  return { Id: id, ParentId: parentId, Type: 'STEP', Action: 'SUCCEED', Payload: '"x"' };
}

const wait: OperationUpdate = {
  Id: 'w',
  Type: 'WAIT',
  Action: 'START',
  WaitOptions: { WaitSeconds: 1 },
};

test('hides what is below it once it has ended', async ({ host }) => {
  await host.start();
  const first = await host.next();
  await first.checkpoint([
    context('a'),
    step('a1', 'a'),
    context('a2', 'a'),
    step('a21', 'a2'),
    { Id: 'a2', Type: 'CONTEXT', Action: 'SUCCEED', Payload: '2', ParentId: 'a' },
    context('b'),
    step('b1', 'b'),
    wait,
  ]);
  await first.checkpoint([{ Id: 'a', Type: 'CONTEXT', Action: 'SUCCEED', Payload: '1' }]);
  first.pending();
  await host.settle();
  host.clock.advance(1000);
  const second = await host.next();
  expect(Object.keys(second.operations)).toEqual(['a', 'b', 'b1', 'w']);
  expect(second.operations.a).toMatchObject({
    Status: 'SUCCEEDED',
    ContextDetails: { Result: '1' },
  });
});

test('shows what is below it when its result has to be rebuilt', async ({ host }) => {
  await host.start();
  const first = await host.next();
  await first.checkpoint([context('a'), step('a1', 'a'), wait]);
  await first.checkpoint([
    {
      Id: 'a',
      Type: 'CONTEXT',
      Action: 'SUCCEED',
      Payload: '',
      ContextOptions: { ReplayChildren: true },
    },
  ]);
  first.pending();
  await host.settle();
  host.clock.advance(1000);
  const second = await host.next();
  expect(Object.keys(second.operations)).toEqual(['a', 'a1', 'w']);
  expect(second.operations.a).toMatchObject({
    ContextDetails: { Result: '', ReplayChildren: true },
  });
});

test('fails with its error', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    context('a'),
    { Id: 'a', Type: 'CONTEXT', Action: 'FAIL', Error: { ErrorType: 'E', ErrorMessage: 'm' } },
  ]);
  expect(host.service.history(arn).at(-1)).toMatchObject({
    EventType: 'ContextFailed',
    ContextFailedDetails: { Error: { Payload: { ErrorType: 'E', ErrorMessage: 'm' } } },
  });
});
