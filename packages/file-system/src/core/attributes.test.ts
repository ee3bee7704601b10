import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Change,
  FsError,
  newAttributes,
  ok,
  rootIno,
  type AttributeChanges,
  type Caller,
} from '../operations.ts';
import { caller, Fixture, root } from '../testing/fixture.ts';

let fx: Fixture;
beforeEach(() => (fx = new Fixture()));
afterEach(() => fx.end());

const alice = caller(1000);
const bob = caller(1001);

function set(
  c: Caller,
  ino: number,
  valid: number,
  values: Partial<AttributeChanges> = {},
): number {
  const changes = { ...newAttributes(), valid, ...values };
  return fx.fs.setattr(c, ino, changes, newAttributes());
}

function aliceFile(mode = 0o644): number {
  const ino = fx.file(rootIno, `f${mode}`, 'text', root, mode);
  expect(set(root, ino, Change.uid | Change.gid, { uid: 1000, gid: 1000 })).toBe(ok);
  expect(set(root, ino, Change.mode, { mode })).toBe(ok);
  return ino;
}

describe('chmod', () => {
  test('only the owner and root', () => {
    const ino = aliceFile();
    expect(set(bob, ino, Change.mode, { mode: 0o777 })).toBe(FsError.NotPermitted);
    expect(set(alice, ino, Change.mode, { mode: 0o4755 })).toBe(ok);
    expect(fx.stat(ino).mode).toBe(0o4755);
  });

  test('set-group-id needs membership of the group', () => {
    const ino = aliceFile();
    set(root, ino, Change.gid, { gid: 7 });
    expect(set(alice, ino, Change.mode, { mode: 0o2755 })).toBe(ok);
    expect(fx.stat(ino).mode).toBe(0o755);
    expect(set(caller(1000, 1000, [7]), ino, Change.mode, { mode: 0o2755 })).toBe(ok);
    expect(fx.stat(ino).mode).toBe(0o2755);
  });

  test('changes ctime and not mtime', () => {
    const ino = aliceFile();
    const before = fx.stat(ino);
    set(alice, ino, Change.mode, { mode: 0o600 });
    const after = fx.stat(ino);
    expect(after.ctimeNsec).not.toBe(before.ctimeNsec);
    expect(after.mtimeNsec).toBe(before.mtimeNsec);
  });
});

describe('chown', () => {
  test('the owner may only give to one of his groups', () => {
    const ino = aliceFile();
    const inSeven = caller(1000, 1000, [7]);
    expect(set(inSeven, ino, Change.gid, { gid: 7 })).toBe(ok);
    expect(set(inSeven, ino, Change.gid, { gid: 8 })).toBe(FsError.NotPermitted);
    expect(set(inSeven, ino, Change.uid, { uid: 1001 })).toBe(FsError.NotPermitted);
    expect(set(inSeven, ino, Change.uid | Change.gid, { uid: 1000, gid: 1000 })).toBe(ok);
    expect(set(bob, ino, Change.gid, { gid: 1001 })).toBe(FsError.NotPermitted);
  });

  test('clears the set-id bits of files, by whomever, and keeps those of directories', () => {
    const ino = aliceFile(0o6755);
    expect(set(root, ino, Change.uid, { uid: 1001 })).toBe(ok);
    expect(fx.stat(ino).mode).toBe(0o755);
    const dir = fx.mkdir(rootIno, 'd', root, 0o2755);
    set(root, dir, Change.uid, { uid: 1001 });
    expect(fx.stat(dir).mode).toBe(0o2755);
  });

  test('keeps set-group-id where it means mandatory locking', () => {
    const ino = aliceFile(0o2644);
    set(root, ino, Change.gid, { gid: 5 });
    expect(fx.stat(ino).mode).toBe(0o2644);
  });
});

