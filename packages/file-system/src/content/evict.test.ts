/** Giving bytes up: what may go, what never goes, and that the disk gets the space back, exactly counted. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failpoint, installFailpoints } from '../failpoint.ts';
import { Allocate, rootIno } from '../operations.ts';
import { Dirty } from '../sync/port.ts';
import { FakePlanner } from '../testing/fake-planner.ts';
import { Fixture, must, root } from '../testing/fixture.ts';

let fx: Fixture;
let planner: FakePlanner;
beforeEach(() => {
  fx = new Fixture();
  planner = new FakePlanner(fx);
});
afterEach(() => {
  installFailpoints(undefined);
  fx.end();
});

const mebibyte = 1 << 20;

/** A file that S3 has, as it is. */
function exported(name: string, bytes: number): number {
  const ino = fx.file(rootIno, name, 'x'.repeat(bytes));
  const { tree } = fx.fs;
  tree.transaction(() => {
    tree.setBase(ino, 'an object');
    tree.setExported(ino);
    tree.setDirty(ino, Dirty.content);
    tree.setDirty(ino, 0);
  });
  return ino;
}

function evict(ino: number, bytesWanted = Infinity, keepFile = false): number {
  const { tree } = fx.fs;
  const bytes = tree.transaction(() => tree.cache.evict(ino, bytesWanted, keepFile));
  tree.cache.reclaim();
  return bytes;
}

/** What the content directory takes, as du(1) counts. */
function onDisk(dir: string = join(fx.dir, 'content')): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    bytes += entry.isDirectory() ? onDisk(path) : statSync(path).blocks * 512;
  }
  return bytes;
}

test('what S3 has goes and is counted as missing; names, sizes and times stay', () => {
  const small = exported('small', 300);
  const large = exported('large', 3 * mebibyte);
  const before = fx.stat(large);
  expect(evict(small)).toBe(512);
  expect(evict(large)).toBe(3 * mebibyte);
  expect(fx.fs.tree.missing(small)).toEqual([{ start: 0, end: 300 }]);
  expect(fx.fs.tree.missing(large)).toEqual([{ start: 0, end: 3 * mebibyte }]);
  expect(fx.stat(large)).toMatchObject({ size: before.size, mtimeSec: before.mtimeSec });
  expect(evict(large)).toBe(0);
});

test('never what is changed, has no object, unlinked or in lost+found', () => {
  const { tree } = fx.fs;
  const changed = exported('changed', mebibyte);
  fx.write(changed, 500_000, 'in the middle');
  tree.setDirty(changed, Dirty.content);
  expect(evict(changed)).toBe(0);
  expect(fx.read(changed, 500_000, 13)).toBe('in the middle');

  const fresh = fx.file(rootIno, 'fresh', 'never exported');
  expect(evict(fresh)).toBe(0);

  const unlinked = exported('unlinked', mebibyte);
  fx.held.add(unlinked);
  must(fx.fs.unlink(root, rootIno, 'unlinked'));
  expect(evict(unlinked)).toBe(0);

  const lost = exported('lost', mebibyte);
  tree.moveToLostAndFound(lost, '0123456789_lost');
  expect(evict(lost)).toBe(0);
});

test('blocks that are changed keep their file even if nothing else says so', () => {
  const ino = exported('f', mebibyte);
  fx.write(ino, 500_000, 'changed');
  expect(fx.fs.tree.dirty(ino)).toBe(0);
  expect(evict(ino)).toBe(0);
});

test('of a large file as much as is wanted goes, from the front; the rest stays readable', () => {
  const ino = exported('f', 40 * mebibyte);
  const before = onDisk();
  expect(evict(ino, mebibyte)).toBe(16 * mebibyte);
  expect(before - onDisk()).toBeGreaterThan(15 * mebibyte);
  expect(fx.fs.tree.missing(ino)).toEqual([{ start: 0, end: 16 * mebibyte }]);
  expect(fx.read(ino, 39 * mebibyte, 3)).toBe('xxx');
  // Some of it is being downloaded: only what is here goes, the file stays.
  expect(evict(ino, Infinity, true)).toBe(24 * mebibyte);
  expect(fx.fs.tree.missing(ino)).toEqual([{ start: 0, end: 40 * mebibyte }]);
});

