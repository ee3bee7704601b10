import {
  DurableExecutionAlreadyStartedException,
  GetDurableExecutionCommand,
  GetDurableExecutionHistoryCommand,
  InvalidParameterValueException,
  ListDurableExecutionsByFunctionCommand,
  paginateGetDurableExecutionHistory,
  paginateListDurableExecutionsByFunction,
  ResourceNotFoundException,
  StopDurableExecutionCommand,
} from '@aws-sdk/client-lambda';
import { describe, expect } from 'vitest';
import type { PuppetHost } from './testing/puppet-host.ts';
import { hostTest as test } from './testing/with-host.ts';

async function finish(host: PuppetHost, name: string, how: 'succeed' | 'fail'): Promise<string> {
  const arn = await host.start({ name, payload: `"${name}"` });
  const invocation = await host.next();
  if (how === 'succeed') invocation.succeed(name);
  else invocation.fail({ ErrorType: 'E', ErrorMessage: 'm' });
  await host.service.waitFor(arn);
  host.clock.advance(1000);
  return arn;
}

describe('list', () => {
  const list = async (
    host: PuppetHost,
    o: Partial<ConstructorParameters<typeof ListDurableExecutionsByFunctionCommand>[0]> = {},
  ): Promise<string[]> => {
    const { DurableExecutions } = await host.client.send(
      new ListDurableExecutionsByFunctionCommand({ FunctionName: 'durable', ...o }),
    );
    return DurableExecutions!.map((execution) => execution.DurableExecutionName!);
  };

  test('finds by function, status, name, time and version, in either order', async ({ host }) => {
    const began = host.clock.now();
    await finish(host, 'one', 'succeed');
    await finish(host, 'two', 'fail');
    await host.start({ name: 'three' });
    await host.start({ name: 'elsewhere', functionName: 'brief' });
    expect(await list(host)).toEqual(['one', 'two', 'three']);
    expect(await list(host, { ReverseOrder: true })).toEqual(['three', 'two', 'one']);
    expect(await list(host, { Statuses: ['FAILED', 'RUNNING'] })).toEqual(['two', 'three']);
    expect(await list(host, { DurableExecutionName: 'two' })).toEqual(['two']);
    expect(await list(host, { StartedAfter: new Date(began) })).toEqual(['two', 'three']);
    expect(await list(host, { StartedBefore: new Date(began + 1000) })).toEqual(['one']);
    expect(await list(host, { Qualifier: '$LATEST' })).toHaveLength(3);
    expect(await list(host, { Qualifier: '7' })).toEqual([]);
    expect(
      await list(host, { FunctionName: 'arn:aws:lambda:eu-west-1:123456789012:function:brief' }),
    ).toEqual(['elsewhere']);
  });

  test('comes in pages', async ({ host }) => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await host.start({ name });
    const pages: string[][] = [];
    for await (const page of paginateListDurableExecutionsByFunction(
      { client: host.client, pageSize: 2 },
      { FunctionName: 'durable' },
    )) {
      pages.push(page.DurableExecutions!.map((execution) => execution.DurableExecutionName!));
    }
    expect(pages).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  test('of a function nobody knows is refused', async ({ host }) => {
    await expect(list(host, { FunctionName: 'nobody' })).rejects.toThrow(ResourceNotFoundException);
  });
});

describe('get', () => {
  test('shows how an execution ended', async ({ host }) => {
    const startedAt = host.clock.now();
    const arn = await finish(host, 'one', 'succeed');
    const { $metadata, ...execution } = await host.client.send(
      new GetDurableExecutionCommand({ DurableExecutionArn: arn }),
    );
    expect($metadata.httpStatusCode).toBe(200);
    expect(execution).toEqual({
      DurableExecutionArn: arn,
      DurableExecutionName: 'one',
      FunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:durable',
      InputPayload: '"one"',
      Result: '"one"',
      StartTimestamp: new Date(startedAt),
      EndTimestamp: new Date(startedAt),
      Status: 'SUCCEEDED',
      Version: '$LATEST',
      ExecutionDataIncluded: true,
      DurableConfig: { ExecutionTimeout: 3600, RetentionPeriodInDays: 2 },
    });
  });

  test('leaves the data out when asked to', async ({ host }) => {
    const arn = await finish(host, 'one', 'fail');
    const execution = await host.client.send(
      new GetDurableExecutionCommand({ DurableExecutionArn: arn, IncludeExecutionData: false }),
    );
    expect(execution).toMatchObject({ Status: 'FAILED', ExecutionDataIncluded: false });
    expect(execution.Error).toBeUndefined();
  });

  test('of another ARN is refused', async ({ host }) => {
    const arn = await finish(host, 'one', 'succeed');
    for (const other of [arn.replace('/one/', '/two/'), `${arn.slice(0, -1)}_`]) {
      await expect(
        host.client.send(new GetDurableExecutionCommand({ DurableExecutionArn: other })),
      ).rejects.toThrow(ResourceNotFoundException);
    }
  });
});

describe('history', () => {
  test('comes in pages, in either order, with or without payloads', async ({ host }) => {
    const arn = await finish(host, 'one', 'succeed');
    const ids: number[][] = [];
    for await (const page of paginateGetDurableExecutionHistory(
      { client: host.client, pageSize: 2 },
      { DurableExecutionArn: arn, ReverseOrder: true },
    )) {
      ids.push(page.Events!.map((event) => event.EventId!));
    }
    expect(ids).toEqual([[3, 2], [1]]);
    const { Events: bare } = await host.client.send(
      new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn }),
    );
    expect(bare![2]!.ExecutionSucceededDetails).toEqual({ Result: { Truncated: true } });
    const { Events: full } = await host.client.send(
      new GetDurableExecutionHistoryCommand({
        DurableExecutionArn: arn,
        IncludeExecutionData: true,
      }),
    );
    expect(full![2]!.ExecutionSucceededDetails).toEqual({
      Result: { Payload: '"one"', Truncated: false },
    });
    await expect(
      host.client.send(
        new GetDurableExecutionHistoryCommand({ DurableExecutionArn: arn, MaxItems: 1001 }),
      ),
    ).rejects.toThrow(InvalidParameterValueException);
  });

  test('can be followed while it grows', async ({ host }) => {
    const seen: string[] = [];
    const stop = host.service.watch(({ functionName, event }) =>
      seen.push(`${functionName} ${event.EventId} ${event.EventType}`),
    );
    await finish(host, 'one', 'succeed');
    expect(seen).toEqual([
      'durable 1 ExecutionStarted',
      'durable 2 InvocationCompleted',
      'durable 3 ExecutionSucceeded',
    ]);
    stop();
    await finish(host, 'two', 'succeed');
    expect(seen).toHaveLength(3);
  });
});

