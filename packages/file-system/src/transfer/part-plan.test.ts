import { array, assert, integer, property } from 'fast-check';
import { expect, test } from 'vitest';
import { planParts } from './part-plan.ts';

const MiB = 1024 * 1024;

test('one byte appended to a large file sends one byte', () => {
  const size = 200 * MiB + 1;
  expect(planParts(size, [{ start: 0, end: size - 1 }])).toEqual([
    { start: 0, end: size - 1, copied: true },
    { start: size - 1, end: size, copied: false },
  ]);
});

test('a change in the middle sends the smallest part S3 takes', () => {
  const parts = planParts(100 * MiB, [
    { start: 0, end: 50 * MiB },
    { start: 50 * MiB + 65536, end: 100 * MiB },
  ]);
  expect(parts).toEqual([
    { start: 0, end: 50 * MiB, copied: true },
    { start: 50 * MiB, end: 55 * MiB, copied: false },
    { start: 55 * MiB, end: 100 * MiB, copied: true },
  ]);
});

test('a file of 48 TiB fits into 10,000 parts', () => {
  expect(planParts(52_673_613_135_872, []).length).toBeLessThanOrEqual(10_000);
});

test('every plan covers the file and keeps S3’s rules', () => {
  const spans = array(integer({ min: 0, max: 300 * MiB }), { maxLength: 12 })
    .map((cuts) => cuts.toSorted((a, b) => a - b))
    .map((cuts) => {
      const found: { start: number; end: number }[] = [];
      for (let i = 0; i + 1 < cuts.length; i += 2) {
        found.push({ start: cuts[i] ?? 0, end: cuts[i + 1] ?? 0 });
      }
      return found;
    });
  assert(
    property(integer({ min: 1, max: 300 * MiB }), spans, (size, unchanged) => {
      const parts = planParts(size, unchanged);
      let at = 0;
      parts.forEach((part, i) => {
        expect(part.start).toBe(at);
        expect(part.end).toBeGreaterThan(part.start);
        at = part.end;
        if (i < parts.length - 1) expect(part.end - part.start).toBeGreaterThanOrEqual(5 * MiB);
        if (part.copied) {
          expect(unchanged.some((s) => s.start <= part.start && part.end <= s.end)).toBe(true);
        }
      });
      expect(at).toBe(size);
    }),
  );
});
