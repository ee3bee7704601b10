import { expect, test } from 'vitest';

import { LineSplitter, LogTail } from './log-lines.ts';

function split(...chunks: (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => void lines.push(line));
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  splitter.flush();
  return lines;
}

test('lines come whole, however they were cut', () => {
  expect(split('a\nb', 'c\r\n', '', '\nlast')).toEqual(['a', 'bc', '', 'last']);
  const bytes = Buffer.from('é\n');
  expect(split(bytes.subarray(0, 1), bytes.subarray(1))).toEqual(['é']);
});

test('a line without end is cut', () => {
  const lines = split('x'.repeat(600_000));
  expect(lines.map((line) => line.length)).toEqual([262_144, 262_144, 75_712]);
});

test('the tail keeps the end', () => {
  const tail = new LogTail(10);
  for (const line of ['one', 'two', 'three', 'four']) tail.add(line);
  expect(tail.toString()).toBe('hree\nfour\n');
  tail.add('0123456789abcdef');
  expect(tail.toString()).toBe('789abcdef\n');
});
