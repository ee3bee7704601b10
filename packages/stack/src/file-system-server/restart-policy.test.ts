import { expect, test } from 'vitest';
import { newRestartPolicy } from './restart-policy.ts';

test('the first restart is immediate, later ones pause longer, dying young again and again is given up', () => {
  const policy = newRestartPolicy();
  const pauses = Array.from({ length: 9 }, () => policy.died(100));
  expect(pauses).toEqual([0, 50, 100, 200, 400, 800, 1600, 2000, undefined]);
});

test('a server that lived a while starts with a clean record', () => {
  const policy = newRestartPolicy();
  for (let i = 0; i < 8; i++) policy.died(0);
  expect(policy.died(60_000)).toBe(0);
  expect(policy.died(0)).toBe(50);
});
