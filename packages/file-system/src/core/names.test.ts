import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, FsError, Kind, newAttributes, ok, Open, Rename, rootIno } from '../operations.ts';
import { caller, Fixture, root } from '../testing/fixture.ts';

let fx: Fixture;
const out = newAttributes();
beforeEach(() => (fx = new Fixture({ root: { uid: 0, gid: 0, mode: 0o777 } })));
afterEach(() => fx.end());

const alice = caller(1000);
const bob = caller(1001);
const long = 'n'.repeat(255);

describe('names', () => {
  test('255 bytes and any of them, but not one more', () => {
    const ino = fx.file(rootIno, long);
    expect(fx.lookup(rootIno, long)).toBe(ino);
    expect(fx.fs.lookup(root, rootIno, `${long}n`, out)).toBe(FsError.NameTooLong);
    expect(fx.fs.mkdir(root, rootIno, `${long}n`, 0o755, out)).toBe(FsError.NameTooLong);
    const bytes = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join('');
    const odd = bytes.replace('/', '');
    const oddIno = fx.file(rootIno, odd);
    fx.crash();
    expect(fx.lookup(rootIno, odd)).toBe(oddIno);
    expect(fx.names()).toContain(odd);
  });

  test('searching needs execute permission on the directory', () => {
    const dir = fx.mkdir(rootIno, 'd', alice, 0o644);
    fx.file(dir, 'f', '', root);
    expect(fx.fs.lookup(bob, dir, 'f', out)).toBe(FsError.AccessDenied);
    expect(fx.fs.lookup(alice, dir, 'f', out)).toBe(FsError.AccessDenied);
    expect(fx.fs.lookup(root, dir, 'f', out)).toBe(ok);
    expect(fx.fs.lookup(root, fx.lookup(dir, 'f'), 'x', out)).toBe(FsError.NotDirectory);
  });

  test('inode numbers are never given twice', () => {
    const first = fx.file(rootIno, 'a');
    expect(fx.fs.unlink(root, rootIno, 'a')).toBe(ok);
    fx.crash();
    expect(fx.file(rootIno, 'a')).toBeGreaterThan(first);
  });
});

describe('making', () => {
  test('owner, group and mode; set-group-id directories hand on their group', () => {
    const shared = fx.mkdir(rootIno, 'shared', root, 0o2777);
    expect(fx.stat(fx.file(rootIno, 'f', '', alice))).toMatchObject({ uid: 1000, gid: 1000 });
    expect(fx.stat(fx.file(shared, 'f', '', alice))).toMatchObject({ uid: 1000, gid: 0 });
    const below = fx.mkdir(shared, 'd', alice);
    expect(fx.stat(below)).toMatchObject({ gid: 0, mode: 0o2755 });
    expect(fx.stat(fx.file(shared, 'g', '', alice, 0o2755)).mode).toBe(0o755);
  });

  test('needs write permission, a free name, and a directory that is still there', () => {
    const dir = fx.mkdir(rootIno, 'd');
    expect(fx.fs.mkdir(alice, dir, 'x', 0o755, out)).toBe(FsError.AccessDenied);
    fx.file(dir, 'f');
    expect(fx.fs.mkdir(root, dir, 'f', 0o755, out)).toBe(FsError.Exists);
    expect(errorOf(fx.fs.create(root, dir, 'f', 0o644, Open.exclusive, out))).toBe(FsError.Exists);
    expect(fx.fs.unlink(root, dir, 'f')).toBe(ok);
    expect(fx.fs.rmdir(root, rootIno, 'd')).toBe(ok);
    expect(fx.fs.mkdir(root, dir, 'x', 0o755, out)).toBe(FsError.NoEntry);
  });

  test('changes times of the directory and counts directories in it', () => {
    const before = fx.stat(rootIno);
    fx.mkdir(rootIno, 'd');
    const after = fx.stat(rootIno);
    expect(after.nlink).toBe(before.nlink + 1);
    expect(after.mtimeNsec).not.toBe(before.mtimeNsec);
    fx.fs.rmdir(root, rootIno, 'd');
    expect(fx.stat(rootIno).nlink).toBe(before.nlink);
  });

  test('FIFOs and sockets are inodes; symlink targets up to 4,095 bytes; hard links are refused', () => {
    expect(fx.fs.mknod(root, rootIno, 'p', Kind.fifo, 0o600, out)).toBe(ok);
    expect(fx.stat(out.ino)).toMatchObject({ kind: Kind.fifo, mode: 0o600, size: 0 });
    const fifo = out.ino;
    expect(fx.fs.symlink(root, rootIno, 'l', '\xff'.repeat(4095), out)).toBe(ok);
    expect(out).toMatchObject({ kind: Kind.symlink, size: 4095, mode: 0o777 });
    expect(fx.fs.readlink(root, out.ino)).toBe(ok);
    expect(fx.fs.linkTarget).toBe('\xff'.repeat(4095));
    expect(fx.fs.readlink(root, fifo)).toBe(FsError.Invalid);
    expect(fx.fs.symlink(root, rootIno, 'm', 'x'.repeat(4096), out)).toBe(FsError.NameTooLong);
    expect(fx.fs.link(root, fifo, rootIno, 'h')).toBe(FsError.NotPermitted);
  });
});

