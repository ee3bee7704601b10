import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { EndResult } from './destination-record.ts';
import { EventQueue } from './event-queue.ts';
import { configuration, eventually } from './fixture.ts';
import type { InvocationRequest, InvocationResult } from './invocation.ts';
import { LambdaError } from './lambda-error.ts';
import type { Clock } from './ports.ts';

let dir: string;
let path: string;
let clock: ReturnType<typeof manualClock>;
let calls: { id: string; atMs: number; payload: string }[];
let log: string[];
let outcome: (request: InvocationRequest) => Promise<InvocationResult>;
let functions: Set<string>;
let ended: (executionArn: string) => Promise<EndResult>;
let started: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-events-'));
  path = join(dir, 'events.jsonl');
  clock = manualClock();
  calls = [];
  log = [];
  functions = new Set(['f']);
  outcome = async () => result();
  ended = () => new Promise(() => {});
  started = [];
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(more: object = {}, timeScale?: number): EventQueue {
  return new EventQueue({
    ...(timeScale !== undefined && { timeScale }),
    start: async ({ functionName, executionName, payload }) => {
      started.push(`${functionName} ${executionName} ${Buffer.from(payload).toString()}`);
      return { executionArn: `arn:${executionName}`, result: new Promise(() => {}) };
    },
    ended: (executionArn) => ended(executionArn),
    path,
    clock,
    log: (level, message, fields) => void log.push(`${level} ${message} ${JSON.stringify(fields)}`),
    resolve: (name) => {
      if (!functions.has(name)) throw new LambdaError('ResourceNotFoundException', name);
      return configuration(name, '/', name === 'f' ? more : {});
    },
    invoke: (request) => {
      calls.push({
        id: request.requestId!,
        atMs: clock.now(),
        payload: Buffer.from(request.payload).toString(),
      });
      return outcome(request);
    },
  });
}

const event = (requestId: string, functionName = 'f') => ({
  requestId,
  functionName,
  payload: Buffer.from(JSON.stringify(requestId)),
});

function result(functionError?: 'Unhandled'): InvocationResult {
  return {
    payload: Buffer.from('null'),
    ...(functionError === undefined ? {} : { functionError }),
    logTail: '',
    executedVersion: '1',
    requestId: 'r',
    report: { durationMs: 1, memoryMb: 128, status: 'success' },
  };
}

test('an event is on disk before it is acknowledged, and runs', async () => {
  let before = '';
  outcome = async () => {
    before = readFileSync(path, 'utf8');
    return result();
  };
  const queue = open();
  await queue.accept(event('a'));
  await eventually(() => calls.length === 1);
  expect(before).toContain('"a"');
  expect(calls[0]).toMatchObject({ id: 'a', payload: '"a"' });
  await eventually(() => readFileSync(path, 'utf8').includes('"done"'));
  await queue.close();
  calls = [];
  const again = open();
  again.pump('f');
  await again.close();
  expect(calls).toEqual([]);
});

test('a function error is tried again after one and two minutes, then given up', async () => {
  outcome = async () => result('Unhandled');
  const queue = open();
  await queue.accept(event('a'));
  await eventually(() => clock.timers() === 1);
  expect(calls).toHaveLength(1);
  clock.advance(59_999);
  expect(calls).toHaveLength(1);
  clock.advance(1);
  await eventually(() => calls.length === 2 && clock.timers() === 1);
  clock.advance(120_000);
  await eventually(() => log.length === 1);
  expect(calls.map((call) => call.atMs)).toEqual([0, 60_000, 180_000]);
  expect(log[0]).toMatch(/given up.*out of retries/);
  await queue.close();
  expect(readFileSync(path, 'utf8')).toContain('"type":"done"');
});

test('with a time scale it is tried again that much sooner', async () => {
  outcome = async () => result('Unhandled');
  const queue = open({}, 60);
  await queue.accept(event('a'));
  await eventually(() => clock.timers() === 1);
  clock.advance(1000);
  await eventually(() => calls.length === 2 && clock.timers() === 1);
  clock.advance(2000);
  await eventually(() => log.length === 1);
  expect(calls.map((call) => call.atMs)).toEqual([0, 1000, 3000]);
  await queue.close();
});

test('the number of retries is the function’s', async () => {
  outcome = async () => result('Unhandled');
  const queue = open({ maximumRetryAttempts: 0 });
  await queue.accept(event('a'));
  await eventually(() => log.length === 1);
  expect(calls).toHaveLength(1);
  await queue.close();
});

