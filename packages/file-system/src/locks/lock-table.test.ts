import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { FsError, lockEnd, LockKind, LockType, ok, pending, type Lock } from '../operations.ts';
import { LockTable } from './lock-table.ts';
import { withChange, type Held } from './ranges.ts';

let saved: Map<number, string>;
let ready: number[];
let table: LockTable;
let waits: number;

function fresh(): LockTable {
  return new LockTable({
    save: (ino, text) => void (text === undefined ? saved.delete(ino) : saved.set(ino, text)),
    newWait: () => ++waits,
    ready: (waitId) => void ready.push(waitId),
  });
}
beforeEach(() => {
  saved = new Map();
  ready = [];
  waits = 0;
  table = fresh();
});

function lock(
  owner: number,
  type: Lock['type'],
  start = 0,
  end?: number,
  extra: Partial<Lock> = {},
): Lock {
  return {
    kind: LockKind.posix,
    type,
    start: BigInt(start),
    end: end === undefined ? lockEnd : BigInt(end),
    owner: BigInt(owner),
    pid: owner,
    handle: owner,
    ...extra,
  };
}
const { read, write, unlock } = LockType;

describe('ranges of one file', () => {
  test('readers share, a writer excludes, and the conflict is named', () => {
    expect(table.set(1, lock(1, read, 0, 9), false)).toBe(ok);
    expect(table.set(1, lock(2, read, 5, 20), false)).toBe(ok);
    expect(table.set(1, lock(3, write, 8, 8), false)).toBe(FsError.Again);
    expect(table.set(1, lock(3, write, 21), false)).toBe(ok);
    const asked = lock(4, write, 0, 3);
    table.get(1, asked);
    expect(asked).toMatchObject({ type: read, start: 0n, end: 9n, pid: 1 });
    const free = lock(3, write, 21);
    table.get(1, free);
    expect(free.type).toBe(unlock);
  });

  test('any sequence of one owner is what an array of bytes would be', () => {
    const step = fc.record({
      start: fc.nat(15),
      length: fc.integer({ min: 1, max: 6 }),
      type: fc.constantFrom(read, write, unlock),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let held: Held[] = [];
        const bytes: number[] = Array.from({ length: 24 }, () => unlock);
        for (const { start, length, type } of steps) {
          held = withChange(held, lock(1, type, start, start + length - 1));
          bytes.fill(type, start, start + length);
        }
        const found = bytes.map((_, at) => {
          const hits = held.filter((h) => h.start <= BigInt(at) && h.end >= BigInt(at));
          expect(hits.length).toBeLessThan(2);
          return hits[0]?.type ?? unlock;
        });
        expect(found).toEqual(bytes);
      }),
    );
  });

  test('the last bytes of the largest file can be locked', () => {
    expect(table.set(1, lock(1, write, 0, undefined, { start: lockEnd }), false)).toBe(ok);
    expect(table.set(1, lock(2, write), false)).toBe(FsError.Again);
  });
});

describe('waiting', () => {
  test('first come, first served; a granted waiter holds the lock before it asks again', () => {
    table.set(1, lock(1, write), false);
    expect(table.set(1, lock(2, write), true)).toBe(pending);
    const second = table.pendingOn;
    expect(table.set(1, lock(3, write), true)).toBe(pending);
    const third = table.pendingOn;
    table.set(1, lock(1, unlock), false);
    expect(ready).toEqual([second]);
    expect(table.set(1, lock(1, write), false)).toBe(FsError.Again);
    expect(table.set(1, lock(2, write), true)).toBe(ok);
    table.set(1, lock(2, unlock), false);
    expect(ready).toEqual([second, third]);
  });

  test('asking again while it waits does not wait twice', () => {
    table.set(1, lock(1, write), false);
    table.set(1, lock(2, write), true);
    const first = table.pendingOn;
    table.set(1, lock(2, write), true);
    expect(table.pendingOn).toBe(first);
  });

  test('a reader does not overtake a waiting writer, and gets in when that one gives up', () => {
    table.set(1, lock(1, read), false);
    table.set(1, lock(2, write), true);
    const writer = table.pendingOn;
    expect(table.set(1, lock(3, read), true)).toBe(pending);
    const reader = table.pendingOn;
    table.cancel(writer);
    expect(ready).toEqual([reader]);
  });

  test('closing and dying let the next one in', () => {
    table.set(1, lock(1, write), false);
    table.set(1, lock(2, write), true);
    const waiting = table.pendingOn;
    table.dropOwner(1, LockKind.posix, 1n);
    expect(ready).toEqual([waiting]);
  });

  test('owners that wait for each other over several files are refused', () => {
    table.set(1, lock(1, write), false);
    table.set(2, lock(2, write), false);
    table.set(3, lock(3, write), false);
    expect(table.set(2, lock(1, write), true)).toBe(pending);
    expect(table.set(3, lock(2, write), true)).toBe(pending);
    expect(table.set(1, lock(3, write), true)).toBe(FsError.Deadlock);
    expect(table.set(1, lock(4, write), true)).toBe(pending);
  });
});

describe('flock', () => {
  const whole = { kind: LockKind.flock, handle: 77 };

  test('does not know of byte ranges, and goes with the open file', () => {
    table.set(1, lock(1, write), false);
    expect(table.set(1, lock(2, write, 0, undefined, whole), false)).toBe(ok);
    expect(table.set(1, lock(3, read, 0, undefined, { ...whole, handle: 78 }), false)).toBe(
      FsError.Again,
    );
    table.dropHandle(1, 77);
    expect(table.set(1, lock(3, read, 0, undefined, { ...whole, handle: 78 }), false)).toBe(ok);
  });

  test('two that convert do not wait for each other for ever', () => {
    table.set(1, lock(1, read, 0, undefined, whole), false);
    table.set(1, lock(2, read, 0, undefined, whole), false);
    expect(table.set(1, lock(1, write, 0, undefined, whole), true)).toBe(pending);
    const first = table.pendingOn;
    expect(table.set(1, lock(2, write, 0, undefined, whole), true)).toBe(pending);
    expect(ready).toEqual([first]);
  });
});

test('locks outlive a restart', () => {
  table.set(1, lock(1, write, 5, 9), false);
  table.set(1, lock(2, read, 20), false);
  const again = fresh();
  for (const [ino, text] of saved) again.restore(ino, text);
  expect(again.set(1, lock(3, write, 9, 9), false)).toBe(FsError.Again);
  expect(again.set(1, lock(3, read, 30), false)).toBe(ok);
  again.dropHandle(1, 1);
  expect(again.set(1, lock(3, write, 9, 9), false)).toBe(ok);
});

test('nothing is kept of a file without locks', () => {
  table.set(1, lock(1, write), false);
  table.set(1, lock(1, unlock), false);
  expect(saved.size).toBe(0);
  expect(table.isLocked(1)).toBe(false);
});
