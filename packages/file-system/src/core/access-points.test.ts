import { afterEach, beforeEach, expect, test } from 'vitest';
import { errorOf, FsError, newAttributes, ok, Open, pending, rootIno } from '../operations.ts';
import { FakePlanner } from '../testing/fake-planner.ts';
import { caller, Fixture, mustResult, root } from '../testing/fixture.ts';

let fx: Fixture;
const out = newAttributes();
beforeEach(() => (fx = new Fixture()));
afterEach(() => fx.end());

test('a missing root directory is made with the creation permissions, or refused without', () => {
  expect(errorOf(fx.fs.addView({ id: 'ap', rootPath: '/a/b' }))).toBe(FsError.NoEntry);
  const creationPermissions = { ownerUid: 1000, ownerGid: 1001, permissions: '0750' };
  const view = mustResult(fx.fs.addView({ id: 'ap', rootPath: '/a/b', creationPermissions }));
  expect(fx.stat(fx.fs.viewRoot(view))).toMatchObject({ uid: 1000, gid: 1001, mode: 0o750 });
  expect(fx.lookup(fx.lookup(rootIno, 'a'), 'b')).toBe(fx.fs.viewRoot(view));
  expect(errorOf(fx.fs.addView({ id: 'ap', rootPath: '/a/../b' }))).toBe(FsError.Invalid);
  fx.file(rootIno, 'f');
  expect(errorOf(fx.fs.addView({ id: 'ap', rootPath: '/f' }))).toBe(FsError.NotDirectory);
});

test('a root directory that is not imported yet is waited for', () => {
  fx.end();
  fx = new Fixture({ remote: true });
  const planner = new FakePlanner(fx);
  planner.unlisted.add(rootIno);
  expect(fx.fs.addView({ id: 'ap', rootPath: '/a' })).toBe(pending);
  fx.fs.tree.setListed(rootIno, true);
  expect(errorOf(fx.fs.addView({ id: 'ap', rootPath: '/a' }))).toBe(FsError.NoEntry);
});

test('the identity of the access point replaces that of every caller', () => {
  fx.mkdir(rootIno, 'open', root, 0o777);
  const user = { uid: 1000, gid: 1000, secondaryGids: [7] };
  const view = mustResult(fx.fs.addView({ id: 'ap', posixUser: user }));
  const c = caller(0, 0, [], view);
  const dir = fx.lookup(rootIno, 'open', c);
  const ino = fx.file(dir, 'f', '', c);
  expect(fx.stat(ino)).toMatchObject({ uid: 1000, gid: 1000 });
  expect(fx.fs.mkdir(c, rootIno, 'no', 0o755, out)).toBe(FsError.AccessDenied);
  const change = { ...out, valid: 4, gid: 7 };
  expect(fx.fs.setattr(caller(5, 5, [], view), ino, change, out)).toBe(ok);
});

test('root is squashed where it is asked for', () => {
  fx.mkdir(rootIno, 'open', root, 0o777);
  const view = mustResult(fx.fs.addView({ id: 'ap', rootSquash: true }));
  const dir = fx.lookup(rootIno, 'open');
  expect(fx.stat(fx.file(dir, 'f', '', caller(0, 0, [], view))).uid).toBe(65_534);
  expect(fx.stat(fx.file(dir, 'g', '', caller(12, 12, [], view))).uid).toBe(12);
});

test('a read-only access point changes nothing', () => {
  const ino = fx.file(rootIno, 'f', 'text');
  const view = mustResult(fx.fs.addView({ id: 'ap', readOnly: true }));
  const c = caller(0, 0, [], view);
  expect(fx.fs.viewReadOnly(view)).toBe(true);
  expect(fx.fs.unlink(c, rootIno, 'f')).toBe(FsError.ReadOnly);
  expect(errorOf(fx.fs.open(c, ino, Open.writeOnly))).toBe(FsError.ReadOnly);
  expect(errorOf(fx.fs.write(c, ino, 0, Buffer.from('x'), 0, 1, 0))).toBe(FsError.ReadOnly);
  expect(fx.fs.access(c, ino, 2)).toBe(FsError.ReadOnly);
  expect(fx.fs.open(c, ino, Open.readOnly)).toBeGreaterThan(0);
});

test('nothing outside of the root can be reached, also after it was moved out', () => {
  const inside = fx.mkdir(rootIno, 'in');
  const sub = fx.mkdir(inside, 'sub');
  const file = fx.file(sub, 'f');
  const outside = fx.file(rootIno, 'outside');
  const view = mustResult(fx.fs.addView({ id: 'ap', rootPath: '/in' }));
  const c = caller(0, 0, [], view);
  expect(fx.fs.getattr(c, file, out)).toBe(ok);
  expect(fx.fs.getattr(c, outside, out)).toBe(FsError.Stale);
  expect(fx.fs.getattr(c, rootIno, out)).toBe(FsError.Stale);
  expect(fx.fs.rename(c, rootIno, 'outside', inside, 'x', 0)).toBe(FsError.Stale);
  expect(fx.lookup(inside, '..', c)).toBe(inside);
  fx.fs.rename(root, inside, 'sub', rootIno, 'sub', 0);
  expect(fx.fs.getattr(c, file, out)).toBe(FsError.Stale);
  fx.fs.rename(root, rootIno, 'sub', inside, 'sub', 0);
  expect(fx.fs.getattr(c, file, out)).toBe(ok);
  fx.fs.rename(root, sub, 'f', rootIno, 'f', 0);
  expect(fx.fs.getattr(c, file, out)).toBe(FsError.Stale);
  expect(fx.fs.getattr(caller(0, 0, [], 99), inside, out)).toBe(FsError.Stale);
});

test('two views see one tree, and each is told what the other changes', () => {
  const dir = fx.mkdir(rootIno, 'd', root, 0o777);
  const first = mustResult(fx.fs.addView({ id: 'one', rootPath: '/d' }));
  const second = mustResult(fx.fs.addView({ id: 'two' }));
  const ino = fx.file(dir, 'f', 'text', caller(0, 0, [], first));
  expect(fx.entriesChanged).toContainEqual({ parent: dir, name: 'f', exceptView: first });
  expect(fx.lookup(dir, 'f', caller(0, 0, [], second))).toBe(ino);
  fx.write(ino, 0, 'more', caller(0, 0, [], second));
  expect(fx.inodesChanged).toContainEqual({ ino, length: 4, exceptView: second });
});