test('an event that has grown too old is given up', async () => {
  functions.clear();
  const queue = open({ maximumEventAgeSeconds: 60 });
  await queue.accept(event('a'));
  clock.advance(60_001);
  functions.add('f');
  queue.pump('f');
  await eventually(() => log.length === 1);
  expect(log[0]).toContain('too old');
  expect(calls).toEqual([]);
  await queue.close();
});

test('a destination is told how an invocation ended', async () => {
  functions = new Set(['f', 'wins', 'loses']);
  outcome = async ({ functionName, requestId }) =>
    result(functionName === 'f' && requestId !== 'good' ? 'Unhandled' : undefined);
  const onSuccess = 'arn:aws:lambda:us-east-1:000000000000:function:wins';
  const queue = open({ maximumRetryAttempts: 0, destinations: { onSuccess, onFailure: 'loses' } });
  await queue.accept(event('good'));
  await queue.accept(event('bad'));
  await eventually(() => calls.length === 4);
  const told = calls.map(({ payload }) => JSON.parse(payload) as unknown);
  const context = (condition: string, requestId: string): unknown => ({
    ...{ requestId, condition, approximateInvokeCount: 1 },
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST',
  });
  expect(told).toContainEqual({
    ...{ version: '1.0', timestamp: '1970-01-01T00:00:00.000Z', requestPayload: 'good' },
    requestContext: context('Success', 'good'),
    responseContext: { statusCode: 200, executedVersion: '1' },
    responsePayload: null,
  });
  expect(told).toContainEqual({
    ...{ version: '1.0', timestamp: '1970-01-01T00:00:00.000Z', requestPayload: 'bad' },
    requestContext: context('RetriesExhausted', 'bad'),
    responseContext: { statusCode: 200, executedVersion: '1', functionError: 'Unhandled' },
    responsePayload: null,
  });
  await queue.close();
});

test('a destination is told of what became too old, after a restart as well', async () => {
  functions.clear();
  const o = { maximumEventAgeSeconds: 60, destinations: { onFailure: 'loses' } };
  const first = open(o);
  await first.accept(event('a'));
  clock.advance(60_001);
  functions = new Set(['f']);
  first.pump('f');
  // Who is to be told is not there yet: it waits.
  await eventually(() => readFileSync(path, 'utf8').includes('"done"'));
  await first.close();
  expect(calls).toEqual([]);
  functions.add('loses');
  const second = open(o);
  second.pump('loses');
  await eventually(() => calls.length === 1);
  expect(JSON.parse(calls[0]!.payload)).toMatchObject({
    requestContext: { condition: 'EventAgeExceeded', approximateInvokeCount: 0 },
    requestPayload: 'a',
  });
  await second.close();
});

test('the end of an execution is told once, by whichever start sees it', async () => {
  functions.add('told');
  const more = { destinations: { onSuccess: 'told', onFailure: 'told' } };
  const started = { functionName: 'f', payload: Buffer.from('{"a":1}'), executionArn: 'arn:x' };
  const first = open(more);
  await first.follow(started);
  await first.follow(started);
  await first.close();
  expect(calls).toEqual([]);

  ended = async () => ({ payload: Buffer.from('"right"'), executedVersion: '7' });
  const second = open(more);
  await eventually(() => calls.length === 1);
  expect(JSON.parse(calls[0]!.payload)).toMatchObject({
    requestContext: { condition: 'Success', approximateInvokeCount: 1 },
    requestPayload: { a: 1 },
    responseContext: { statusCode: 200, executedVersion: '7' },
    responsePayload: 'right',
  });
  await eventually(() => readFileSync(path, 'utf8').split('"done"').length === 3);
  await second.close();
  const third = open(more);
  await third.close();
  expect(calls).toHaveLength(1);
});

test('an execution that failed is told to the destination for failures, without a retry', async () => {
  functions.add('told');
  ended = async () => ({
    ...{ payload: Buffer.from('{"errorType":"X"}'), executedVersion: '7' },
    functionError: 'Unhandled',
  });
  const queue = open({ destinations: { onFailure: 'told' } });
  await queue.follow({ functionName: 'f', payload: Buffer.from('1'), executionArn: 'arn:x' });
  await eventually(() => calls.length === 1);
  expect(JSON.parse(calls[0]!.payload)).toMatchObject({
    requestContext: { condition: 'RetriesExhausted' },
    responseContext: { functionError: 'Unhandled' },
    responsePayload: { errorType: 'X' },
  });
  await queue.close();
});

