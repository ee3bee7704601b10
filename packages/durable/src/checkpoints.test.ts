import { InvalidParameterValueException } from '@aws-sdk/client-lambda';
import type { OperationUpdate } from '@aws-sdk/client-lambda';
import { describe, expect } from 'vitest';
import { startPuppetHost } from './testing/puppet-host.ts';
import type { Invocation } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

function step(id: string, payload = '1'): OperationUpdate {
  return { Id: id, Type: 'STEP', Action: 'SUCCEED', Payload: payload };
}

/** AWS's SDK ends only the invocation if the message begins just so, and the execution otherwise. */
const FENCED = { name: 'InvalidParameterValueException', message: /^Invalid Checkpoint Token/ };

async function refusal(sending: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error = await sending.then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(InvalidParameterValueException);
  return error!;
}

describe('fencing', () => {
  test('a token is good for one checkpoint', async ({ host }) => {
    await host.start();
    const invocation = await host.next();
    const { token } = invocation;
    await invocation.checkpoint([step('a')]);
    expect(invocation.token).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
    const error = await refusal(invocation.checkpoint([step('b')], { token }));
    expect(error.message).toMatch(FENCED.message);
    await invocation.checkpoint([step('b')]);
  });

  test('an invocation that was given up cannot write or read', async ({ host }) => {
    await host.start();
    const zombie = await host.next();
    await zombie.checkpoint([step('a')]);
    zombie.crash();
    const fresh = await host.next();
    for (const act of [() => zombie.checkpoint([step('b')]), () => zombie.state()]) {
      expect((await refusal(act())).message).toMatch(FENCED.message);
    }
    await fresh.checkpoint([step('b')]);
  });

  test('nor one of a host that was restarted', async ({ dir }) => {
    const before = await startPuppetHost({ dir });
    await before.start();
    const { token, arn } = await before.next();
    await before.settle();
    await before.close();
    const after = await startPuppetHost({ dir, clock: before.clock });
    const fresh = await after.next();
    expect(fresh.arn).toBe(arn);
    expect((await refusal(fresh.checkpoint([step('a')], { token }))).message).toMatch(
      FENCED.message,
    );
    expect(after.service.history(arn)).toMatchObject([
      {},
      {
        EventType: 'InvocationCompleted',
        InvocationCompletedDetails: { Error: { Payload: { ErrorType: 'Runtime.ExitError' } } },
      },
    ]);
    await after.close();
  });

  test('nor one of an execution that has ended', async ({ host }) => {
    const arn = await host.start();
    const invocation = await host.next();
    await host.service.stop(arn);
    expect((await refusal(invocation.checkpoint([step('a')]))).message).toMatch(
      /^Invalid Checkpoint Token: the execution is STOPPED/,
    );
  });
});

test('a repeated request is answered the same and carried out once', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  const { token } = invocation;
  const first = await invocation.checkpoint([step('a')], { clientToken: 'c1' });
  const again = await invocation.checkpoint([step('a')], { token, clientToken: 'c1' });
  expect({ ...again, $metadata: {} }).toEqual({ ...first, $metadata: {} });
  expect(host.service.history(arn)).toHaveLength(2);
  expect(
    (await refusal(invocation.checkpoint([step('a')], { token, clientToken: 'c2' }))).message,
  ).toMatch(FENCED.message);
});

