import type { OperationUpdate } from '@aws-sdk/client-lambda';
import { expect } from 'vitest';
import type { Invocation, PuppetHost } from './testing/puppet-host.ts';
import { startPuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

function invoke(functionName: string): OperationUpdate {
  return {
    Id: 'i',
    Type: 'CHAINED_INVOKE',
    Action: 'START',
    Payload: '{"to":"child"}',
    ChainedInvokeOptions: { FunctionName: functionName, TenantId: 'tenant-7' },
  };
}

async function chain(
  host: PuppetHost,
  functionName: string,
): Promise<{ arn: string; child: Invocation }> {
  const arn = await host.start();
  const parent = await host.next();
  await parent.checkpoint([invoke(functionName)]);
  parent.pending();
  return { arn, child: await host.next() };
}

test('of a plain function: its answer is the result', async ({ host }) => {
  const { arn, child } = await chain(host, 'plain');
  expect(child.request).toMatchObject({ functionName: 'plain', tenantId: 'tenant-7' });
  expect(child.event).toEqual({ to: 'child' });
  await host.settle();
  child.answer({ from: 'child' });
  const parent = await host.next();
  expect(parent.operations.i).toMatchObject({
    Status: 'SUCCEEDED',
    ChainedInvokeDetails: { Result: '{"from":"child"}' },
  });
  expect(host.service.history(arn)).toMatchObject([
    {},
    {
      EventType: 'ChainedInvokeStarted',
      ChainedInvokeStartedDetails: {
        FunctionName: 'plain',
        TenantId: 'tenant-7',
        ExecutedVersion: '$LATEST',
      },
    },
    {},
    { EventType: 'ChainedInvokeSucceeded' },
  ]);
});

test('of a plain function that fails: the error is the function error', async ({ host }) => {
  const { child } = await chain(host, 'plain');
  await host.settle();
  child.crash('TypeError');
  const parent = await host.next();
  expect(parent.operations.i).toMatchObject({
    Status: 'FAILED',
    ChainedInvokeDetails: { Error: { ErrorType: 'TypeError', ErrorMessage: 'the worker died' } },
  });
});

test('of a durable function: an execution of its own', async ({ host }) => {
  const { arn, child } = await chain(host, 'durable:$LATEST');
  const started = host.service.history(arn)[1]!.ChainedInvokeStartedDetails as {
    DurableExecutionArn: string;
  };
  expect(started.DurableExecutionArn).toBe(child.arn);
  expect(child.arn).not.toBe(arn);
  child.succeed([1]);
  const parent = await host.next();
  expect(parent.operations.i).toMatchObject({
    Status: 'SUCCEEDED',
    ChainedInvokeDetails: { Result: '[1]' },
  });
});

test.for([
  ['FAILED', (child: Invocation) => child.fail({ ErrorType: 'E' })],
  ['STOPPED', (child: Invocation, host: PuppetHost) => host.service.stop(child.arn)],
  ['TIMED_OUT', (_child: Invocation, host: PuppetHost) => host.clock.advance(60_000)],
] as const)('of a durable function that ends %s', async ([status, end], { host }) => {
  const { arn, child } = await chain(host, 'brief');
  await end(child, host);
  const parent = await host.next();
  expect(parent.arn).toBe(arn);
  expect(parent.operations.i).toMatchObject({ Status: status });
});

test('of a function that does not exist: fails, and the function can catch it', async ({
  host,
}) => {
  await host.start();
  const parent = await host.next();
  await parent.checkpoint([invoke('nobody')]);
  parent.pending();
  const again = await host.next();
  expect(again.operations.i).toMatchObject({
    Status: 'FAILED',
    ChainedInvokeDetails: {
      Error: {
        ErrorType: 'ResourceNotFoundException',
        ErrorMessage: 'Function not found: nobody',
      },
    },
  });
});

test('starts its child once, however often the host restarts', async ({ dir }) => {
  let host = await startPuppetHost({ dir });
  const { child } = await chain(host, 'durable');
  const { clock } = host;
  for (let restart = 0; restart < 3; restart++) {
    await host.settle();
    await host.close();
    host = await startPuppetHost({ dir, clock });
    expect(host.service.list()).toHaveLength(2);
    const again = await host.next();
    expect(again.arn).toBe(child.arn);
    expect(again.event.CheckpointToken).not.toBe(child.event.CheckpointToken);
    if (restart === 2) again.succeed('at last');
  }
  const parent = await host.next();
  expect(parent.operations.i).toMatchObject({ ChainedInvokeDetails: { Result: '"at last"' } });
  await host.close();
});
