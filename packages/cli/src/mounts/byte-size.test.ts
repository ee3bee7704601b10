import { expect, test } from 'vitest';
import { byteSize, shownBytes } from './byte-size.ts';

test.each([
  ['1048576', 1_048_576],
  ['10GiB', 10 * 2 ** 30],
  ['1.5 TB', 1.5e12],
  ['64mib', 64 * 2 ** 20],
])('%s', (text, bytes) => {
  expect(byteSize('--cache-size', text, 1)).toBe(bytes);
});

test.each(['', 'GiB', '10 apples', '-1', '1e3', '1MiB'])('%j is refused', (text) => {
  expect(() => byteSize('--cache-size', text, 2 ** 26)).toThrow('--cache-size');
});

test.each([
  [0, '0 B'],
  [1023, '1020 B'],
  [1536, '1.5 KiB'],
  [10 * 2 ** 30, '10 GiB'],
  [3 * 2 ** 40, '3 TiB'],
])('%d is shown as %s', (bytes, text) => {
  expect(shownBytes(bytes)).toBe(text);
});