describe('sticky directories', () => {
  test('only the owner of entry or directory takes names away', () => {
    const tmp = fx.mkdir(rootIno, 'tmp', root, 0o1777);
    fx.file(tmp, 'f', '', alice);
    expect(fx.fs.unlink(bob, tmp, 'f')).toBe(FsError.NotPermitted);
    expect(fx.fs.rename(bob, tmp, 'f', tmp, 'g', 0)).toBe(FsError.NotPermitted);
    fx.file(tmp, 'mine', '', bob);
    expect(fx.fs.rename(bob, tmp, 'mine', tmp, 'f', 0)).toBe(FsError.NotPermitted);
    expect(fx.fs.unlink(alice, tmp, 'f')).toBe(ok);
  });
});

describe('removing', () => {
  test('kinds and what is in the way', () => {
    const dir = fx.mkdir(rootIno, 'd');
    fx.file(dir, 'f');
    expect(fx.fs.unlink(root, rootIno, 'd')).toBe(FsError.IsDirectory);
    expect(fx.fs.rmdir(root, rootIno, 'd')).toBe(FsError.NotEmpty);
    expect(fx.fs.rmdir(root, dir, 'f')).toBe(FsError.NotDirectory);
    expect(fx.fs.rmdir(root, dir, '.')).toBe(FsError.Invalid);
    expect(fx.fs.unlink(root, dir, 'none')).toBe(FsError.NoEntry);
  });

  test('an open file keeps its bytes without its name, also over a restart', () => {
    const { ino, handle } = fx.open(rootIno, 'f');
    fx.write(ino, 0, 'still here');
    expect(fx.fs.unlink(root, rootIno, 'f')).toBe(ok);
    expect(fx.stat(ino).nlink).toBe(0);
    fx.write(ino, 10, '!');
    fx.crash();
    expect(fx.read(ino)).toBe('still here!');
    expect(fx.stat(ino).size).toBe(11);
    fx.close({ ino, handle });
    expect(fx.fs.getattr(root, ino, out)).toBe(FsError.Stale);
  });

  test('the last close drops it, and so does a new session', () => {
    const first = fx.open(rootIno, 'a');
    const second = fx.open(rootIno, 'b');
    fx.fs.unlink(root, rootIno, 'a');
    fx.fs.unlink(root, rootIno, 'b');
    fx.close(first);
    expect(fx.fs.getattr(root, first.ino, out)).toBe(FsError.Stale);
    fx.restart();
    expect(fx.stat(second.ino).nlink).toBe(0);
    fx.fs.freshSession();
    expect(fx.fs.getattr(root, second.ino, out)).toBe(FsError.Stale);
  });

  test('a file that was there before a restart may be open: it is kept until it is forgotten', () => {
    const ino = fx.file(rootIno, 'f', 'text');
    fx.crash();
    fx.fs.unlink(root, rootIno, 'f');
    expect(fx.read(ino)).toBe('text');
    fx.forget(ino);
    expect(fx.fs.getattr(root, ino, out)).toBe(FsError.Stale);
  });
});

