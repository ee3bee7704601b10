import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Failpoint, installFailpoints } from '../failpoint.ts';
import { Dirty } from '../sync/port.ts';
import {
  Allocate,
  Change,
  errorOf,
  FsError,
  newAttributes,
  ok,
  Open,
  pending,
  rootIno,
  Seek,
  Write,
} from '../operations.ts';
import { FakePlanner, remoteFile } from '../testing/fake-planner.ts';
import { caller, Fixture, must, root } from '../testing/fixture.ts';

let fx: Fixture;
beforeEach(() => (fx = new Fixture()));
afterEach(() => fx.end());

const mebibyte = 1 << 20;

describe('open', () => {
  test('asks for what the access mode needs', () => {
    const ino = fx.file(rootIno, 'f', 'x', root, 0o604);
    const bob = caller(1001);
    expect(fx.fs.open(bob, ino, Open.readOnly)).toBeGreaterThan(0);
    expect(errorOf(fx.fs.open(bob, ino, Open.writeOnly))).toBe(FsError.AccessDenied);
    expect(errorOf(fx.fs.open(bob, ino, Open.readOnly | Open.truncate))).toBe(FsError.AccessDenied);
    expect(errorOf(fx.fs.open(bob, ino, Open.execute))).toBe(FsError.AccessDenied);
    const dir = fx.mkdir(rootIno, 'd');
    expect(errorOf(fx.fs.open(root, dir, Open.readOnly))).toBe(FsError.IsDirectory);
  });

  test('with truncation empties the file', () => {
    const ino = fx.file(rootIno, 'f', 'text');
    fx.fs.open(root, ino, Open.readWrite | Open.truncate);
    expect(fx.stat(ino)).toMatchObject({ size: 0, blocks: 0 });
  });
});

describe('write', () => {
  test('appends wherever the end is', () => {
    const ino = fx.file(rootIno, 'f', 'one');
    const bytes = Buffer.from('two');
    expect(fx.fs.write(root, ino, 0, bytes, 0, 3, Write.append)).toBe(3);
    expect(fx.read(ino)).toBe('onetwo');
  });

  test('appends where the writer did not know the end to be: its cache is told too', () => {
    const ino = fx.file(rootIno, 'f', 'one');
    fx.fs.addView({ id: 'fsap-1' });
    fx.inodesChanged.length = 0;
    fx.fs.write(root, ino, 3, Buffer.from('two'), 0, 3, Write.append);
    fx.fs.write(root, ino, 3, Buffer.from('three'), 0, 5, Write.append);
    expect(fx.inodesChanged).toEqual([
      { ino, length: 3, exceptView: 0 },
      { ino, length: 8, exceptView: -1 },
    ]);
  });

  test('by somebody unprivileged clears set-user-id', () => {
    const ino = fx.file(rootIno, 'f', '', root, 0o4777);
    fx.write(ino, 0, 'x');
    expect(fx.stat(ino).mode).toBe(0o4777);
    fx.write(ino, 0, 'x', caller(1001));
    expect(fx.stat(ino).mode).toBe(0o777);
  });

  test('gaps read as zeros, also where an earlier, longer content was', () => {
    const ino = fx.file(rootIno, 'f', 'x'.repeat(400));
    const changes = { ...newAttributes(), valid: Change.size, size: 2 };
    fx.fs.setattr(root, ino, changes, newAttributes());
    fx.write(ino, 5, 'y');
    expect(fx.read(ino)).toBe('xx\0\0\0y');
    changes.size = 8;
    fx.fs.setattr(root, ino, changes, newAttributes());
    expect(fx.read(ino)).toBe('xx\0\0\0y\0\0');
  });

  test.each(['a truncation', 'a write'])(
    'no bytes of a write that a crash cut off come back when %s moves the end behind them',
    (growth) => {
      const ino = fx.file(rootIno, 'f', 'x'.repeat(100_000));
      installFailpoints((name) => {
        if (name === Failpoint.journalAppend) throw new Error('killed');
      });
      expect(() => fx.write(ino, 100_000, 'cut off'.repeat(10_000))).toThrow('killed');
      installFailpoints(undefined);
      fx.crash();
      expect(fx.stat(ino).size).toBe(100_000);
      if (growth === 'a write') fx.write(ino, 200_000, 'x');
      else must(fx.fs.fallocate(root, ino, 0, 0, 200_001));
      expect(fx.read(ino, 100_000, 100_000)).toBe('\0'.repeat(100_000));
    },
  );

  test('a file that grows past every size class keeps its bytes', () => {
    const { ino } = fx.open(rootIno, 'f');
    let expected = '';
    for (let i = 0; expected.length < 200_000; i++) {
      const piece = String.fromCharCode(65 + (i % 26)).repeat(1500);
      fx.write(ino, expected.length, piece);
      expected += piece;
      if (i % 40 === 39) fx.crash();
    }
    expect(fx.read(ino) === expected).toBe(true);
  });

  test('a slot is not used again before the database has committed that it is free', () => {
    const gone = fx.file(rootIno, 'gone', 'secret');
    fx.fs.unlink(root, rootIno, 'gone');
    const second = fx.file(rootIno, 'second', 'other');
    expect(second).not.toBe(gone);
    fx.fs.maintain(true);
    fx.file(rootIno, 'third', 'third!');
    fx.crash();
    expect(fx.read(second)).toBe('other');
    expect(fx.read(fx.lookup(rootIno, 'third'))).toBe('third!');
  });

  test('beyond the largest object is refused', () => {
    const ino = fx.file(rootIno, 'f');
    const bytes = Buffer.from('x');
    expect(errorOf(fx.fs.write(root, ino, 6e13, bytes, 0, 1, 0))).toBe(FsError.FileTooBig);
  });
});

