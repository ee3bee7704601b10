import { expect, test } from 'vitest';
import { isoText } from './render.ts';

test('times of events are those of Date, whatever came before', () => {
  const times = [0, 1, 999, 1000, 1_700_000_000_009, 1_700_000_000_010, 1_700_000_000_999];
  // A time scale makes fractions, which Date leaves out.
  times.push(1_700_000_001_000, 1_700_000_000_099, 1_700_000_000_999.96, 59.9, 1_700_000_001_000);
  for (const ms of times) expect(isoText(ms)).toBe(new Date(ms).toISOString());
});