describe('refuses', () => {
  const start = { Id: 'a', Action: 'START' } as const;
  test.for<[string, OperationUpdate[], RegExp]>([
    ['an id that is none', [{ ...step('a b') }], /Operation id "a b"/],
    ['an unknown type', [{ ...step('a'), Type: 'SLEEP' as never }], /unknown type "SLEEP"/],
    ['an unknown action', [{ Id: 'a', Type: 'WAIT', Action: 'SUCCEED' }], /WAIT has no action/],
    ['a name that is none', [{ ...step('a'), Name: 'ä' }], /printable ASCII/],
    ['an error on success', [{ ...step('a'), Error: {} }], /SUCCEED carries no error/],
    ['a payload on failure', [{ ...step('a'), Action: 'FAIL' }], /FAIL carries no payload/],
    ['a wait of no time', [{ ...start, Type: 'WAIT' }], /WaitSeconds is a whole number from 1/],
    [
      'a wait of more than a year',
      [{ ...start, Type: 'WAIT', WaitOptions: { WaitSeconds: 31_622_401 } }],
      /to 31622400, got 31622401/,
    ],
    [
      'a retry with neither error nor payload',
      [{ Id: 'a', Type: 'STEP', Action: 'RETRY', StepOptions: { NextAttemptDelaySeconds: 1 } }],
      /either an error or a payload/,
    ],
    [
      'a retry without a delay',
      [{ Id: 'a', Type: 'STEP', Action: 'RETRY', Error: {} }],
      /NextAttemptDelaySeconds/,
    ],
    ['a chained invoke of nothing', [{ ...start, Type: 'CHAINED_INVOKE' }], /names a function/],
    ['a parent that does not exist', [{ ...step('a'), ParentId: 'p' }], /parent p does not exist/],
    [
      'a parent that is no context',
      [step('p'), { ...step('a'), ParentId: 'p' }],
      /parent p is not a CONTEXT/,
    ],
    ['two ends of one operation', [step('a'), step('a')], /in the checkpoint twice/],
    [
      'an end of a callback that never was',
      [{ Id: 'a', Type: 'CALLBACK', Action: 'CANCEL' }],
      /does not exist/,
    ],
    [
      'an EXECUTION that is not last',
      [{ Id: 'e', Type: 'EXECUTION', Action: 'SUCCEED' }, step('a')],
      /is the last one of its checkpoint/,
    ],
    ['a payload that is too large', [step('a', 'ä'.repeat(600_000))], /at most 1048576 bytes/],
    [
      'too many updates',
      Array.from({ length: 251 }, (_none, index) => step(`s${index}`)),
      /at most 250 updates, got 251/,
    ],
  ])('%s', async ([, updates, message], { host }) => {
    const arn = await host.start();
    const invocation = await host.next();
    expect((await refusal(invocation.checkpoint(updates))).message).toMatch(message);
    expect(host.service.history(arn)).toHaveLength(1);
    await invocation.checkpoint([step('ok')]);
  });

  test('a second start, a late end, a change of type', async ({ host }) => {
    await host.start();
    const invocation = await host.next();
    await invocation.checkpoint([step('a')]);
    const refused: [OperationUpdate, RegExp][] = [
      [{ Id: 'a', Type: 'STEP', Action: 'START' }, /has been started already/],
      [step('a'), /is SUCCEEDED: SUCCEED is too late/],
      [{ Id: 'a', Type: 'CONTEXT', Action: 'SUCCEED' }, /is a STEP, not a CONTEXT/],
    ];
    for (const [update, message] of refused) {
      expect((await refusal(invocation.checkpoint([update]))).message).toMatch(message);
    }
  });

  test('more operations and more bytes than an execution may have', async ({ dir }) => {
    const limits = { operationsMax: 3, storageBytesMax: 100 };
    const host = await startPuppetHost({ dir, limits });
    await host.start();
    const invocation = await host.next();
    await invocation.checkpoint([step('a'), step('b')]);
    expect((await refusal(invocation.checkpoint([step('c'), step('d')]))).message).toMatch(
      /at most 3 operations/,
    );
    expect((await refusal(invocation.checkpoint([step('c', 'x'.repeat(99))]))).message).toMatch(
      /stores at most 100 bytes/,
    );
    await host.close();
  });
});

test('a large state is read page by page', async ({ dir }) => {
  const host = await startPuppetHost({ dir, limits: { eventBytesMax: 10_000 } });
  await host.start({ payload: '"input"' });
  const first = await host.next();
  for (let batch = 0; batch < 4; batch++) {
    await first.checkpoint(
      Array.from({ length: 50 }, (_none, n) => step(`s${batch * 50 + n}`, `"${'x'.repeat(50)}"`)),
    );
  }
  await first.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
  ]);
  first.pending();
  await host.settle();
  host.clock.advance(1000);
  const second = await host.next();
  const { Operations, NextMarker } = second.event.InitialExecutionState;
  expect(Operations[0]).toMatchObject({
    Type: 'EXECUTION',
    ExecutionDetails: { InputPayload: '"input"' },
    StartTimestamp: '2027-01-15T08:00:00.000Z',
  });
  const ids = Operations.slice(1).map(({ Id }) => Id);
  for (let marker = NextMarker; marker !== '';) {
    const page = await second.state({ Marker: marker, MaxItems: 70 });
    expect(page.Operations!.length).toBeLessThanOrEqual(70);
    ids.push(...page.Operations!.map(({ Id }) => Id));
    marker = page.NextMarker!;
  }
  expect(ids).toEqual([...Array.from({ length: 200 }, (_none, n) => `s${n}`), 'w']);
  await expect(second.state({ Marker: 'x' })).rejects.toThrow(InvalidParameterValueException);
  await host.close();
});

test('a result too large for the answer is checkpointed first', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  const result = JSON.stringify('x'.repeat(2_000_000));
  await invocation.checkpoint([
    { Id: 'result', Type: 'EXECUTION', Action: 'SUCCEED', Payload: result },
  ]);
  invocation.answer({ Status: 'SUCCEEDED', Result: '' });
  expect(await host.service.waitFor(arn)).toMatchObject({ status: 'SUCCEEDED', result });
});

test('an outcome that was checkpointed stands even if the worker dies then', async ({ host }) => {
  const arn = await host.start();
  const invocation: Invocation = await host.next();
  await invocation.checkpoint([
    { Id: 'r', Type: 'EXECUTION', Action: 'FAIL', Error: { ErrorType: 'E' } },
  ]);
  invocation.crash();
  expect(await host.service.waitFor(arn)).toMatchObject({
    status: 'FAILED',
    error: { ErrorType: 'E' },
  });
});
