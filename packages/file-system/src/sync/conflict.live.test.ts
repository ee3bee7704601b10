import { startLocalS3 } from '@moorage/local-s3';
import type { Bucket } from '@moorage/object-store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Live } from '../testing/live.ts';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

const lost = '/.s3files-lost+found-fs-0123456789abcdef0';

let rig: Rig;
let outside: Bucket;
let live: Live;

beforeEach(async () => {
  // Re-listing is off: conflicts are found by the export.
  rig = await startRig(startLocalS3, { relistMs: 3_600_000 });
  ({ outside, live } = rig);
});

afterEach(async () => {
  await rig.end();
});

test('changed on both sides: S3 wins, the local copy is in lost+found', async () => {
  await live.write('/d.txt', 'base');
  await live.barrier();
  await outside.put('d.txt', Buffer.from('theirs'));
  await live.write('/d.txt', 'ours');
  await live.barrier();
  expect(await live.read('/d.txt')).toBe('theirs');
  const [kept] = await live.names(lost);
  expect(kept).toMatch(/^[0-9a-f]{10}_d\.txt$/);
  expect(await live.read(`${lost}/${kept}`)).toBe('ours');
  expect(live.sync.status().conflicts).toMatchObject([
    { path: '/d.txt', keptAs: kept, key: 'd.txt' },
  ]);
  await live.barrier();
  expect(await rig.keys()).toEqual(['d.txt']);
  const { ino } = await live.lookup(`${lost}/${kept}`);
  expect(live.sync.statusText(ino)).toContain('FilePath: /d.txt');
  await live.crash();
  expect(live.sync.status().conflicts).toHaveLength(1);
});

test('created on both sides', async () => {
  await live.names('/');
  await outside.put('n', Buffer.from('theirs'));
  await live.write('/n', 'ours');
  await live.barrier();
  expect(await live.read('/n')).toBe('theirs');
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('changed here and deleted there: the local copy is kept, the name is gone', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.delete('f');
  await live.write('/f', 'ours');
  await live.barrier();
  expect(await live.exists('/f')).toBe(false);
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('deleted here and changed there: it comes back', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.put('f', Buffer.from('theirs'));
  await live.unlink('/f');
  await live.barrier();
  expect(await live.read('/f')).toBe('theirs');
  expect(await rig.keys()).toEqual(['f']);
});

test('moved here and changed there: both are kept', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.put('f', Buffer.from('theirs'));
  await live.rename('/f', '/g');
  await live.barrier();
  expect(await live.read('/g')).toBe('base');
  expect(await live.read('/f')).toBe('theirs');
});

test('moved to a name that was taken there meanwhile', async () => {
  await live.write('/f', 'ours');
  await live.barrier();
  await outside.put('g', Buffer.from('theirs'));
  await live.rename('/f', '/g');
  await live.barrier();
  expect(await live.read('/g')).toBe('theirs');
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('two file systems on one bucket agree in the end', async () => {
  const other = await rig.second({ relistMs: 50 });
  await live.write('/x', 'first');
  await live.barrier();
  await other.names('/');
  expect(await other.read('/x')).toBe('first');
  await other.write('/x', 'second');
  await other.barrier();
  await live.write('/x', 'third');
  await live.barrier();
  expect(await live.read('/x')).toBe('second');
  await live.write('/x', 'fourth');
  await live.barrier();
  await eventually(async () => (await other.read('/x')) === 'fourth', 'the other one follows');
});

test('a write whose answer was lost in a crash is recognised as our own', async () => {
  await live.write('/f', 'one');
  // The request leaves, its answer is never heard.
  const before = live.sync.barrier(0);
  expect(before).toBeGreaterThan(0);
  live.pump();
  await eventually(async () => (await rig.keys()).length === 1, 'the object is there');
  await live.crash();
  await live.write('/f', 'two');
  expect(await live.barrier()).toEqual([]);
  expect(await rig.text('f')).toBe('two');
  expect(live.sync.status().conflicts).toEqual([]);
});
