import { expect, test } from 'vitest';
import { fsxSection, pjdfstestSection, withSection } from './report.ts';

test('writing one suite keeps the sections of the others', () => {
  const one = withSection('', 'fsx', 'first');
  const two = withSection(withSection(one, 'pjdfstest', 'second'), 'fsx', 'third');
  expect(two.split(/^## /m).slice(1)).toEqual(['pjdfstest\n\nsecond\n\n', 'fsx\n\nthird\n']);
  expect(withSection(two, 'fsx', 'third')).toBe(two);
});

test('failures are shown', () => {
  const groups = [{ group: 'open', passed: 3, failed: 1, excluded: 2, todo: 0 }];
  const section = pjdfstestSection(
    { groups, failures: ['open/00.t 1: no'], needless: [] },
    'r',
    false,
  );
  expect(section).toMatch(/\| all +\| 3 +\| 1 +\| 2 +\| 0 +\|/);
  expect(section).toContain('open/00.t 1: no');
  const form = { name: 'plain', options: '-f', operations: 10, failure: 'READ BAD DATA' };
  expect(fsxSection([form], 'r', undefined)).toMatch(
    /\| plain +\| `-f` +\| 10 +\| failed +\|[^]*READ BAD DATA/,
  );
  const killed = fsxSection([form], 'r', 7);
  expect(killed).toContain('SIGKILL 7 times');
  expect(killed).toContain('--operations 10 --kills');
});
