import { expect, test } from 'vitest';
import { parseTap } from './tap.ts';

const verdicts = (text: string): string[] =>
  parseTap(text).map(({ number, verdict }) => `${number} ${verdict}`);

test('passed, failed, and failed as the suite expects', () => {
  expect(
    verdicts('1..4\nok 1\nnot ok 2 - tried x\nnot ok 3 # TODO later\nok 4 # TODO done\n'),
  ).toEqual(['1 passed', '2 failed', '3 todo', '4 passed']);
});

test('a case that was planned and not reported has failed', () => {
  expect(verdicts('1..3\nok 1\nsegmentation fault\nok 3\n')).toEqual([
    '1 passed',
    '2 failed',
    '3 passed',
  ]);
});

test('a file that says nothing has failed', () => {
  expect(parseTap('sh: not found\n')).toEqual([
    { number: 0, verdict: 'failed', line: 'no plan: sh: not found' },
  ]);
});