describe('utimensat', () => {
  const both = Change.atime | Change.mtime;
  const bothNow = both | Change.atimeNow | Change.mtimeNow;

  test('the present is for whoever may write, other times for the owner', () => {
    const ino = aliceFile(0o666);
    expect(set(bob, ino, bothNow)).toBe(ok);
    expect(set(bob, ino, both, { mtimeSec: 1 })).toBe(FsError.NotPermitted);
    expect(set(bob, ino, Change.atime | Change.atimeNow)).toBe(FsError.NotPermitted);
    expect(set(alice, ino, both, { mtimeSec: 1 })).toBe(ok);
    set(alice, ino, Change.mode, { mode: 0o644 });
    expect(set(bob, ino, bothNow)).toBe(FsError.AccessDenied);
  });

  test('keeps nanoseconds and times before 1970, and clamps what cannot be kept', () => {
    const ino = aliceFile();
    const time = { atimeSec: -5, atimeNsec: 999_999_999, mtimeSec: 1e15, mtimeNsec: 1 };
    expect(set(alice, ino, both, time)).toBe(ok);
    fx.crash();
    expect(fx.stat(ino)).toMatchObject({
      atimeSec: -5,
      atimeNsec: 999_999_999,
      mtimeSec: 9_223_372_036,
      mtimeNsec: 1,
    });
  });

  test('what is left out stays', () => {
    const ino = aliceFile();
    set(alice, ino, both, { atimeSec: 10, mtimeSec: 20 });
    set(alice, ino, Change.mtime, { mtimeSec: 30 });
    expect(fx.stat(ino)).toMatchObject({ atimeSec: 10, mtimeSec: 30 });
  });
});

describe('truncate', () => {
  test('needs write permission unless it comes through an open file', () => {
    const ino = aliceFile();
    expect(set(bob, ino, Change.size, { size: 1 })).toBe(FsError.AccessDenied);
    expect(set(bob, ino, Change.size | Change.handle, { size: 1 })).toBe(ok);
    expect(fx.read(ino)).toBe('t');
  });

  test('clears set-user-id, and changes mtime and ctime', () => {
    const ino = aliceFile(0o4755);
    const before = fx.stat(ino);
    expect(set(alice, ino, Change.size, { size: 2 })).toBe(ok);
    const after = fx.stat(ino);
    expect(after.mode).toBe(0o755);
    expect(after.mtimeNsec).not.toBe(before.mtimeNsec);
    expect(after.ctimeNsec).toBe(after.mtimeNsec);
  });

  test('of a directory, beyond the largest object, and of a FIFO', () => {
    expect(set(root, fx.mkdir(rootIno, 'd'), Change.size, { size: 0 })).toBe(FsError.IsDirectory);
    expect(set(root, aliceFile(), Change.size, { size: 1e14 })).toBe(FsError.FileTooBig);
    const out = newAttributes();
    expect(fx.fs.mknod(root, rootIno, 'fifo', 4, 0o644, out)).toBe(ok);
    expect(set(root, out.ino, Change.size, { size: 0 })).toBe(FsError.Invalid);
  });

  test('a sparse file of a tebibyte takes no space', () => {
    const ino = aliceFile();
    expect(set(alice, ino, Change.size, { size: 2 ** 40 })).toBe(ok);
    fx.write(ino, 2 ** 40 - 3, 'end');
    expect(fx.stat(ino)).toMatchObject({ size: 2 ** 40 });
    expect(fx.stat(ino).blocks).toBeLessThan(1024);
    expect(fx.read(ino, 2 ** 40 - 5)).toBe('\0\0end');
    expect(fx.read(ino, 0, 6)).toBe('text\0\0');
  });
});

test('access: execution of a file needs some execute bit even for root', () => {
  const ino = aliceFile(0o600);
  expect(fx.fs.access(root, ino, 1)).toBe(FsError.AccessDenied);
  expect(fx.fs.access(root, ino, 6)).toBe(ok);
  expect(fx.fs.access(bob, ino, 4)).toBe(FsError.AccessDenied);
  expect(fx.fs.access(alice, ino, 6)).toBe(ok);
});

test('an inode that never was is stale', () => {
  expect(fx.fs.getattr(root, 12_345, newAttributes())).toBe(FsError.Stale);
});
