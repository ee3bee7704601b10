import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FsError, Kind, newAttributes, ok, pending, rootIno } from '../operations.ts';
import { Dirty } from '../sync/port.ts';
import { FakePlanner, remoteFile } from '../testing/fake-planner.ts';
import { caller, Fixture, root } from '../testing/fixture.ts';

let fx: Fixture;
let planner: FakePlanner;
const out = newAttributes();
beforeEach(() => {
  fx = new Fixture({ remote: true, id: 'fs-1' });
  planner = new FakePlanner(fx);
  planner.unlisted.add(rootIno);
});
afterEach(() => fx.end());

const lost = '.s3files-lost+found-fs-1';

describe('a directory that is not listed', () => {
  test('makes misses, listings and new names wait, but not names that are known', () => {
    const ino = remoteFile(fx, 'known', 3);
    expect(fx.lookup(rootIno, 'known')).toBe(ino);
    expect(fx.fs.lookup(root, rootIno, 'absent', out)).toBe(pending);
    expect(fx.fs.mkdir(root, rootIno, 'new', 0o755, out)).toBe(pending);
    expect(fx.fs.readdir(root, rootIno, 0, () => true)).toBe(pending);
    fx.fs.tree.setListed(rootIno, true);
    expect(fx.fs.lookup(root, rootIno, 'absent', out)).toBe(FsError.NoEntry);
    expect(fx.names()).toEqual(['known']);
    fx.crash();
    expect(fx.names()).toEqual(['known']);
  });

  test('is not removed or moved before it is known what is in it', () => {
    fx.fs.tree.setListed(rootIno, true);
    const dir = fx.fs.tree.addRemote(rootIno, 'd', {
      ...planner.attributes,
      kind: Kind.directory,
      mode: 0o755,
    });
    planner.unlisted.add(dir);
    expect(fx.fs.rmdir(root, rootIno, 'd')).toBe(pending);
    expect(fx.fs.rename(root, rootIno, 'd', rootIno, 'e', 0)).toBe(pending);
    expect(fx.fs.tree.nameOf(dir)).toBe('d');
    expect(fx.stat(rootIno).nlink).toBe(3);
  });

  test('tells nobody while it is listed first, and everybody about later arrivals', () => {
    remoteFile(fx, 'a', 1);
    expect(fx.entriesChanged).toEqual([]);
    fx.fs.tree.setListed(rootIno, true);
    remoteFile(fx, 'b', 1);
    expect(fx.entriesChanged).toEqual([{ parent: rootIno, name: 'b', exceptView: -1 }]);
  });
});

test('a listing of many names is a commit: all are there after a crash, as they were listed', () => {
  const count = 1_500;
  const assumed = { ...planner.attributes, known: false };
  const inos: number[] = [];
  const list = (from: number, to: number): void =>
    fx.fs.tree.transaction(() => {
      for (let i = from; i < to; i++)
        inos.push(fx.fs.tree.addRemote(rootIno, `ü${i}`, { ...assumed, size: i }, `base ${i}`));
    });
  const check = (): void => {
    const attributes = newAttributes();
    expect(fx.names()).toEqual(Array.from({ length: count }, (_, i) => `ü${i}`));
    for (const i of [0, 999, 1000, count - 1]) {
      expect(fx.fs.tree.child(rootIno, `ü${i}`)).toBe(inos[i]);
      expect(fx.fs.tree.attributes(inos[i]!, attributes)).toBe(true);
      expect(attributes).toMatchObject({ kind: Kind.file, mode: 0o644, size: i, nlink: 1 });
      expect(attributes).toMatchObject({ mtimeSec: 1000, btimeSec: 1000, ctimeNsec: 5 });
      expect(fx.fs.tree.base(inos[i]!)).toBe(`base ${i}`);
      expect(fx.fs.tree.isKnown(inos[i]!)).toBe(false);
      expect(fx.fs.tree.missing(inos[i]!)).toEqual(i === 0 ? [] : [{ start: 0, end: i }]);
    }
  };
  list(0, count);
  fx.fs.tree.setListed(rootIno, true);
  check();
  fx.crash();
  check();
  fx.fs.tree.removeRemote(inos[1200]!);
  fx.fs.tree.replaceRemote(inos[1201]!, { ...planner.attributes, size: 3 });
  fx.crash();
  expect(fx.names()).toHaveLength(count - 1);
  expect(fx.stat(inos[1201]!).size).toBe(3);
});

test('attributes that are only assumed are waited for, and may turn out to be a link', () => {
  const assumed = { ...planner.attributes, size: 7, known: false };
  const ino = fx.fs.tree.addRemote(rootIno, 'l', assumed);
  expect(fx.fs.lookup(root, rootIno, 'l', out)).toBe(pending);
  expect(fx.fs.getattr(root, ino, out)).toBe(pending);
  fx.fs.tree.setRemoteAttributes(ino, {
    ...planner.attributes,
    kind: Kind.symlink,
    mode: 0o777,
    target: 'where/to',
  });
  expect(fx.fs.lookup(root, rootIno, 'l', out)).toBe(ok);
  expect(out).toMatchObject({ ino, kind: Kind.symlink, size: 8 });
  expect(fx.fs.readlink(root, ino)).toBe(ok);
  expect(fx.fs.linkTarget).toBe('where/to');
});

