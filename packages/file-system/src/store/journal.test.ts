import { mkdtempSync, openSync, closeSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Journal } from './journal.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-journal-'));
  path = join(dir, 'journal');
  Journal.make(path, 4096);
});
afterEach(() => rmSync(dir, { recursive: true }));

function replayed(sequence = 0): { records: string[]; journal: Journal } {
  const journal = new Journal(path);
  const records: string[] = [];
  journal.replay(sequence, (record) => records.push(record));
  return { records, journal };
}

test('records come back in order, with every byte of a name', () => {
  const { journal } = replayed();
  expect(journal.append('one')).toBe(true);
  expect(journal.append('zw\xff\x80i')).toBe(true);
  journal.close();
  expect(replayed().records).toEqual(['one', 'zw\xff\x80i']);
});

test('what was committed before is left out', () => {
  const { journal } = replayed();
  for (const record of ['a', 'b', 'c']) journal.append(record);
  journal.close();
  expect(replayed(2).records).toEqual(['c']);
});

test('after a reset the records of the earlier round do not come back', () => {
  const { journal } = replayed();
  for (const record of ['aaaa', 'bbbb', 'cccc']) journal.append(record);
  journal.reset();
  journal.append('dddd');
  journal.close();
  expect(replayed(3).records).toEqual(['dddd']);
  // Not even when the crash came before the first record of the new round.
  expect(replayed(4).records).toEqual([]);
});

test('a torn record ends the replay, and the next one is written over it', () => {
  const { journal } = replayed();
  journal.append('whole');
  journal.append('torn');
  journal.close();
  const fd = openSync(path, 'r+');
  writeSync(fd, 'X', 16 + 5 + 16 + 2);
  closeSync(fd);
  const { records, journal: again } = replayed();
  expect(records).toEqual(['whole']);
  again.append('new');
  again.close();
  expect(replayed().records).toEqual(['whole', 'new']);
});

test('a record that does not fit is refused and nothing is written', () => {
  const { journal } = replayed();
  journal.append('x');
  expect(journal.append('y'.repeat(5000))).toBe(false);
  expect(journal.append('z')).toBe(true);
  journal.close();
  expect(replayed().records).toEqual(['x', 'z']);
});
