import { constants } from 'node:os';
import { FsError } from '@moorage/file-system';
import { expect, test } from 'vitest';
import { errnoOf } from './errno.ts';
import { Errno } from './wire.ts';

test('every error has its own number and unknown ones are input/output errors', () => {
  const numbers = Object.values(FsError).map(errnoOf);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(errnoOf(FsError.NotEmpty)).toBe(constants.errno.ENOTEMPTY);
  expect(errnoOf(60)).toBe(Errno.EIO);
});

test('the numbers are those of this system', () => {
  for (const [name, value] of Object.entries(Errno))
    if (name in constants.errno)
      expect([name, value]).toEqual([name, constants.errno[name as keyof typeof constants.errno]]);
});
