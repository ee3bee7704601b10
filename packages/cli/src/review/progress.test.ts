import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Terminal } from '../command-line/terminal.ts';
import { Progress, type HistoryEvent } from './progress.ts';

let now: number;
let lines: string[];
let drawn: string;
let progress: Progress | undefined;

beforeEach(() => {
  [now, lines, drawn] = [1_000_000, [], ''];
});
afterEach(() => progress?.close());

function start(interactive: boolean): Progress {
  const terminal: Terminal = {
    ...{ json: false, interactive, columns: 20, print: () => {}, result: () => {} },
    note: (line) => void lines.push(line),
    raw: (text) => void (drawn += text),
  };
  progress = new Progress(terminal, () => now);
  return progress;
}

function event(type: string, name: string, ms: number, payload?: string): HistoryEvent {
  const details =
    payload === undefined ? {} : { StepSucceededDetails: { Result: { Payload: payload } } };
  return { EventType: type, Name: name, EventTimestamp: (1_000_000 + ms) / 1000, ...details };
}

test('a line for each part as it ends; what takes no time worth showing is left out', () => {
  const subject = start(false);
  for (const shown of [
    event('ExecutionStarted', 'run', 0),
    event('StepStarted', 'open', 0),
    event('StepSucceeded', 'open', 5),
    event('StepStarted', 'clone', 5),
    event('StepSucceeded', 'clone', 1505, '{"ok":true}'),
    event('ChainedInvokeStarted', 'review-security', 1505),
    event('ChainedInvokeStarted', 'review-style', 1505),
    event('ChainedInvokeFailed', 'review-style', 1705),
    event('ChainedInvokeSucceeded', 'review-security', 2505),
  ]) {
    subject.event(shown);
  }
  expect(lines).toEqual(['✓ clone 1.5 s', '✗ style 0.2 s', '✓ security 1.0 s']);
  expect(subject.finished.map(({ name, ok }) => [name, ok])).toEqual([
    ['clone', true],
    ['style', false],
    ['security', true],
  ]);
  expect(drawn).toBe('');
});

test('a step that says it could not do it is a failure; one that is retried goes on', () => {
  const subject = start(false);
  subject.event(event('StepStarted', 'clone', 0));
  subject.event(event('StepFailed', 'clone', 100));
  expect(lines).toEqual([]);
  subject.event(event('StepSucceeded', 'clone', 300, '{"ok":false,"failure":{}}'));
  expect(lines).toEqual(['✗ clone 0.3 s']);
});

test('what an earlier attempt did is known and not shown again', () => {
  const subject = start(false);
  for (const shown of [
    event('StepStarted', 'clone', -5000),
    event('StepSucceeded', 'clone', -3800),
    event('ChainedInvokeStarted', 'review-style', -3800),
    event('ChainedInvokeStarted', 'review-security', -3800),
    event('ChainedInvokeSucceeded', 'review-security', -2800),
    event('ChainedInvokeSucceeded', 'review-style', 700),
  ]) {
    subject.event(shown);
  }
  expect(lines).toEqual(['✓ style 0.7 s']);
  const parts = subject.finished.map(({ name, seconds, earlier }) => [name, seconds, earlier]);
  expect(parts).toEqual([
    ['clone', expect.closeTo(1.2), true],
    ['security', expect.closeTo(1), true],
    ['style', expect.closeTo(0.7), false],
  ]);
});

test('on a terminal the running parts are redrawn within its width, and removed at the end', () => {
  const subject = start(true);
  subject.begin('a-part-with-a-long-name');
  expect(drawn.split('\n')[0]).toHaveLength(19);
  now += 2000;
  subject.end('a-part-with-a-long-name', true);
  expect(drawn.endsWith('\u001b[1A\u001b[J')).toBe(true);
  expect(lines).toEqual(['✓ a-part-with-a-long-name 2.0 s']);
});
