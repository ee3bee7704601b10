/** A cache smaller than what is read and written, and data that nobody reads, over a real S3 server. */
import { startLocalS3 } from '@moorage/local-s3';
import { afterEach, expect, test } from 'vitest';
import { root } from '../testing/fixture.ts';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';
import type { Live } from '../testing/live.ts';

const mebibyte = 1 << 20;
const cacheBytesMax = 8 * mebibyte;
let rig: Rig;
let live: Live;

async function start(limited: boolean): Promise<void> {
  rig = await startRig(startLocalS3, limited ? { cacheBytesMax } : {});
  ({ live } = rig);
}

afterEach(async () => {
  await rig.end();
});

async function write(path: string, bytes: number): Promise<number> {
  return live.write(path, Buffer.alloc(bytes, path));
}

function missing(ino: number): number {
  return live.fixture.fs.tree
    .missing(ino)
    .reduce((bytes, span) => bytes + span.end - span.start, 0);
}

function isWithinLimit(): boolean {
  live.pump();
  return live.fixture.fs.tree.cache.diskBytes() <= cacheBytesMax;
}

test('what was written stays until it is in S3, then some of it goes, and comes back when read', async () => {
  await start(true);
  const inos: number[] = [];
  for (let i = 0; i < 16; i++) inos.push(await write(`/f${i}`, mebibyte));
  live.pump();
  expect(inos.map(missing).every((bytes) => bytes === 0)).toBe(true);
  expect(live.sync.status().cacheBytes).toBeGreaterThan(cacheBytesMax);
  expect(await live.barrier()).toEqual([]);
  await eventually(async () => isWithinLimit(), 'it fits');
  expect(inos.map(missing).filter((bytes) => bytes > 0).length).toBeGreaterThanOrEqual(8);
  for (let i = 0; i < 16; i++)
    expect(await live.read(`/f${i}`, mebibyte - 6, 6)).toBe(
      Buffer.alloc(mebibyte, `/f${i}`).toString('latin1', mebibyte - 6),
    );
  await eventually(async () => isWithinLimit(), 'it still fits');
});

test('a file larger than the cache is read through it', async () => {
  await start(true);
  const text = Buffer.alloc(30 * mebibyte, 'a line of a large file\n');
  await rig.outside.put('large', text, { metadata: {} });
  for (let at = 0; at < text.length; at += mebibyte)
    expect(await live.read('/large', at, mebibyte)).toBe(
      text.toString('latin1', at, at + mebibyte),
    );
  await eventually(async () => isWithinLimit(), 'it fits');
});

test('what is not exported is kept whatever the limit', async () => {
  await start(true);
  const fresh: number[] = [];
  for (let i = 0; i < 12; i++) fresh.push(await write(`/f${i}`, mebibyte));
  live.pump();
  expect(fresh.map(missing)).toEqual(fresh.map(() => 0));
  expect(await live.barrier()).toEqual([]);
  live.aheadMs += 10_000;
  await eventually(async () => {
    live.pump();
    return fresh.some((ino) => missing(ino) > 0);
  }, 'it goes once it is exported');
});

test('data that nobody has read for as many days as the rule says goes, names and attributes stay', async () => {
  await start(false);
  const rules = live.sync.configuration();
  live.sync.configure({ ...rules, expirationDataRules: [{ daysAfterLastAccess: 2 }] }, false);
  const old = await write('/old', mebibyte);
  const used = await write('/used', mebibyte);
  const small = await write('/small', 100);
  expect(await live.barrier()).toEqual([]);
  live.aheadMs += 86_400_000;
  await live.read('/used', 0, 1);
  const changed = await write('/changed', mebibyte);
  live.aheadMs += 86_400_000 + 1_000;
  live.pump();
  await eventually(async () => missing(old) > 0 && missing(small) > 0, 'they go');
  expect(missing(used)).toBe(0);
  expect(missing(changed)).toBe(0);
  expect(await live.lookup('/old')).toMatchObject({ ino: old, size: mebibyte });
  // Also after a restart nothing is read as zeros.
  await live.crash();
  expect(await live.read('/old', 0, 4)).toBe('/old');
  expect(await live.read('/small', 0, 6)).toBe('/small');
});

test('an open file that is unlinked after its data was given up is read from its version', async () => {
  await start(false);
  const ino = await write('/f', mebibyte);
  expect(await live.barrier()).toEqual([]);
  live.aheadMs += 31 * 86_400_000;
  live.pump();
  await eventually(async () => missing(ino) > 0, 'it goes');
  const { fs } = live.fixture;
  live.fixture.held.add(ino);
  await live.unlink('/f');
  expect(await live.barrier()).toEqual([]);
  expect(await rig.keys()).toEqual([]);
  const into = Buffer.alloc(4);
  await live.mustResult(() => fs.read(root, ino, 0, 4, into, 0));
  expect(into.toString()).toBe('/f/f');
});

test('an open file that others delete is read from its version', async () => {
  await start(false);
  const text = Buffer.alloc(30 * mebibyte, 'a line of a large file\n');
  await rig.outside.put('large', text, { metadata: {} });
  const { ino } = await live.lookup('/large');
  const { fs } = live.fixture;
  live.fixture.held.add(ino);
  const into = Buffer.alloc(6);
  await live.mustResult(() => fs.read(root, ino, 0, 6, into, 0));
  await rig.outside.delete('large');
  await eventually(async () => {
    await live.names('/');
    return !(await live.exists('/large'));
  }, 'it is gone');
  const at = 29 * mebibyte;
  await live.mustResult(() => fs.read(root, ino, at, 6, into, 0));
  expect(into.equals(text.subarray(at, at + 6))).toBe(true);
});

test('the same when the process was started again while it was open', async () => {
  await start(false);
  const ino = await write('/f', mebibyte);
  const other = await write('/other', mebibyte);
  expect(await live.barrier()).toEqual([]);
  await live.crash();
  live.aheadMs += 31 * 86_400_000;
  await eventually(async () => {
    live.pump();
    return missing(ino) > 0 && missing(other) > 0;
  }, 'they go');
  await live.unlink('/f');
  await live.rename('/other', '/f');
  await live.unlink('/f');
  expect(await live.barrier()).toEqual([]);
  const into = Buffer.alloc(6);
  for (const [file, text] of [
    [ino, '/f/f/f'],
    [other, '/other'],
  ] as const) {
    await live.mustResult(() => live.fixture.fs.read(root, file, 0, 6, into, 0));
    expect(into.toString()).toBe(text);
  }
});
