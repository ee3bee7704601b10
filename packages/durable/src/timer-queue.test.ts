import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VirtualClock } from './testing/index.ts';
import { TimerQueue } from './timer-queue.ts';

test('fires every entry once, in order, and none before its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(1000), steps: fc.array(fc.nat(100), { maxLength: 3 }) })),
      (entries) => {
        const clock = new VirtualClock(0);
        const fired: { at: number; now: number }[] = [];
        const queue = new TimerQueue(clock, (key) =>
          fired.push({ at: Number(key), now: clock.now() }),
        );
        const added: number[] = [];
        for (const { at, steps } of entries) {
          const dueAt = clock.now() + at;
          added.push(dueAt);
          queue.add(dueAt, String(dueAt));
          for (const step of steps) clock.advance(step);
        }
        clock.advance(2000);
        expect(fired.map((entry) => entry.at).sort((a, b) => a - b)).toEqual(
          added.sort((a, b) => a - b),
        );
        expect(fired.filter(({ at, now }) => now !== at)).toEqual([]);
      },
    ),
  );
});

test('looks again when the clock called too early', () => {
  let now = 0;
  let pending: (() => void) | undefined;
  const fired: string[] = [];
  const queue = new TimerQueue(
    {
      now: () => now,
      after(_delay, run) {
        pending = run;
        return () => {};
      },
    },
    (key) => fired.push(key),
  );
  queue.add(10, 'a');
  now = 9;
  pending!();
  expect(fired).toEqual([]);
  now = 10;
  pending!();
  expect(fired).toEqual(['a']);
});

test('fires nothing once it is stopped', () => {
  const clock = new VirtualClock(0);
  const fired: string[] = [];
  const queue = new TimerQueue(clock, (key) => {
    fired.push(key);
    queue.stop();
  });
  queue.add(1, 'a');
  queue.add(1, 'b');
  clock.advance(5);
  queue.add(6, 'c');
  clock.advance(5);
  expect(fired).toEqual(['a']);
});