test('the planner hears of every change, in the commit that makes it', () => {
  fx.fs.tree.setListed(rootIno, true);
  const marking: Pick<FakePlanner, 'created'> = {
    created: (ino) => fx.fs.tree.setDirty(ino, Dirty.name | Dirty.content),
  };
  planner.created = marking.created;
  const ino = fx.file(rootIno, 'f');
  fx.fs.tree.setBase(ino, 'object');
  fx.crash();
  const dirty: number[][] = [];
  fx.fs.tree.eachDirty((...found) => dirty.push(found));
  expect(dirty).toEqual([[ino, Dirty.name | Dirty.content]]);
  fx.fs.attach(planner);
  fx.fs.rename(root, rootIno, 'f', rootIno, 'g', 0);
  fx.fs.unlink(root, rootIno, 'g');
  expect(planner.notes).toEqual(['moved f g', 'unlinked g object']);
});

test('records are kept by prefix and removed', () => {
  const { tree } = fx.fs;
  tree.setRecord('c:1', 'one');
  tree.setRecord('c:2', 'two');
  tree.setRecord('d:1', 'other');
  tree.setRecord('c:2', undefined);
  fx.crash();
  const found: string[] = [];
  fx.fs.tree.eachRecord('c:', (key, value) => found.push(`${key}=${value}`));
  expect(found).toEqual(['c:1=one']);
  expect(fx.fs.tree.record('d:1')).toBe('other');
  expect(fx.fs.tree.record('c:2')).toBeUndefined();
});

describe('deleted in S3', () => {
  beforeEach(() => fx.fs.tree.setListed(rootIno, true));

  test('the name goes everywhere, an open file keeps what it has', () => {
    const { ino, handle } = fx.open(rootIno, 'f');
    fx.write(ino, 0, 'kept');
    fx.fs.tree.removeRemote(ino);
    expect(fx.names()).toEqual([]);
    expect(fx.read(ino)).toBe('kept');
    expect(fx.entriesChanged).toContainEqual({ parent: rootIno, name: 'f', exceptView: -1 });
    fx.close({ ino, handle });
    expect(fx.fs.getattr(root, ino, out)).toBe(FsError.Stale);
  });
});

describe('lost+found', () => {
  let ino: number;
  beforeEach(() => {
    fx.fs.tree.setListed(rootIno, true);
    ino = fx.file(rootIno, 'report', 'mine', root, 0o666);
    expect(fx.fs.tree.moveToLostAndFound(ino, 'abc_report')).toBe(true);
  });

  test('the copy can be read and deleted', () => {
    const dir = fx.lookup(rootIno, lost);
    expect(fx.names(dir)).toEqual(['abc_report']);
    expect(fx.read(ino)).toBe('mine');
    expect(fx.fs.tree.dirty(ino)).toBe(0);
    planner.notes.length = 0;
    expect(fx.fs.unlink(root, dir, 'abc_report')).toBe(ok);
    expect(planner.notes).toEqual([]);
  });

  test('but not moved, changed or added to, nor can its directory be removed', () => {
    const dir = fx.lookup(rootIno, lost);
    expect(fx.fs.rename(root, dir, 'abc_report', rootIno, 'back', 0)).toBe(FsError.NotPermitted);
    expect(fx.fs.rename(root, dir, 'abc_report', dir, 'x', 0)).toBe(FsError.NotPermitted);
    expect(fx.fs.rename(root, rootIno, lost, rootIno, 'x', 0)).toBe(FsError.NotPermitted);
    expect(fx.fs.open(root, ino, 1)).toBe(-1 - FsError.NotPermitted);
    expect(fx.fs.mkdir(root, dir, 'd', 0o755, out)).toBe(FsError.NotPermitted);
    const change = { ...newAttributes(), valid: 1, mode: 0o600 };
    expect(fx.fs.setattr(root, ino, change, out)).toBe(FsError.NotPermitted);
    fx.fs.unlink(root, dir, 'abc_report');
    expect(fx.fs.rmdir(root, rootIno, lost)).toBe(FsError.NotPermitted);
  });
});

test('in use is what the kernel holds', () => {
  fx.fs.tree.setListed(rootIno, true);
  const ino = remoteFile(fx, 'f', 1);
  expect(fx.fs.tree.inUse(ino)).toBe(false);
  fx.held.add(ino);
  expect(fx.fs.tree.inUse(ino)).toBe(true);
  fx.forget(ino);
  expect(fx.fs.tree.inUse(ino)).toBe(false);
});

describe('extended attributes', () => {
  test('the status is answered with any suffix, never listed and never set', () => {
    const ino = remoteFile(fx, 'f', 1);
    for (const name of ['user.s3files.status', 'user.s3files.status;1700000000']) {
      expect(fx.fs.getxattr(root, ino, name)).toBe(ok);
      expect(Buffer.from(fx.fs.attributeValue).toString()).toBe('S3Key: s3://bucket/f\n');
      expect(fx.fs.setxattr(root, ino, name, Buffer.from('x'), 0)).toBe(FsError.NotSupported);
      expect(fx.fs.removexattr(root, ino, name)).toBe(FsError.NotSupported);
    }
    expect(fx.fs.listxattr(root, ino)).toBe(ok);
    expect(fx.fs.attributeValue).toHaveLength(0);
  });

  test('there are no others', () => {
    const ino = remoteFile(fx, 'f', 1);
    expect(fx.fs.getxattr(root, ino, 'user.other')).toBe(FsError.NoAttribute);
    expect(fx.fs.getxattr(root, ino, 'security.capability')).toBe(FsError.NoAttribute);
    expect(fx.fs.setxattr(root, ino, 'user.other', Buffer.from('x'), 0)).toBe(FsError.NotSupported);
    expect(fx.fs.removexattr(caller(1), ino, 'user.other')).toBe(FsError.NoAttribute);
  });
});
