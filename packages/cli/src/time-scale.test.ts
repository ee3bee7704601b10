import { expect, test } from 'vitest';
import { timeScaleOf } from './time-scale.ts';

test('a positive number, or nothing', () => {
  expect(timeScaleOf(undefined)).toBeUndefined();
  expect(timeScaleOf('60')).toBe(60);
  expect(timeScaleOf('0.5')).toBe(0.5);
});

test.each(['', '0', '-1', '1e3', 'fast', 'Infinity'])('%s is refused', (text) => {
  expect(() => timeScaleOf(text)).toThrow(/time-scale/);
});