test('an event of a durable function starts one execution, and its end is told', async () => {
  functions.add('told');
  const more = { durable: true, destinations: { onSuccess: 'told' } };
  const first = open(more);
  await first.accept(event('a'));
  await eventually(() => readFileSync(path, 'utf8').includes('"started"'));
  await first.close();
  expect(started).toEqual(['f a "a"']);
  // Longer than an event may wait for its first try.
  clock.advance(86_400_000);
  ended = async (executionArn) => {
    expect(executionArn).toBe('arn:a');
    return { payload: Buffer.from('1'), executedVersion: '7' };
  };
  const second = open(more);
  second.pump('f');
  await eventually(() => calls.length === 1);
  expect(JSON.parse(calls[0]!.payload)).toMatchObject({
    requestContext: { condition: 'Success' },
    requestPayload: 'a',
    responsePayload: 1,
  });
  await second.close();
  expect(started).toHaveLength(1);
});

test('what was accepted is resumed by a later start, retries included', async () => {
  outcome = async (request) => result(request.requestId === 'fails' ? 'Unhandled' : undefined);
  functions = new Set(['f', 'g']);
  const first = open();
  await first.accept(event('fails'));
  await eventually(() => clock.timers() === 1);
  functions.delete('g');
  await first.accept(event('waits', 'g'));
  await first.close();
  calls = [];

  functions.add('g');
  const second = open();
  second.pump('f');
  second.pump('g');
  await eventually(() => calls.length === 1);
  expect(calls[0]!.id).toBe('waits');
  await eventually(() => clock.timers() > 0);
  clock.advance(60_000);
  await eventually(() => calls.length === 2);
  expect(calls[1]!.id).toBe('fails');
  await second.close();
});

test('what runs when the host closes runs again, and has lost no try', async () => {
  let finish: () => void = () => {};
  outcome = () => new Promise((resolve) => (finish = () => resolve(result('Unhandled'))));
  const first = open();
  await first.accept(event('a'));
  await eventually(() => calls.length === 1);
  await first.close();
  finish();
  outcome = async () => result();
  const second = open();
  second.pump('f');
  await eventually(() => calls.length === 2);
  expect(second).toBeDefined();
  await second.close();
});

test('a failure of the service costs no try', async () => {
  let failures = 3;
  outcome = async () => {
    if (failures-- > 0) throw new LambdaError('TooManyRequestsException', 'full');
    return result();
  };
  const queue = open({ maximumRetryAttempts: 0 });
  await queue.accept(event('a'));
  for (let tries = 1; tries <= 3; tries++) {
    await eventually(() => calls.length === tries && clock.timers() === 1);
    clock.advance(300_000);
  }
  await eventually(() => calls.length === 4);
  expect(log).toEqual([]);
  await queue.close();
});

test('a torn last line is dropped, an unreadable one reported', async () => {
  functions.clear();
  const queue = open();
  await queue.accept(event('a'));
  await queue.close();
  const whole = readFileSync(path, 'utf8');
  writeFileSync(path, `garbage\n${whole}`);
  appendFileSync(path, whole.slice(0, -10));
  functions.add('f');
  const again = open();
  expect(log).toHaveLength(1);
  expect(log[0]).toContain('"line":1');
  again.pump('f');
  await eventually(() => calls.length === 1);
  await again.close();
});

test('no more run at once than the function may', async () => {
  let running = 0;
  let most = 0;
  outcome = async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return result();
  };
  const queue = open({ concurrency: 2 });
  await Promise.all(Array.from({ length: 20 }, (_, n) => queue.accept(event(`e${n}`))));
  await eventually(() => calls.length === 20);
  expect(most).toBeLessThanOrEqual(2);
  expect(calls.map((call) => call.id)).toEqual(Array.from({ length: 20 }, (_, n) => `e${n}`));
  await queue.close();
});

test('a disk that cannot be written acknowledges nothing, and is tried anew', async () => {
  const queue = open();
  mkdirSync(`${path}.new`);
  await expect(queue.accept(event('a'))).rejects.toMatchObject({ code: 'ServiceException' });
  rmdirSync(`${path}.new`);
  await queue.accept(event('b'));
  await eventually(() => calls.length === 1);
  expect(calls[0]!.id).toBe('b');
  await queue.close();
});

function manualClock(): Clock & { advance(ms: number): void; timers(): number } {
  let nowMs = 0;
  const timers = new Set<{ atMs: number; run: () => void }>();
  return {
    now: () => nowMs,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    timers: () => timers.size,
    advance(ms) {
      nowMs += ms;
      for (const timer of timers) {
        if (timer.atMs > nowMs) continue;
        timers.delete(timer);
        timer.run();
      }
    },
  };
}
