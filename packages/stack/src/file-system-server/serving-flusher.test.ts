import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FlushSlot, FlushState, ServingFlusher, behindBlockBytes } from './serving-flusher.ts';

let dir: string;
let fd: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-flush-'));
  fd = openSync(join(dir, 'f'), 'w');
});
afterEach(() => {
  closeSync(fd);
  rmSync(dir, { recursive: true });
});

/** A flusher whose thread is played by the test. */
function start(): {
  flusher: ServingFlusher;
  numbers: Int32Array;
  outcomes: boolean[];
  world: { ms: number; stepMs: number; handled: number; isAsked: boolean; wanted: number };
  finish(failed?: number): void;
} {
  const world = { ms: 0, stepMs: 0.1, handled: 0, isAsked: false, wanted: 0 };
  const outcomes: boolean[] = [];
  const flusher = new ServingFlusher({
    wanted: () => world.wanted++,
    flushed: (failed) => outcomes.push(failed),
    handled: () => world.handled,
    isAsked: () => world.isAsked,
    now: () => (world.ms += world.stepMs),
  });
  const numbers = new Int32Array(flusher.shared);
  const finish = (failed = 0): void => {
    expect(numbers[FlushSlot.state]).toBe(FlushState.asked);
    numbers[FlushSlot.failed] = failed;
    numbers[FlushSlot.state] = FlushState.done;
    flusher.takeOutcome();
  };
  return { flusher, numbers, outcomes, world, finish };
}

test('flushes here until the thread runs, then there', () => {
  const { flusher, numbers, outcomes, world, finish } = start();
  flusher.flush([fd]);
  flusher.flush([fd]);
  expect(world.wanted).toBe(1);
  expect(outcomes).toEqual([false, false]);
  numbers[FlushSlot.ready] = 1;
  flusher.flush([fd, fd]);
  expect(numbers.slice(FlushSlot.count, FlushSlot.count + 3)).toEqual(Int32Array.of(2, fd, fd));
  expect(outcomes).toHaveLength(2);
  finish();
  flusher.flush([fd]);
  finish(1);
  expect(outcomes).toEqual([false, false, false, true]);
});

test('a lone writer on a fast disk is served here, until somebody waits or the disk is slow', () => {
  const { flusher, numbers, outcomes, world, finish } = start();
  numbers[FlushSlot.ready] = 1;
  const isHere = (): boolean => {
    const before = outcomes.length;
    flusher.flush([fd]);
    if (outcomes.length > before) return true;
    finish();
    return false;
  };
  const calm = (): void => {
    for (let i = 0; i < 10; i++) isHere();
  };
  calm();
  expect(isHere()).toBe(true);
  world.isAsked = true;
  expect(isHere()).toBe(true);
  world.isAsked = false;
  expect(isHere()).toBe(false);
  calm();
  world.stepMs = 50;
  expect(isHere()).toBe(true);
  expect(isHere()).toBe(false);
  // A slow disk never is, however calm it is.
  calm();
  expect(isHere()).toBe(false);
  world.stepMs = 0.1;
  // Nor where others are served meanwhile.
  for (let i = 0; i < 8; i++) {
    flusher.flush([fd]);
    world.handled++;
    finish();
  }
  expect(isHere()).toBe(false);
});

test('writes back there while nothing else is to be done, and a flush comes first', () => {
  const { flusher, numbers, outcomes, finish } = start();
  const offset = 3 * 2 ** 40;
  expect(flusher.writeBack(fd, offset, 65_536)).toBe(false);
  numbers[FlushSlot.ready] = 1;
  expect(flusher.writeBack(fd, offset + 1, 65_536)).toBe(true);
  expect(numbers[FlushSlot.state]).toBe(FlushState.behind);
  const asked = numbers.slice(FlushSlot.behindFd, FlushSlot.behindBlocks + 1);
  expect(asked).toEqual(Int32Array.of(fd, offset / behindBlockBytes, 2));
  // The thread has not come round to it, or is at it.
  expect(flusher.writeBack(fd, 0, 65_536)).toBe(false);
  flusher.flush([fd]);
  expect(flusher.writeBack(fd, 0, 65_536)).toBe(false);
  finish();
  expect(outcomes).toEqual([false]);
  expect(flusher.writeBack(fd, 0, 65_536)).toBe(true);
});

test('a file that cannot be flushed is told', () => {
  const { flusher, outcomes } = start();
  flusher.flush([fd, -1]);
  expect(outcomes).toEqual([true]);
});
