import { expect, test } from 'vitest';
import type { Execution, ExecutionFields, HistoryEvent } from './execution.ts';
import { withHistory } from './kept-history.ts';

const fields: ExecutionFields = {
  id: 'x',
  arn: 'arn',
  name: 'n',
  functionName: 'f',
  version: '1',
  functionArn: 'f',
  status: 'SUCCEEDED',
  startedAt: 1,
  timeoutSeconds: 1,
  timeoutAt: 2,
  retentionDays: 1,
  storedBytes: 0,
  failures: 0,
  due: false,
  changed: new Set(),
  sequence: 3,
};
const ended: HistoryEvent = { type: 'InvocationCompleted', at: 2 };

function execution(): Execution {
  return withHistory(fields, {
    operations: new Map([['a', { id: 'a', type: 'STEP', status: 'SUCCEEDED', startedAt: 1 }]]),
    events: [{ type: 'StepStarted', at: 1, operationId: 'a' }],
  });
}

test('put away, it is the same to whoever looks', () => {
  const built = execution();
  const away = execution();
  away.putAway();
  expect(away.historyText()).toBe(built.historyText());
  expect(away.events).toEqual(built.events);
  expect(away.operations).toEqual(built.operations);
  expect({ ...away }).toEqual(fields);
});

test('what is added to it stays', () => {
  const away = execution();
  away.putAway();
  away.events.push(ended);
  away.putAway();
  expect(away.events.map(({ type }) => type)).toEqual(['StepStarted', 'InvocationCompleted']);
  expect(away.operations.get('a')).toMatchObject({ type: 'STEP' });
});

test('read back from its text it is the same', () => {
  const text = execution().historyText();
  const back = withHistory(fields, text);
  expect(back.historyText()).toBe(text);
  expect(back.operations).toEqual(execution().operations);
});

test('it is brought up to date when it is asked for, once', () => {
  for (const ask of [
    (late: Execution) => late.events.length,
    (late: Execution) => (JSON.parse(late.historyText()) as { events: unknown[] }).events.length,
  ]) {
    const late = execution();
    let times = 0;
    late.catchUpLater(() => {
      times++;
      late.events.push(ended);
    });
    expect(times).toBe(0);
    expect(ask(late)).toBe(2);
    expect(ask(late)).toBe(2);
    expect(times).toBe(1);
  }
});
