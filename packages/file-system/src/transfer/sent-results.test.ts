import { expect, test } from 'vitest';
import type { TransferResult } from './jobs.ts';
import { received, toSend } from './sent-results.ts';

test('results arrive as they were', () => {
  const objects = [
    { key: 'a/ü\0', size: 2 ** 43, eTag: 'e-2', lastModified: 1_763_757_600_123 },
    { key: 'a/b', size: 0, eTag: '', lastModified: 0 },
  ];
  const results: TransferResult[] = [
    { kind: 'page', id: 1, objects, prefixes: ['a/c/'], last: false },
    { kind: 'deleted', id: 2 },
    { kind: 'page', id: 3, objects: [], prefixes: [], last: true, isCut: true },
  ];
  expect(received(structuredClone(toSend(results)))).toEqual(results);
});
