import { expect, test } from 'vitest';
import { cool, historyText, withHistory } from './cold.ts';
import type { Execution } from './execution.ts';

function execution(status: Execution['status']): Execution {
  return {
    id: 'x',
    arn: 'arn',
    name: 'n',
    functionName: 'f',
    version: '1',
    functionArn: 'f',
    status,
    startedAt: 1,
    timeoutSeconds: 1,
    timeoutAt: 2,
    retentionDays: 1,
    operations: new Map([['a', { id: 'a', type: 'STEP', status: 'SUCCEEDED', startedAt: 1 }]]),
    events: [{ type: 'StepStarted', at: 1, operationId: 'a' }],
    storedBytes: 0,
    failures: 0,
    due: false,
    changed: new Set(),
    sequence: 3,
  };
}

test('a cold execution is the same to whoever looks', () => {
  const warm = execution('SUCCEEDED');
  const cold = execution('SUCCEEDED');
  cool(cold);
  expect(Object.keys(cold)).not.toContain('events');
  expect(historyText(cold)).toBe(historyText(warm));
  expect(Object.keys(cold)).not.toContain('events');
  expect(cold.events).toEqual(warm.events);
  expect(cold).toEqual(warm);
});

test('what is added to it stays', () => {
  const cold = execution('STOPPED');
  cool(cold);
  cold.events.push({ type: 'InvocationCompleted', at: 2 });
  cool(cold);
  expect(cold.events.map(({ type }) => type)).toEqual(['StepStarted', 'InvocationCompleted']);
  expect(cold.operations.get('a')).toMatchObject({ type: 'STEP' });
});

test('read back, one that runs is warm and one that has ended is not', () => {
  for (const status of ['RUNNING', 'FAILED'] as const) {
    const { operations: _operations, events: _events, ...rest } = execution(status);
    const back = withHistory(rest, historyText(execution(status)));
    expect(Object.keys(back).includes('events')).toBe(status === 'RUNNING');
    expect(back.events).toHaveLength(1);
    expect(back).toEqual(execution(status));
  }
});