describe('fallocate', () => {
  const punch = Allocate.punchHole | Allocate.keepSize;

  test('punching a hole zeroes it and leaves the size', () => {
    const ino = fx.file(rootIno, 'f', 'x'.repeat(300_000));
    expect(fx.fs.fallocate(root, ino, punch, 10, 200_000)).toBe(ok);
    const text = fx.read(ino);
    expect(text === `${'x'.repeat(10)}${'\0'.repeat(200_000)}${'x'.repeat(99_990)}`).toBe(true);
    expect(fx.stat(ino).blocks * 512).toBeLessThan(300_000);
    expect(fx.fs.lseek(ino, 65_536, Seek.data)).toBe(196_608);
    expect(fx.fs.lseek(ino, 0, Seek.hole)).toBe(65_536);
  });

  test('a hole to the end gives its space back', () => {
    const ino = fx.file(rootIno, 'f', 'x'.repeat(200_000));
    expect(fx.fs.fallocate(root, ino, punch, 100, 1e6)).toBe(ok);
    expect(fx.stat(ino)).toMatchObject({ size: 200_000, blocks: 128 });
    expect(fx.read(ino, 90, 20)).toBe(`${'x'.repeat(10)}${'\0'.repeat(10)}`);
  });

  test('allocating grows the file unless the size is kept', () => {
    const ino = fx.file(rootIno, 'f', 'abc');
    expect(fx.fs.fallocate(root, ino, Allocate.keepSize, 0, 100)).toBe(ok);
    expect(fx.stat(ino).size).toBe(3);
    expect(fx.fs.fallocate(root, ino, 0, 0, 100)).toBe(ok);
    expect(fx.read(ino)).toBe(`abc${'\0'.repeat(97)}`);
    expect(fx.fs.fallocate(root, ino, Allocate.zeroRange, 1, 200)).toBe(ok);
    expect(fx.read(ino)).toBe(`a${'\0'.repeat(200)}`);
  });

  test('other modes are refused', () => {
    const ino = fx.file(rootIno, 'f', 'abc');
    expect(fx.fs.fallocate(root, ino, 8, 0, 1)).toBe(FsError.NotSupported);
    expect(fx.fs.fallocate(root, ino, Allocate.punchHole, 0, 1)).toBe(FsError.NotSupported);
    expect(fx.fs.fallocate(root, ino, 0, 0, 0)).toBe(FsError.Invalid);
  });
});

describe('lseek', () => {
  test('finds data and holes of a sparse file', () => {
    const ino = fx.file(rootIno, 'f', 'x');
    fx.write(ino, 10 * mebibyte, 'y');
    expect(fx.fs.lseek(ino, 0, Seek.hole)).toBe(65_536);
    expect(fx.fs.lseek(ino, 65_536, Seek.data)).toBe(10 * mebibyte);
    expect(fx.fs.lseek(ino, 10 * mebibyte, Seek.hole)).toBe(10 * mebibyte + 1);
    expect(errorOf(fx.fs.lseek(ino, 10 * mebibyte + 1, Seek.data))).toBe(FsError.NoDevice);
  });

  test('a small file is data to its end, an empty extension a hole', () => {
    const ino = fx.file(rootIno, 'f', 'abc');
    expect(fx.fs.lseek(ino, 1, Seek.data)).toBe(1);
    expect(fx.fs.lseek(ino, 1, Seek.hole)).toBe(3);
    expect(errorOf(fx.fs.lseek(ino, 3, Seek.hole))).toBe(FsError.NoDevice);
  });
});

