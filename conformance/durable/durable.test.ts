import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { report } from './report.ts';
import { runCase } from './run-case.ts';
import { suites } from './suites.ts';

const results = new Map<string, string[]>();
const logLines: string[] = [];

// The SDK's logger writes to the streams themselves.
beforeAll(() => {
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      logLines.push(String(text));
      return true;
    });
  }
});
afterAll(() => vi.restoreAllMocks());

for (const { name, expectations, handlers } of suites) {
  describe.concurrent(name, () => {
    test.each(Object.keys(expectations))('%s', async (id) => {
      const found = await runCase(handlers[id]!, expectations[id]!, logLines);
      results.set(id, found);
      expect(found).toEqual([]);
    });
  });
}

test('docs/CONFORMANCE.md says so', async () => {
  await expect(report(suites, results)).toMatchFileSnapshot('../../docs/CONFORMANCE.md');
});