describe('stop', () => {
  test('ends a running execution with the error it is given', async ({ host }) => {
    const arn = await host.start();
    const stop = new StopDurableExecutionCommand({
      DurableExecutionArn: arn,
      Error: { ErrorType: 'Enough', ErrorMessage: 'of this' },
    });
    const { StopTimestamp } = await host.client.send(stop);
    expect(StopTimestamp).toEqual(new Date(host.clock.now()));
    expect(await host.service.waitFor(arn)).toEqual({
      executionArn: arn,
      status: 'STOPPED',
      error: { ErrorType: 'Enough', ErrorMessage: 'of this' },
    });
    expect(host.service.history(arn).at(-1)).toMatchObject({ EventType: 'ExecutionStopped' });
    host.clock.advance(5000);
    expect((await host.client.send(stop)).StopTimestamp).toEqual(StopTimestamp);
  });

  test('of one that sleeps keeps it asleep', async ({ host }) => {
    const arn = await host.start();
    const invocation = await host.next();
    await invocation.checkpoint([
      { Id: 'w', Type: 'WAIT', Action: 'START', WaitOptions: { WaitSeconds: 1 } },
    ]);
    invocation.pending();
    await host.settle();
    await host.client.send(new StopDurableExecutionCommand({ DurableExecutionArn: arn }));
    host.clock.advance(1000);
    await host.settle();
    expect(host.untaken()).toBe(0);
  });
});

describe('start', () => {
  test('by a name that was used gives the execution that used it', async ({ host }) => {
    const arn = await finish(host, 'once', 'succeed');
    expect(
      await host.service.startExecution({
        functionName: 'durable',
        name: 'once',
        payload: '"once"',
      }),
    ).toEqual({ executionArn: arn, existed: true });
    await expect(
      host.service.startExecution({ functionName: 'durable', name: 'once', payload: '"twice"' }),
    ).rejects.toMatchObject({ code: DurableExecutionAlreadyStartedException.name, status: 409 });
    expect(await host.start({ functionName: 'brief', name: 'once' })).not.toBe(arn);
  });

  test.for<[string, { functionName: string; name?: string; payload?: string }, string]>([
    ['a function nobody knows', { functionName: 'nobody' }, 'ResourceNotFoundException'],
    ['a plain function', { functionName: 'plain' }, 'InvalidParameterValueException'],
    [
      'a name that is none',
      { functionName: 'durable', name: 'a b' },
      'InvalidParameterValueException',
    ],
    [
      'a payload that is too large',
      { functionName: 'durable', payload: 'x'.repeat(6 * 1024 * 1024 + 1) },
      'RequestTooLargeException',
    ],
  ])('of %s is refused', async ([, start, code], { host }) => {
    await expect(host.service.startExecution(start)).rejects.toMatchObject({ code });
    expect(host.service.list()).toEqual([]);
  });
});

