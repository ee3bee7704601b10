import fc from 'fast-check';
import { expect, test } from 'vitest';
import { childIno, Directory, packChild } from './directory.ts';
import { Kind } from '../operations.ts';

const shown = (directory: Directory, after = 0): [string, number][] => {
  const found: [string, number][] = [];
  directory.after(after, (name, packed) => found.push([name, childIno(packed)]) > 0);
  return found;
};

test('entries are shown in the order of their numbers, whatever comes and goes', () => {
  const step = fc.record({
    what: fc.constantFrom('set', 'delete', 'look'),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    ino: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const directory = new Directory(true);
      const model = new Map<string, number>();
      for (const { what, name, ino } of steps) {
        const isTaken = [...model].some(([other, number]) => number === ino && other !== name);
        if (what === 'set' && !isTaken) {
          expect(directory.set(name, packChild(ino, Kind.file))).toBe(!model.has(name));
          model.set(name, ino);
        } else if (what === 'delete') {
          directory.delete(name);
          model.delete(name);
        } else {
          const expected = [...model].filter(([, n]) => n > ino).sort(([, a], [, b]) => a - b);
          expect(shown(directory, ino)).toEqual(expected);
        }
      }
    }),
  );
});

test('what goes while entries are shown is not shown any more', () => {
  const directory = new Directory(true);
  for (let i = 1; i <= 100; i++) directory.set(`n${i}`, packChild(i, Kind.file));
  const seen: string[] = [];
  directory.after(0, (name) => {
    seen.push(name);
    for (let i = 2; i <= 90; i++) directory.delete(`n${i}`);
    return true;
  });
  expect(seen).toEqual(['n1', ...Array.from({ length: 10 }, (_, i) => `n${91 + i}`)]);
});
