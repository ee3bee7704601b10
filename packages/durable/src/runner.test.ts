import { readdir } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { startPuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

describe('a crashed invocation', () => {
  test('is repeated at once, then with growing pauses, and fails the execution in the end', async ({
    host,
  }) => {
    const arn = await host.start();
    (await host.next()).crash();
    for (const pauseMs of [0, 1000, 2000, 4000]) {
      if (pauseMs > 0) {
        await host.settle();
        host.clock.advance(pauseMs - 1);
        await host.settle();
        expect(host.untaken()).toBe(0);
        host.clock.advance(1);
      }
      (await host.next()).crash('Sandbox.Timedout');
    }
    expect(await host.service.waitFor(arn)).toMatchObject({
      status: 'FAILED',
      error: { ErrorType: 'Sandbox.Timedout', ErrorMessage: 'the worker died' },
    });
    const crashes = host.service
      .history(arn)
      .filter((event) => event.EventType === 'InvocationCompleted');
    expect(crashes).toHaveLength(5);
    expect(crashes[0]).toMatchObject({
      InvocationCompletedDetails: { Error: { Payload: { ErrorType: 'Runtime.ExitError' } } },
    });
  });

  test('after progress starts the count again', async ({ host }) => {
    const arn = await host.start();
    for (let round = 0; round < 8; round++) {
      const invocation = await host.next();
      await invocation.checkpoint([
        { Id: `s${round}`, Type: 'STEP', Action: 'SUCCEED', Payload: '1' },
      ]);
      invocation.crash();
    }
    expect(host.service.get(arn).status).toBe('RUNNING');
  });

  test('that only ever starts a step is no progress', async ({ host }) => {
    const arn = await host.start();
    for (let round = 0; round < 5; round++) {
      const invocation = await host.next();
      if (round === 0) await invocation.checkpoint([{ Id: 's', Type: 'STEP', Action: 'START' }]);
      invocation.crash();
      await host.settle();
      host.clock.advance(60_000);
    }
    expect(await host.service.waitFor(arn)).toMatchObject({ status: 'FAILED' });
  });
});

test.for<[string, unknown]>([
  ['nothing', null],
  ['a number', 7],
  ['no status', { Result: '1' }],
  ['another status', { Status: 'DONE' }],
])('an answer that is %s counts as a crash', async ([, output], { host }) => {
  const arn = await host.start();
  (await host.next()).answer(output);
  await host.next();
  expect(host.service.history(arn).at(-1)).toMatchObject({
    InvocationCompletedDetails: {
      Error: { Payload: { ErrorMessage: expect.stringContaining('withDurableExecution') } },
    },
  });
});

test('PENDING with nothing pending fails the execution', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([{ Id: 's', Type: 'STEP', Action: 'START' }]);
  invocation.pending();
  expect(await host.service.waitFor(arn)).toMatchObject({
    status: 'FAILED',
    error: {
      ErrorType: 'InvalidParameterValueException',
      ErrorMessage: 'Cannot return PENDING status with no pending operations.',
    },
  });
});

test('never two invocations of one execution at once', async ({ host }) => {
  await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
    { Id: 'v', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 2 } },
  ]);
  host.clock.advance(1000);
  await host.settle();
  host.clock.advance(1000);
  await host.settle();
  expect(host.untaken()).toBe(0);
  // What ended meanwhile was not told: the function is called again at once.
  invocation.pending();
  const second = await host.next();
  expect(second.event.UpdatedOperationIds.sort()).toEqual(['v', 'w']);
});

test('what the last answer told may have come too late: the function is called again', async ({
  host,
}) => {
  await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
    { Id: 'c', Type: 'CALLBACK', Action: 'START' },
  ]);
  host.clock.advance(1000);
  await invocation.checkpoint([]);
  invocation.pending();
  await host.next();
});

