import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Content } from '../content/content.ts';
import { FsError, ok, pending, rootIno, type Caller } from '../operations.ts';
import { caller, Fixture } from '../testing/fixture.ts';

let fx: Fixture;
const flushes: (readonly number[])[] = [];
const writtenBack: [offset: number, length: number][] = [];
let takesMore = true;
beforeEach(() => {
  flushes.length = 0;
  writtenBack.length = 0;
  fx = new Fixture({
    flusher: {
      flush: (descriptors) => void flushes.push(descriptors),
      writeBack(_, offset, length) {
        if (!takesMore) return false;
        writtenBack.push([offset, length]);
        return true;
      },
    },
  });
});
afterEach(() => fx.end());

let request = 100;
function asking(): Caller {
  return { ...caller(0), request: ++request };
}

test('waits for a flush of its bytes and of the journal, the journal last', () => {
  const ino = fx.file(rootIno, 'f', 'text');
  const c = asking();
  expect(fx.fs.fsync(c, ino)).toBe(pending);
  const waitId = fx.fs.pendingOn;
  expect(flushes).toHaveLength(1);
  expect(flushes[0]).toHaveLength(2);
  // Repeated too early, it goes on waiting; nothing is flushed twice.
  expect(fx.fs.fsync(c, ino)).toBe(pending);
  expect(fx.fs.pendingOn).toBe(waitId);
  fx.fs.flushed(false);
  expect(fx.ready).toEqual([waitId]);
  expect(fx.fs.fsync(c, ino)).toBe(ok);
  expect(flushes).toHaveLength(1);
});

test('those that come during a flush share the next one', () => {
  const files = ['a', 'b', 'c'].map((name) => fx.file(rootIno, name, name));
  const large = fx.file(rootIno, 'large', 'x'.repeat(100_000));
  const first = asking();
  expect(fx.fs.fsync(first, files[0]!)).toBe(pending);
  const others = [...files, large].map((ino) => ({ c: asking(), ino }));
  for (const { c, ino } of others) expect(fx.fs.fsync(c, ino)).toBe(pending);
  expect(flushes).toHaveLength(1);
  fx.fs.flushed(false);
  expect(fx.fs.fsync(first, files[0]!)).toBe(ok);
  for (const { c, ino } of others) expect(fx.fs.fsync(c, ino)).toBe(pending);
  expect(flushes).toHaveLength(2);
  // Small files share a file, the large one has its own, and there is one journal.
  expect(flushes[1]).toHaveLength(3);
  fx.fs.flushed(false);
  for (const { c, ino } of others) expect(fx.fs.fsync(c, ino)).toBe(ok);
});

test('a disk that refuses is told to all who waited for that flush, and to nobody else', () => {
  const ino = fx.file(rootIno, 'f', 'text');
  const c = asking();
  fx.fs.fsync(c, ino);
  fx.fs.flushed(true);
  expect(fx.fs.fsync(c, ino)).toBe(FsError.Io);
  const again = asking();
  fx.fs.fsync(again, ino);
  fx.fs.flushed(false);
  expect(fx.fs.fsync(again, ino)).toBe(ok);
});

test('an interrupted one is forgotten; a file removed meanwhile is no error', () => {
  const ino = fx.file(rootIno, 'f', 'text');
  const c = asking();
  fx.fs.fsync(c, ino);
  fx.fs.cancelWait(fx.fs.pendingOn);
  const { ino: open } = fx.open(rootIno, 'open');
  const other = asking();
  expect(fx.fs.fsync(other, open)).toBe(pending);
  fx.fs.unlink(caller(0), rootIno, 'open');
  fx.fs.flushed(false);
  fx.fs.flushed(false);
  expect(fx.fs.fsync(other, open)).toBe(ok);
  expect(fx.ready).toHaveLength(1);
});

test('what is written in order goes to the disk behind the writer, once, and not the block it is at', () => {
  const block = 65_536;
  const piece = 'x'.repeat(2 ** 20 + 100);
  const ino = fx.file(rootIno, 'large');
  const append = (pieces: number, from = 0): void => {
    for (let i = from; i < from + pieces; i++) fx.write(ino, i * piece.length, piece);
  };
  append(7);
  expect(writtenBack).toEqual([]);
  append(1, 7);
  expect(writtenBack).toEqual([[0, 128 * block]]);
  // Where there is no time for it now, it goes with the next.
  takesMore = false;
  append(8, 8);
  takesMore = true;
  append(1, 16);
  expect(writtenBack.slice(1)).toEqual([[128 * block, 144 * block]]);
  // Here and there is not in order.
  for (let i = 20; i > 0; i--) fx.write(ino, i * piece.length, piece);
  expect(writtenBack).toHaveLength(2);
});

test('bytes that were synced stay durable when they move; nobody else pays for it', () => {
  const sync = vi.spyOn(Content.prototype, 'sync');
  try {
    const grow = (ino: number): void => {
      // To a larger slot, then to a cache file of its own.
      for (const size of [30_000, 100_000]) fx.write(ino, 0, 'x'.repeat(size));
    };
    grow(fx.file(rootIno, 'never synced', 'text'));
    expect(sync).not.toHaveBeenCalled();
    const synced = fx.file(rootIno, 'synced', 'text');
    fx.fs.fsync(asking(), synced);
    fx.fs.flushed(false);
    grow(synced);
    expect(sync.mock.calls.map(([{ ino }]) => ino)).toEqual([synced, synced]);
  } finally {
    sync.mockRestore();
  }
});
