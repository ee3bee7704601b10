import type { OperationUpdate } from '@aws-sdk/client-lambda';
import { describe, expect } from 'vitest';
import type { Invocation, PuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

function op(
  id: string,
  action: 'START' | 'SUCCEED' | 'FAIL',
  o: { parent?: string; context?: string } = {},
): OperationUpdate {
  return {
    Id: id,
    Name: `name of ${id}`,
    Type: o.context === undefined ? 'STEP' : 'CONTEXT',
    ...(o.context === undefined ? {} : { SubType: o.context }),
    Action: action,
    ...(o.parent === undefined ? {} : { ParentId: o.parent }),
    ...(action === 'SUCCEED' ? { Payload: `"${id}"` } : {}),
    ...(action === 'FAIL' ? { Error: { ErrorType: 'E', ErrorMessage: id } } : {}),
  };
}

/** Runs an execution of these updates, one a checkpoint, that ends in failure. */
async function failed(host: PuppetHost, updates: OperationUpdate[]): Promise<string> {
  const arn = await host.start({ name: 'source', payload: '{"in":1}' });
  const invocation = await host.next();
  for (const update of updates) await invocation.checkpoint([update]);
  invocation.fail({ ErrorType: 'E' });
  await host.service.waitFor(arn);
  return arn;
}

function statuses({ operations }: Invocation): Record<string, unknown> {
  return Object.fromEntries(Object.values(operations).map(({ Id, Status }) => [Id, Status]));
}

describe('fork', () => {
  const updates = [
    op('a', 'SUCCEED'),
    op('open', 'START'),
    op('ctx', 'START', { context: 'RunInChildContext' }),
    op('c1', 'SUCCEED', { parent: 'ctx' }),
    op('c2', 'SUCCEED', { parent: 'ctx' }),
    op('open', 'SUCCEED'),
    op('ctx', 'SUCCEED', { context: 'RunInChildContext' }),
    op('z', 'SUCCEED'),
  ];

  test('has behind it what had ended when the step began, and its contexts open', async ({
    host,
  }) => {
    const source = await failed(host, updates);
    const { executionArn } = await host.service.fork(source, { fromStep: 'name of c2' });
    const invocation = await host.next();
    expect(invocation.arn).toBe(executionArn);
    expect(host.service.get(executionArn)).toMatchObject({ name: 'source-fork-1' });
    expect(statuses(invocation)).toEqual({ a: 'SUCCEEDED', ctx: 'STARTED', c1: 'SUCCEEDED' });
    expect(invocation.event.InitialExecutionState.Operations[0]).toMatchObject({
      ExecutionDetails: { InputPayload: '{"in":1}' },
    });
    await invocation.checkpoint([op('c2', 'START', { parent: 'ctx' })]);
    expect(
      host.service.history(executionArn).map((event) => `${event.EventType} ${event.Id}`),
    ).toEqual([
      expect.stringContaining('ExecutionStarted'),
      'StepSucceeded a',
      'ContextStarted ctx',
      'StepSucceeded c1',
      'StepStarted c2',
    ]);
  });

  test('by id, and from the very beginning', async ({ host }) => {
    const source = await failed(host, updates);
    await host.service.fork(source, { fromStep: 'z' });
    expect(Object.keys(statuses(await host.next()))).toEqual(['a', 'open', 'ctx']);
    await host.service.fork(source);
    expect(statuses(await host.next())).toEqual({});
    expect(host.service.list().map(({ name }) => name)).toEqual([
      'source',
      'source-fork-1',
      'source-fork-2',
    ]);
  });

  test('from a step that is not there is refused', async ({ host }) => {
    const source = await failed(host, updates);
    await expect(host.service.fork(source, { fromStep: 'nowhere' })).rejects.toMatchObject({
      code: 'InvalidParameterValueException',
    });
  });
});

describe('retry', () => {
  test('does the step that failed last again, and keeps the failure that was caught', async ({
    host,
  }) => {
    const source = await failed(host, [
      op('a', 'SUCCEED'),
      op('caught', 'FAIL'),
      op('b', 'SUCCEED'),
      op('last', 'FAIL'),
    ]);
    const { executionArn } = await host.service.retry(source);
    const invocation = await host.next();
    expect(invocation.arn).toBe(executionArn);
    expect(statuses(invocation)).toEqual({ a: 'SUCCEEDED', caught: 'FAILED', b: 'SUCCEEDED' });
  });

  test('does every failed branch of a parallel again, and no other', async ({ host }) => {
    const branch = { context: 'ParallelBranch', parent: 'p' };
    const source = await failed(host, [
      op('p', 'START', { context: 'Parallel' }),
      op('b1', 'START', branch),
      op('b2', 'START', branch),
      op('b3', 'START', branch),
      op('s1', 'FAIL', { parent: 'b1' }),
      op('s2', 'SUCCEED', { parent: 'b2' }),
      op('b1', 'FAIL', branch),
      op('b2', 'SUCCEED', branch),
      op('s3', 'SUCCEED', { parent: 'b3' }),
      op('s4', 'FAIL', { parent: 'b3' }),
      op('b3', 'FAIL', branch),
      // The batch succeeds even so; the handler fails over what it finds in it.
      op('p', 'SUCCEED', { context: 'Parallel' }),
    ]);
    await host.service.retry(source);
    expect(statuses(await host.next())).toEqual({
      p: 'STARTED',
      b1: 'STARTED',
      b2: 'SUCCEEDED',
      b3: 'STARTED',
      s3: 'SUCCEEDED',
    });
  });

  test('of one that succeeded or runs is refused', async ({ host }) => {
    const arn = await host.start();
    await expect(host.service.retry(arn)).rejects.toThrow(/is RUNNING/);
    (await host.next()).succeed();
    await host.service.waitFor(arn);
    await expect(host.service.retry(arn)).rejects.toThrow(/is SUCCEEDED/);
  });
});