test('what is counted is what the disk says', () => {
  const { cache } = fx.fs.tree;
  const files = Array.from({ length: 200 }, (_, i) => exported(`s${i}`, 100 + i * 300));
  const large = exported('large', 5 * mebibyte);
  const sparse = fx.file(rootIno, 'sparse');
  fx.write(sparse, 100 * mebibyte, 'end');
  expect(cache.diskBytes()).toBe(onDisk());
  for (const ino of files.filter((_, i) => i % 3 !== 0)) evict(ino);
  expect(cache.diskBytes()).toBe(onDisk());
  evict(large);
  must(fx.fs.unlink(root, rootIno, 'sparse'));
  expect(cache.diskBytes()).toBe(onDisk());
  fx.restart();
  expect(fx.fs.tree.cache.diskBytes()).toBe(onDisk());
});

test('small files that are given up together free their space', () => {
  const files = Array.from({ length: 400 }, (_, i) => exported(`f${i}`, 400));
  exported('last', 400);
  const before = onDisk();
  const { tree } = fx.fs;
  tree.transaction(() => {
    for (const ino of files) tree.cache.evict(ino, Infinity, false);
  });
  tree.cache.reclaim();
  // Only whole pages of the disk can go.
  expect(before - onDisk()).toBeGreaterThan(390 * 512);
});

test('a hole in the middle of a file frees its space and reads as zeros', () => {
  const ino = fx.file(rootIno, 'f', 'x'.repeat(8 * mebibyte));
  const before = onDisk();
  const mode = Allocate.punchHole | Allocate.keepSize;
  must(fx.fs.fallocate(root, ino, mode, 2 * mebibyte - 10, 4 * mebibyte + 20));
  expect(before - onDisk()).toBeGreaterThan(3 * mebibyte);
  expect(fx.read(ino, 2 * mebibyte - 12, 4)).toBe('xx\0\0');
  expect(fx.read(ino, 6 * mebibyte + 8, 4)).toBe('\0\0xx');
  expect(fx.read(ino, 3 * mebibyte, 3)).toBe('\0\0\0');
  expect(fx.fs.tree.cache.diskBytes()).toBe(onDisk());
});

test('killed before the space is given back, nothing is lost and nothing is left over', () => {
  const whole = exported('whole', mebibyte);
  const part = exported('part', 40 * mebibyte);
  installFailpoints((name) => {
    if (name === Failpoint.contentReclaim) throw new Error('killed');
  });
  const { tree } = fx.fs;
  tree.transaction(() => {
    tree.cache.evict(whole, Infinity, false);
    tree.cache.evict(part, mebibyte, false);
  });
  expect(() => tree.cache.reclaim()).toThrow('killed');
  installFailpoints(undefined);
  fx.crash();
  fx.fs.attach(planner);
  expect(fx.fs.tree.missing(whole)).toEqual([{ start: 0, end: mebibyte }]);
  expect(fx.fs.tree.missing(part)).toEqual([{ start: 0, end: 16 * mebibyte }]);
  expect(fx.read(part, 20 * mebibyte, 3)).toBe('xxx');
  const shard = join(fx.dir, 'content', (whole & 0xff).toString(16).padStart(2, '0'));
  const left = existsSync(shard) ? readdirSync(shard).filter((n) => n.startsWith(`${whole}.`)) : [];
  expect(left).toEqual([]);
  expect(fx.fs.tree.cache.diskBytes()).toBe(onDisk());
});

test('the least recently used go first, also after a crash', () => {
  const inos = ['a', 'b', 'c'].map((name) => {
    fx.nowMs += 60_000;
    return exported(name, 100);
  });
  fx.nowMs += 60_000;
  fx.read(inos[0]!);
  const order = (): number[] =>
    fx.fs.tree.cache.leastUsed({ sec: -1, ino: 0 }, fx.nowMs / 1000, 10).map(({ ino }) => ino);
  expect(order()).toEqual([inos[1], inos[2], inos[0]]);
  fx.fs.maintain(true);
  fx.crash();
  expect(order()).toEqual([inos[1], inos[2], inos[0]]);
});

test('what came in shortly before a crash can be given up after it', () => {
  const ino = exported('f', 100);
  fx.crash();
  fx.fs.attach(planner);
  const found = fx.fs.tree.cache.leastUsed({ sec: -1, ino: 0 }, fx.nowMs / 1000 + 1, 10);
  expect(found.map((use) => use.ino)).toEqual([ino]);
});
