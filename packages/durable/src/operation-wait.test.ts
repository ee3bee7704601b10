import { expect, test as plain } from 'vitest';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

test('ends when its time has come and resumes the function', async ({ host }) => {
  const arn = await host.start();
  const first = await host.next();
  const reply = await first.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 60 } },
  ]);
  expect(reply.NewExecutionState!.Operations![0]!.WaitDetails).toEqual({
    ScheduledEndTimestamp: new Date(host.clock.now() + 60_000),
  });
  first.pending();
  await host.settle();
  host.clock.advance(60_000);
  const second = await host.next();
  expect(second.operations.w).toMatchObject({ Status: 'SUCCEEDED' });
  second.succeed();
  await host.service.waitFor(arn);
  expect(host.service.history(arn)).toMatchObject([
    {},
    { EventType: 'WaitStarted', WaitStartedDetails: { Duration: 60 } },
    { EventType: 'InvocationCompleted' },
    { EventType: 'WaitSucceeded', WaitSucceededDetails: { Duration: 60 } },
    { EventType: 'InvocationCompleted' },
    { EventType: 'ExecutionSucceeded' },
  ]);
});

test('is over in the answer to a checkpoint at the very instant it ends', async ({ host }) => {
  await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 5 } },
  ]);
  host.clock.advance(4999);
  expect((await invocation.checkpoint([])).NewExecutionState!.Operations).toEqual([]);
  host.clock.advance(1);
  expect((await invocation.checkpoint([])).NewExecutionState!.Operations).toMatchObject([
    { Id: 'w', Status: 'SUCCEEDED' },
  ]);
});

test('cancelled, it does not resume anything', async ({ host }) => {
  const arn = await host.start();
  const invocation = await host.next();
  await invocation.checkpoint([
    { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 5 } },
    { Id: 'v', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 50 } },
  ]);
  await invocation.checkpoint([{ Id: 'w', Type: 'WAIT', Action: 'CANCEL' }]);
  invocation.pending();
  await host.settle();
  host.clock.advance(49_000);
  await host.settle();
  expect(host.untaken()).toBe(0);
  expect(host.service.history(arn).map((event) => event.EventType)).toContain('WaitCancelled');
});

plain('a time scale divides it, and history shows what was asked for', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'durable-'));
  const host = await startPuppetHost({ dir, timeScale: 60 });
  try {
    const arn = await host.start();
    const first = await host.next();
    await first.checkpoint([
      { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 3600 } },
    ]);
    first.pending();
    await host.settle();
    host.clock.advance(60_000);
    await host.next();
    expect(host.service.history(arn)[1]).toMatchObject({ WaitStartedDetails: { Duration: 3600 } });
  } finally {
    await host.close();
    await rm(dir, { recursive: true });
  }
});
