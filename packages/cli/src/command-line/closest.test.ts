import { expect, test } from 'vitest';
import { closest } from './closest.ts';

test.each([
  ['reveiw', 'review'],
  ['moutn', 'mount'],
  ['unmout', 'unmount'],
  ['stat', 'status'],
  ['syn', 'sync'],
  ['xyz', undefined],
  ['', undefined],
])('%j means %j', (word, meant) => {
  expect(closest(word, ['review', 'mount', 'unmount', 'sync', 'status'])).toBe(meant);
});
