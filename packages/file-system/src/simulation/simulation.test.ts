/**
 * A modest number of seeds on every run of the tests (`npm run sim` runs more), seeds that once failed, and that a
 * seed is one exact schedule.
 */
import { expect, test } from 'vitest';
import { runSeed } from './run-seeds.ts';

const operations = 60;

test('the same seed twice is the same schedule', async () => {
  const first = await runSeed(5, operations);
  const second = await runSeed(5, operations);
  expect(second.hash).toBe(first.hash);
  expect((await runSeed(7, operations)).hash).not.toBe(first.hash);
});

test.each([0, 1, 2, 3, 4, 5, 6, 7])('seeds from %i on keep every promise', async (block) => {
  for (let seed = block * 4; seed < block * 4 + 4; seed++) {
    expect([seed, (await runSeed(seed, operations)).failure]).toEqual([seed, undefined]);
  }
});

test.each([
  [16, 'a directory exchanged with one that has a marker took that marker for its own'],
  [18, 'after five lost answers our own object was taken for somebody else’s'],
  [41, 'a full disk ended the process when a large file was read'],
  [42, 'a file moved onto one of equal content kept that one’s attributes'],
  [44, 'a file was removed because its name was a directory’s in a listing that was out of date'],
  [76, 'a moved directory was removed because a listing that was out of date did not show it'],
  [135, 'a deletion that waited for an export under a rule without any age was looked at for ever'],
  [317, 'a read on a full disk fetched the file over and over'],
  [337, 'a link that came to light in a conflict never got its target'],
  [459, 'a link replaced by a file was a link again after a crash'],
  [464, 'two files exchanged within their directories both had one’s content'],
  [475, 'a file in lost+found was asked for at a key that it never had'],
  [581, 'a moved file whose object was deleted was asked for without a pause'],
  [589, 'a barrier waited for a marker that nobody deleted'],
  [4064, 'a download wrote over bytes that had been written between two missing ranges'],
  [875, 'a file exchanged and exchanged back was replaced by the other'],
  [101096, 'zeros behind the end of a flushed file were taken for bytes that are not on disk'],
  [100127, 'an fsync to the bucket waited for ever while the disk was full'],
  [100689, 'a directory that was left alone for long was listed late when somebody looked again'],
  [
    100356,
    'a file that had taken a directory’s name was given up for what an old listing showed below it',
  ],
  [100931, 'bytes that took the place of a known marker were neither shown nor listed'],
])('seed %i: %s', async (seed) => {
  expect((await runSeed(seed, operations)).failure).toBeUndefined();
});
