import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  FsError,
  lockEnd,
  LockKind,
  LockType,
  ok,
  pending,
  rootIno,
  type Lock,
} from '../operations.ts';
import { Fixture, root } from '../testing/fixture.ts';

let fx: Fixture;
beforeEach(() => (fx = new Fixture()));
afterEach(() => fx.end());

function write(owner: bigint, handle: number): Lock {
  const { posix } = LockKind;
  return { kind: posix, type: LockType.write, start: 0n, end: lockEnd, owner, pid: 1, handle };
}

test('a lock outlives a restart on the same session, and is granted on when its owner closes', () => {
  const { ino, handle } = fx.open(rootIno, 'f');
  const other = fx.fs.open(root, ino, 2);
  expect(fx.fs.setlk(root, ino, write(1n, handle), false)).toBe(ok);
  fx.crash();
  expect(fx.fs.setlk(root, ino, write(2n, other), false)).toBe(FsError.Again);
  expect(fx.fs.setlk(root, ino, write(2n, other), true)).toBe(pending);
  const waitId = fx.fs.pendingOn;
  expect(fx.ready).toEqual([]);
  expect(fx.fs.flush(root, ino, 1n)).toBe(ok);
  expect(fx.ready).toEqual([waitId]);
  expect(fx.fs.setlk(root, ino, write(2n, other), true)).toBe(ok);
});

test('an OFD lock goes with its open file, an interrupted wait leaves no trace', () => {
  const { ino, handle } = fx.open(rootIno, 'f');
  fx.fs.setlk(root, ino, write(1n, handle), false);
  expect(fx.fs.setlk(root, ino, write(2n, handle + 1), true)).toBe(pending);
  fx.fs.cancelWait(fx.fs.pendingOn);
  fx.fs.release(ino, handle, 0n);
  expect(fx.ready).toEqual([]);
  expect(fx.fs.setlk(root, ino, write(3n, handle + 2), false)).toBe(ok);
});

test('a new session has no locks', () => {
  const { ino, handle } = fx.open(rootIno, 'f');
  fx.fs.setlk(root, ino, write(1n, handle), false);
  fx.restart();
  fx.fs.freshSession();
  fx.restart();
  expect(fx.fs.setlk(root, ino, write(2n, handle), false)).toBe(ok);
});

test('ranges that end before they start are invalid', () => {
  const { ino, handle } = fx.open(rootIno, 'f');
  const lock = { ...write(1n, handle), start: 5n, end: 4n };
  expect(fx.fs.setlk(root, ino, lock, false)).toBe(FsError.Invalid);
});