describe('rename', () => {
  test('over an open file: both live on', () => {
    const { ino, handle } = fx.open(rootIno, 'old');
    fx.write(ino, 0, 'old');
    const fresh = fx.file(rootIno, 'new', 'new');
    expect(fx.fs.rename(root, rootIno, 'new', rootIno, 'old', 0)).toBe(ok);
    expect(fx.lookup(rootIno, 'old')).toBe(fresh);
    expect(fx.read(ino)).toBe('old');
    fx.close({ ino, handle });
    expect(fx.names()).toEqual(['old']);
  });

  test('a directory to another parent needs write permission on itself', () => {
    const dir = fx.mkdir(rootIno, 'd', alice, 0o555);
    const to = fx.mkdir(rootIno, 'to', alice);
    expect(fx.fs.rename(alice, rootIno, 'd', to, 'd', 0)).toBe(FsError.AccessDenied);
    expect(fx.fs.rename(alice, rootIno, 'd', rootIno, 'e', 0)).toBe(ok);
    expect(fx.fs.rename(root, rootIno, 'e', to, 'd', 0)).toBe(ok);
    expect(fx.lookup(dir, '..')).toBe(to);
    // A listing of it that somebody keeps has the one before.
    expect(fx.entriesChanged).toContainEqual({ parent: dir, name: '..', exceptView: -1 });
  });

  test('into itself, over its own ancestor, with bad flags', () => {
    const a = fx.mkdir(rootIno, 'a');
    const b = fx.mkdir(a, 'b');
    expect(fx.fs.rename(root, rootIno, 'a', b, 'x', 0)).toBe(FsError.Invalid);
    expect(fx.fs.rename(root, a, 'b', rootIno, 'a', 0)).toBe(FsError.NotEmpty);
    expect(fx.fs.rename(root, rootIno, 'a', b, 'x', Rename.exchange)).toBe(FsError.NoEntry);
    fx.file(b, 'x');
    expect(fx.fs.rename(root, rootIno, 'a', b, 'x', Rename.exchange)).toBe(FsError.Invalid);
    expect(fx.fs.rename(root, rootIno, 'a', rootIno, 'c', 4)).toBe(FsError.Invalid);
    expect(fx.fs.rename(root, rootIno, 'a', rootIno, 'c', 3)).toBe(FsError.Invalid);
  });
});

describe('readdir', () => {
  test('cookies hold while entries come and go, and after a restart', () => {
    for (let i = 0; i < 100; i++) fx.file(rootIno, `f${i}`);
    const seen: string[] = [];
    let cookie = 0;
    const page = (): void => {
      let left = 7;
      fx.fs.readdir(root, rootIno, cookie, (entry) => {
        if (left-- === 0) return false;
        cookie = entry.cookie;
        if (!entry.name.startsWith('.')) seen.push(entry.name);
        return true;
      });
    };
    for (let before = -1; before !== seen.length;) {
      before = seen.length;
      page();
      for (const name of seen.slice(Math.max(0, before))) fx.fs.unlink(root, rootIno, name);
      if (seen.length > 50 && before <= 50) fx.crash();
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => `f${i}`));
    expect(fx.names()).toEqual([]);
  });

  test('a directory that is too large for memory is read in pieces', () => {
    fx.end();
    fx = new Fixture({ inodesMax: 50 });
    const names = Array.from({ length: 1000 }, (_, i) => `n${i}`);
    for (const name of names) fx.file(rootIno, name);
    fx.crash();
    expect(fx.names()).toEqual(names);
    expect(fx.lookup(rootIno, 'n777')).toBeGreaterThan(0);
    expect(fx.fs.lookup(root, rootIno, 'absent', out)).toBe(FsError.NoEntry);
    expect(fx.fs.rename(root, rootIno, 'n5', rootIno, 'n6', 0)).toBe(ok);
    expect(fx.names()).toHaveLength(999);
  });
});

test('a repeated request is recognised after a crash, the one before it is not', () => {
  const first = { ...alice, request: 8, groups: () => [] };
  fx.fs.mkdir(first, rootIno, 'a', 0o755, out);
  fx.fs.mkdir({ ...first, request: 10 }, rootIno, 'b', 0o755, out);
  const { ino } = out;
  fx.crash();
  expect(fx.fs.carriedOut(10)).toEqual({ ino, result: 0 });
  expect(fx.fs.carriedOut(8)).toBeUndefined();
  fx.fs.freshSession();
  expect(fx.fs.carriedOut(10)).toBeUndefined();
});

test('a read-only file system refuses changes and serves the rest', () => {
  fx.file(rootIno, 'f', 'text');
  fx.end();
  fx = new Fixture({ readOnly: true });
  expect(fx.fs.mkdir(root, rootIno, 'd', 0o755, out)).toBe(FsError.ReadOnly);
  expect(fx.names()).toEqual([]);
});
