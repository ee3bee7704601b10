import { expect, test } from 'vitest';
import { FailureLog } from './failure-log.ts';

test('an hour without the store is a line a minute for each kind of failure', () => {
  const lines: string[] = [];
  const log = new FailureLog((line) => lines.push(line));
  for (let second = 0; second < 3_600; second++) {
    for (let file = 0; file < 10; file++) log.failed('Unreachable', 'not there', second * 1000);
  }
  expect(lines).toHaveLength(60);
  expect(lines[0]).toBe('sync failure code=Unreachable | not there');
  expect(lines[1]).toBe('sync failure code=Unreachable more=599 | not there');
  log.failed('SlowDown', 'later', 3_599_000);
  expect(lines.at(-1)).toBe('sync failure code=SlowDown | later');
});