describe('over plain HTTP', () => {
  const ask = async (
    host: PuppetHost,
    method: string,
    path: string,
    body?: string | Buffer,
  ): Promise<{ status: number; type: string | null; json: { message?: string } }> => {
    const { protocol, hostname, port } = await host.client.config.endpoint!();
    const response = await fetch(`${protocol}//${hostname}:${port}/2025-12-01/${path}`, {
      method,
      ...(body === undefined ? {} : { body: new Uint8Array(Buffer.from(body)) }),
    });
    const json = (await response.json().catch(() => ({}))) as { message?: string };
    return { status: response.status, type: response.headers.get('x-amzn-errortype'), json };
  };

  test.for<[string, string, string, string | Buffer | undefined, number, string]>([
    ['an ARN that is none', 'GET', 'durable-executions/x', undefined, 404, 'ResourceNotFound'],
    ['an unknown verb', 'POST', 'durable-executions/x/jump', undefined, 404, 'ResourceNotFound'],
    [
      'a path that is not text',
      'GET',
      'durable-executions/%ff',
      undefined,
      400,
      'InvalidParameterValue',
    ],
    [
      'a body that is too large',
      'POST',
      'durable-executions/x/checkpoint',
      Buffer.alloc(9 * 1024 * 1024),
      413,
      'RequestTooLarge',
    ],
  ])('%s', async ([, method, path, body, status, type], { host }) => {
    expect(await ask(host, method, path, body)).toMatchObject({
      status,
      type: `${type}Exception`,
      json: { Type: `${type}Exception`, message: expect.any(String) },
    });
  });

  test.for([
    ['no JSON', '{'],
    ['no token', '{}'],
    ['updates that are no list', '{"CheckpointToken":"x","Updates":{}}'],
  ])('a checkpoint with %s', async ([, body], { host }) => {
    const arn = await host.start();
    const path = `durable-executions/${encodeURIComponent(arn)}/checkpoint`;
    expect(await ask(host, 'POST', path, body)).toMatchObject({
      status: 400,
      type: 'InvalidParameterValueException',
    });
  });

  test('a list of all functions, a fork, a retry: what AWS does not have', async ({ host }) => {
    await finish(host, 'one', 'fail');
    await host.start({ functionName: 'brief', name: 'two' });
    const listed = await ask(host, 'GET', 'durable-executions?MaxItems=5');
    expect(listed.json).toMatchObject({
      DurableExecutions: [{ DurableExecutionName: 'one' }, { DurableExecutionName: 'two' }],
    });
    for (const [verb, body, name] of [
      ['fork', '{"FromStep":"nowhere"}', undefined],
      ['fork', undefined, 'one-fork-1'],
      ['retry', '{"Version":"$LATEST"}', 'one-retry-1'],
    ] as const) {
      const reply = await ask(host, 'POST', `durable-executions/one/${verb}`, body);
      expect(reply.status).toBe(name === undefined ? 400 : 200);
      if (name !== undefined)
        expect(reply.json).toMatchObject({
          DurableExecutionArn: expect.stringContaining(`/durable-execution/${name}/`),
        });
    }
  });

  test('an execution by its name, if only one has it', async ({ host }) => {
    const arn = await host.start({ name: 'one' });
    expect((await ask(host, 'GET', 'durable-executions/one')).json).toMatchObject({
      DurableExecutionArn: arn,
    });
    const other = await host.start({ functionName: 'brief', name: 'one' });
    expect(await ask(host, 'GET', 'durable-executions/one')).toMatchObject({
      status: 400,
      json: { message: expect.stringContaining(`${arn}, ${other}`) },
    });
  });

  test('updates that are no objects', async ({ host }) => {
    await host.start();
    const { arn, token } = await host.next();
    const path = `durable-executions/${encodeURIComponent(arn)}/checkpoint`;
    for (const update of [null, 7, {}, { Id: 'a', Type: '__proto__', Action: 'START' }]) {
      const body = JSON.stringify({ CheckpointToken: token, Updates: [update] });
      expect(await ask(host, 'POST', path, body)).toMatchObject({ status: 400 });
    }
  });
});
