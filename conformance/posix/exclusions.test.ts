import { expect, test } from 'vitest';
import { parseExclusions, readExclusions } from './exclusions.ts';

test('numbers, ranges and whole files', () => {
  const exclusions = parseExclusions('# comment\n\na/00.t 1,4-6 because\na/01.t * all\n');
  const [first] = exclusions.get('a/00.t')!;
  expect([0, 1, 2, 3, 4, 5, 6, 7].filter((number) => first!.covers(number))).toEqual([1, 4, 5, 6]);
  expect(first!.reason).toBe('because');
  expect(exclusions.get('a/01.t')![0]!.covers(99)).toBe(true);
});

test('a line without a reason is refused', () => {
  expect(() => parseExclusions('a/00.t 1,2\n')).toThrow('not an exclusion');
});

test('only hard links and device nodes are excluded', () => {
  const exclusions = readExclusions(new URL('./exclusions.txt', import.meta.url));
  const reasons = [...exclusions.values()].flat().map(({ reason }) => reason);
  expect(new Set(reasons)).toEqual(new Set(['hard links', 'device nodes']));
});
