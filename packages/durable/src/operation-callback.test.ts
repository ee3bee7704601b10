import {
  CallbackTimeoutException,
  InvalidParameterValueException,
  ResourceNotFoundException,
  SendDurableExecutionCallbackFailureCommand,
  SendDurableExecutionCallbackHeartbeatCommand,
  SendDurableExecutionCallbackSuccessCommand,
} from '@aws-sdk/client-lambda';
import { describe, expect } from 'vitest';
import type { PuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

/** Starts an execution that sleeps on a callback, and gives the callback's id. */
async function sleepOnCallback(
  host: PuppetHost,
  options: { TimeoutSeconds?: number; HeartbeatTimeoutSeconds?: number } = {},
): Promise<string> {
  await host.start();
  const invocation = await host.next();
  const reply = await invocation.checkpoint([
    { Id: 'c', Type: 'CALLBACK', Action: 'START', CallbackOptions: options },
  ]);
  invocation.pending();
  await host.settle();
  return reply.NewExecutionState!.Operations![0]!.CallbackDetails!.CallbackId!;
}

test('has an id of the base64 alphabet', async ({ host }) => {
  expect(await sleepOnCallback(host)).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
});

test('succeeds with the bytes it is sent', async ({ host }) => {
  const id = await sleepOnCallback(host);
  await host.client.send(
    new SendDurableExecutionCallbackSuccessCommand({
      CallbackId: id,
      Result: Buffer.from('{"ok": "ä"}'),
    }),
  );
  const { operations } = await host.next();
  expect(operations.c).toMatchObject({
    Status: 'SUCCEEDED',
    CallbackDetails: { Result: '{"ok": "ä"}' },
  });
});

test('succeeds without a result', async ({ host }) => {
  const id = await sleepOnCallback(host);
  await host.client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId: id }));
  const { operations } = await host.next();
  expect(operations.c!.CallbackDetails).toEqual({ CallbackId: id });
});

test('fails with the error it is sent', async ({ host }) => {
  const id = await sleepOnCallback(host);
  const Error = { ErrorType: 'Rejected', ErrorMessage: 'no', ErrorData: 'd', StackTrace: ['a'] };
  await host.client.send(new SendDurableExecutionCallbackFailureCommand({ CallbackId: id, Error }));
  const { operations } = await host.next();
  expect(operations.c).toMatchObject({ Status: 'FAILED', CallbackDetails: { Error } });
});

test('times out', async ({ host }) => {
  await sleepOnCallback(host, { TimeoutSeconds: 10, HeartbeatTimeoutSeconds: 60 });
  host.clock.advance(10_000);
  const { operations } = await host.next();
  expect(operations.c).toMatchObject({
    Status: 'TIMED_OUT',
    CallbackDetails: { Error: { ErrorType: 'Callback.Timeout' } },
  });
});

test('lives as long as heartbeats come', async ({ host }) => {
  const id = await sleepOnCallback(host, { HeartbeatTimeoutSeconds: 10 });
  for (let beat = 0; beat < 3; beat++) {
    host.clock.advance(9000);
    await host.client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId: id }));
  }
  await host.settle();
  expect(host.untaken()).toBe(0);
  host.clock.advance(10_000);
  const { operations } = await host.next();
  expect(operations.c).toMatchObject({
    Status: 'TIMED_OUT',
    CallbackDetails: { Error: { ErrorType: 'Callback.Heartbeat' } },
  });
});

describe('refuses', () => {
  test('an answer to one that has ended', async ({ host }) => {
    const id = await sleepOnCallback(host);
    const answer = new SendDurableExecutionCallbackSuccessCommand({ CallbackId: id });
    await host.client.send(answer);
    await expect(host.client.send(answer)).rejects.toThrow(CallbackTimeoutException);
  });

  test('an answer that comes at the instant of the timeout', async ({ host }) => {
    const id = await sleepOnCallback(host, { TimeoutSeconds: 10 });
    // The timer has not run yet, the time is over all the same.
    host.clock.advance(10_000);
    await expect(
      host.client.send(new SendDurableExecutionCallbackHeartbeatCommand({ CallbackId: id })),
    ).rejects.toThrow(CallbackTimeoutException);
  });

  test('an answer once the execution was stopped', async ({ host }) => {
    const id = await sleepOnCallback(host);
    await host.service.stop(host.service.list()[0]!.executionArn);
    await expect(
      host.client.send(new SendDurableExecutionCallbackFailureCommand({ CallbackId: id })),
    ).rejects.toThrow(CallbackTimeoutException);
  });

  test('an id nobody gave', async ({ host }) => {
    for (const CallbackId of ['bm9uZQ==', 'bm8gb25l', 'Zm9vIGJhciBiYXo=']) {
      await expect(
        host.client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId })),
      ).rejects.toThrow(ResourceNotFoundException);
    }
  });

  test('a result that is too large', async ({ host }) => {
    const CallbackId = await sleepOnCallback(host);
    const Result = Buffer.alloc(256 * 1024 + 1, 'x');
    await expect(
      host.client.send(new SendDurableExecutionCallbackSuccessCommand({ CallbackId, Result })),
    ).rejects.toMatchObject({ name: 'RequestTooLargeException' });
  });

  test('an error that is none', async ({ host }) => {
    const id = await sleepOnCallback(host);
    const response = await fetch(
      `${await endpointOf(host)}/2025-12-01/durable-execution-callbacks/${encodeURIComponent(id)}/fail`,
      { method: 'POST', body: '"text"' },
    );
    expect(response.status).toBe(400);
    expect(response.headers.get('x-amzn-errortype')).toBe(InvalidParameterValueException.name);
  });
});

async function endpointOf(host: PuppetHost): Promise<string> {
  const { protocol, hostname, port } = await host.client.config.endpoint!();
  return `${protocol}//${hostname}:${port}`;
}