describe('an execution', () => {
  test('that takes too long is ended, its invocation fenced off', async ({ host }) => {
    const arn = await host.start({ functionName: 'brief' });
    const invocation = await host.next();
    host.clock.advance(60_000);
    expect(await host.service.waitFor(arn)).toMatchObject({
      status: 'TIMED_OUT',
      error: { ErrorMessage: 'The execution did not end within 60 seconds.' },
    });
    await expect(invocation.checkpoint([])).rejects.toThrow(/^Invalid Checkpoint Token/);
    invocation.succeed('too late');
    await host.settle();
    expect(host.service.history(arn).map((event) => event.EventType)).toEqual([
      'ExecutionStarted',
      'ExecutionTimedOut',
      'InvocationCompleted',
    ]);
  });

  test('whose time ran out while the host was away does not begin again', async ({ dir }) => {
    const host = await startPuppetHost({ dir });
    const arn = await host.start({ functionName: 'brief' });
    await host.next();
    await host.close();
    host.clock.advance(60_000);
    const again = await startPuppetHost({ dir, clock: host.clock });
    expect(await again.service.waitFor(arn)).toMatchObject({ status: 'TIMED_OUT' });
    expect(again.untaken()).toBe(0);
    await again.close();
  });

  test('is forgotten when its retention is over, after a restart too', async ({ dir }) => {
    const host = await startPuppetHost({ dir });
    const arn = await host.start({ name: 'once' });
    (await host.next()).succeed();
    await host.service.waitFor(arn);
    host.clock.advance(86_400_000);
    await host.settle();
    await host.close();
    const again = await startPuppetHost({ dir, clock: host.clock });
    expect(again.service.list()).toHaveLength(1);
    again.clock.advance(86_400_000);
    expect(again.service.list()).toEqual([]);
    expect(() => again.service.get(arn)).toThrow(/not found/);
    expect(await again.start({ name: 'once', payload: '"other"' })).not.toBe(arn);
    await again.close();
  });

  test('keeps the version it began with', async ({ dir }) => {
    let version = '1';
    const host = await startPuppetHost({ dir, version: () => version });
    const arn = await host.start();
    const first = await host.next();
    await first.checkpoint([
      { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
    ]);
    first.pending();
    await host.settle();
    version = '2';
    const other = await host.start();
    expect((await host.next()).request.version).toBe('2');
    host.clock.advance(1000);
    const second = await host.next();
    expect(second.request).toMatchObject({ version: '1', executionArn: arn });
    expect([arn, other].map((text) => text.split(':')[7]!.split('/')[0])).toEqual(['1', '2']);
    await host.close();
  });
});

test('a host that restarts goes on where everything was', async ({ dir }) => {
  const host = await startPuppetHost({ dir });
  const sleeping = await host.start({ name: 'sleeping' });
  const first = await host.next();
  await first.checkpoint([
    { Id: 'a', Type: 'STEP', Action: 'SUCCEED', Payload: '"kept"' },
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 100 } },
  ]);
  first.pending();
  await host.settle();
  const running = await host.start({ name: 'running' });
  const cut = await host.next();
  await cut.checkpoint([{ Id: 'b', Type: 'STEP', Action: 'START' }]);
  const history = host.service.history(sleeping);
  await host.close();

  const again = await startPuppetHost({ dir, clock: host.clock });
  expect(again.service.history(sleeping)).toEqual(history);
  const resumed = await again.next();
  expect(resumed.arn).toBe(running);
  expect(resumed.operations.b).toMatchObject({ Status: 'STARTED' });
  resumed.succeed();
  again.clock.advance(100_000);
  const woken = await again.next();
  expect(woken.operations).toMatchObject({
    a: { StepDetails: { Result: '"kept"' } },
    w: { Status: 'SUCCEEDED' },
  });
  woken.succeed('both');
  expect(await again.service.waitFor(sleeping)).toMatchObject({ result: '"both"' });
  await again.close();
});

test('a snapshot holds everything, also what changes while it is taken', async ({ dir }) => {
  const host = await startPuppetHost({ dir, compactBytesMin: 2000 });
  const arns: string[] = [];
  for (let n = 0; n < 20; n++) {
    arns.push(await host.start({ name: `n${n}` }));
    const invocation = await host.next();
    await invocation.checkpoint([
      { Id: 'a', Type: 'STEP', Action: 'SUCCEED', Payload: JSON.stringify(n) },
      { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 100 + n } },
    ]);
    // The first few have ended by the time the snapshot is taken.
    if (n < 5) invocation.succeed();
    else invocation.pending();
    await host.settle();
  }
  const histories = arns.map((arn) => host.service.history(arn));
  await host.close();
  expect((await readdir(dir)).some((name) => name.startsWith('snapshot-'))).toBe(true);
  const again = await startPuppetHost({ dir, clock: host.clock });
  expect(again.service.recovery.tornTail).toBeUndefined();
  expect(arns.map((arn) => again.service.history(arn))).toEqual(histories);
  again.clock.advance(200_000);
  expect((await again.next()).operations.w).toMatchObject({ Status: 'SUCCEEDED' });
  await again.close();
});
