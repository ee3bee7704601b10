import { expect, test } from 'vitest';
import { detailLines, eventLine, executionLine } from './describe.ts';

const execution = {
  DurableExecutionArn: 'arn:aws:lambda:r:1:function:f:1/durable-execution/run-1/id-1',
  DurableExecutionName: 'run-1',
  FunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:app-Main',
  Status: 'FAILED',
  StartTimestamp: 1_700_000_000,
  EndTimestamp: 1_700_000_002.5,
};

test('an execution in a list', () => {
  expect(executionLine(execution).replaceAll(/ +/g, ' ')).toBe(
    'run-1 FAILED 2023-11-14 22:13:20 2.5 s app-Main',
  );
});

test('its details', () => {
  const lines = detailLines({ ...execution, Error: { ErrorType: 'Broken', ErrorMessage: 'no' } });
  expect(lines).toContain('Error     Broken: no');
  expect(lines).toContain('Ended     2023-11-14 22:13:22 (2.5 s)');
});

test.each([
  ['StepSucceeded', { Result: { Payload: '{"a":\n 1}' } }, '{"a": 1}'],
  ['StepFailed', { Error: { Payload: { ErrorType: 'E', ErrorMessage: 'm' } } }, 'E: m'],
  ['ChainedInvokeStarted', { FunctionName: 'f', Input: { Payload: '1' } }, 'f 1'],
  ['WaitStarted', { Duration: 3 }, ''],
])('an event: %s', (type, details, shown) => {
  const event = {
    ...{ EventType: type, EventId: 1, EventTimestamp: 1_700_000_001.25, Name: 'step' },
    [`${type}Details`]: details,
  };
  const line = eventLine(event, execution.StartTimestamp).replaceAll(/ +/g, ' ').trim();
  expect(line).toBe(`+1.250 s ${type} step ${shown}`.trim());
});
