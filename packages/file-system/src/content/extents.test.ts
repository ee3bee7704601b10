import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Extents, type BlockState } from './extents.ts';

const change = fc.record({
  first: fc.nat(30),
  length: fc.nat(10),
  state: fc.integer({ min: 0, max: 4 }),
});

test('extents are what an array of states would be, and survive their text', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const array: number[] = Array.from({ length: 50 }, () => 0);
      let extents = new Extents();
      for (const { first, length, state } of changes) {
        extents.set(first, first + length, state as BlockState);
        array.fill(state, first, first + length);
        extents = Extents.parse(extents.toString());
      }
      array.forEach((state, block) => {
        expect(extents.stateAt(block)).toBe(state);
        const next = array.findIndex((other, at) => at > block && other !== state);
        expect(extents.endOfState(block)).toBe(next === -1 ? Infinity : next);
      });
      expect(extents.count([1, 3])).toBe(array.filter((s) => s === 1 || s === 3).length);
      const seen: number[] = [];
      extents.each(5, 20, (first, end, state) => {
        for (let block = first; block < end; block++) seen[block] = state;
      });
      for (let block = 5; block < 20; block++) expect(seen[block] ?? 0).toBe(array[block]);
    }),
  );
});

test('a file written from front to back is one run', () => {
  const extents = new Extents();
  for (let block = 0; block < 1000; block++) extents.set(block, block + 1, 2);
  expect(extents.toString()).toBe('[0,1000,2]');
});