describe('bytes that are in S3', () => {
  let planner: FakePlanner;
  beforeEach(() => {
    planner = new FakePlanner(fx);
  });

  test('a small file: reading waits for all of it, once', () => {
    const ino = remoteFile(fx, 'f', 5);
    expect(fx.fs.read(root, ino, 1, 2, Buffer.alloc(2), 0)).toBe(pending);
    expect(planner.needs).toEqual([{ ino, offset: 1, length: 2 }]);
    fx.fs.tree.fill(ino, Buffer.from('hello'));
    expect(fx.read(ino)).toBe('hello');
    expect(fx.fs.tree.unchanged(ino)).toEqual([{ start: 0, end: 5 }]);
  });

  test('a small file: a partial write waits, a whole one does not', () => {
    const ino = remoteFile(fx, 'f', 5);
    expect(fx.fs.write(root, ino, 4, Buffer.from('!'), 0, 1, 0)).toBe(pending);
    fx.write(ino, 0, 'HELLO!');
    fx.fs.tree.fill(ino, Buffer.from('hello'));
    expect(fx.read(ino)).toBe('HELLO!');
    expect(fx.fs.tree.unchanged(ino)).toEqual([]);
    expect(planner.changes).toContainEqual({ ino, bits: Dirty.content });
  });

  test('cut while it is downloaded: what is left of it is what comes back', () => {
    const ino = remoteFile(fx, 'f', 5);
    const changes = { ...newAttributes(), valid: Change.size, size: 2 };
    expect(fx.fs.setattr(root, ino, changes, newAttributes())).toBe(ok);
    changes.size = 4;
    expect(fx.fs.setattr(root, ino, changes, newAttributes())).toBe(ok);
    fx.fs.tree.fill(ino, Buffer.from('hello'));
    expect(fx.read(ino)).toBe('he\0\0');
  });

  test('a large file: ranges, and writes that need only the edges', () => {
    const size = 5 * 65_536 + 100;
    const ino = remoteFile(fx, 'big', size);
    expect(fx.fs.tree.missing(ino)).toEqual([{ start: 0, end: size }]);
    expect(fx.stat(ino).blocks).toBe(Math.ceil(size / 512));
    // Whole blocks need nothing, a partial one its rest.
    fx.write(ino, 65_536, 'b'.repeat(65_536));
    expect(fx.fs.write(root, ino, size, Buffer.from('+'), 0, 1, 0)).toBe(pending);
    expect(planner.needs.at(-1)).toEqual({ ino, offset: 5 * 65_536, length: 100 });
    planner.download(ino, 5 * 65_536, size);
    fx.write(ino, size, '+');
    expect(fx.fs.tree.missing(ino)).toEqual([
      { start: 0, end: 65_536 },
      { start: 131_072, end: 5 * 65_536 },
    ]);
    expect(fx.fs.tree.unchanged(ino)).toEqual([
      { start: 0, end: 65_536 },
      { start: 131_072, end: 5 * 65_536 },
    ]);
    fx.crash();
    fx.fs.attach(planner);
    planner.download(ino, 0, 5 * 65_536);
    const expected = `${'r'.repeat(65_536)}${'b'.repeat(65_536)}${'r'.repeat(3 * 65_536 + 100)}+`;
    expect(fx.read(ino) === expected).toBe(true);
  });

  test('after an export everything is the same as in S3, until it is changed again', () => {
    const ino = fx.file(rootIno, 'f', 'x'.repeat(200_000));
    expect(fx.fs.tree.unchanged(ino)).toEqual([]);
    fx.fs.tree.setExported(ino);
    expect(fx.fs.tree.unchanged(ino)).toEqual([{ start: 0, end: 200_000 }]);
    fx.write(ino, 200_000, 'tail');
    expect(fx.fs.tree.unchanged(ino)).toEqual([{ start: 0, end: 196_608 }]);
    fx.fs.fallocate(root, ino, Allocate.punchHole | Allocate.keepSize, 0, 65_536);
    expect(fx.fs.tree.unchanged(ino)).toEqual([{ start: 65_536, end: 196_608 }]);
  });

  test('nothing is cut or written where a download is still writing', () => {
    const ino = remoteFile(fx, 'big', 300_000);
    fx.fs.tree.cacheFile(ino);
    planner.fetching = true;
    expect(fx.fs.write(root, ino, 0, Buffer.alloc(65_536), 0, 65_536, 0)).toBe(pending);
    const changes = { ...newAttributes(), valid: Change.size, size: 0 };
    expect(fx.fs.setattr(root, ino, changes, newAttributes())).toBe(pending);
    expect(errorOf(fx.fs.open(root, ino, Open.writeOnly | Open.truncate))).toBe(pending);
    expect(fx.stat(ino).size).toBe(300_000);
  });

  test('another version starts from nothing, in another cache file', () => {
    const ino = remoteFile(fx, 'big', 300_000);
    const before = fx.fs.tree.cacheFile(ino);
    planner.download(ino, 0, 300_000);
    fx.fs.tree.replaceRemote(ino, { ...planner.attributes, size: 100_000 });
    expect(fx.fs.tree.missing(ino)).toEqual([{ start: 0, end: 100_000 }]);
    expect(fx.fs.tree.cacheFile(ino)).not.toBe(before);
    expect(fx.inodesChanged.at(-1)).toEqual({ ino, length: Infinity, exceptView: -1 });
  });
});

test('an unlinked large file leaves no cache file, and a stray one goes at the next start', () => {
  const ino = fx.file(rootIno, 'f', 'x'.repeat(100_000));
  const shard = join(fx.dir, 'content', (ino & 0xff).toString(16).padStart(2, '0'));
  expect(readdirSync(shard)).toHaveLength(1);
  fx.fs.unlink(root, rootIno, 'f');
  expect(readdirSync(shard)).toHaveLength(0);
  const stray = join(shard, `${ino}.123`);
  writeFileSync(stray, 'x');
  fx.restart();
  expect(existsSync(stray)).toBe(false);
});
