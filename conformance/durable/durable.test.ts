import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { report } from './report.ts';
import { runCase } from './run-case.ts';
import type { CasePath } from './run-case.ts';
import { suites } from './suites.ts';

const PATHS: readonly CasePath[] = ['standard path', 'fast path'];

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
  for (const path of PATHS) {
    describe.concurrent(`${name}, ${path}`, () => {
      test.each(Object.keys(expectations))('%s', async (id) => {
        const found = await runCase(handlers[id]!, expectations[id]!, { path, logLines });
        results.set(id, [...(results.get(id) ?? []), ...found.map((what) => `${path}: ${what}`)]);
        expect(found).toEqual([]);
      });
    });
  }
}

test('docs/CONFORMANCE.md says so', async () => {
  await expect(report(suites, results)).toMatchFileSnapshot('../../docs/CONFORMANCE.md');
});
