import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { languageOf, type SourceTree } from '../source-file.ts';
import { codeAnalyser } from './code-analyser.ts';

const limits = { expired: () => false, signal: AbortSignal.timeout(60_000) };

async function hitsOf(path: string, source: string): Promise<string[]> {
  const file = { path, bytes: source.length, language: languageOf(path) };
  const tree: SourceTree = { root: '/', files: [file], skipped: [], text: () => source };
  const { hits, missed } = await codeAnalyser().run(tree, [file], limits);
  expect(missed).toEqual([]);
  return [...new Set(hits.map((hit) => `${hit.startLine} ${hit.ruleId.slice('moorage/'.length)}`))];
}

/** Each planted defect is marked on its line; every other line must stay without a finding. */
describe.each(['server.js', 'app.py', 'main.go', 'Servlet.java'])('%s', (name) => {
  const source = readFileSync(
    new URL(`../../../test/fixtures/security/${name}.txt`, import.meta.url),
    'utf8',
  );
  const expected = source.split('\n').flatMap((line, index) =>
    (/EXPECT (.*)$/.exec(line)?.[1] ?? '')
      .split(' ')
      .filter((rule) => rule !== '')
      .map((rule) => `${index + 1} ${rule}`),
  );

  test('finds what is planted and nothing else', async () => {
    expect((await hitsOf(name, source)).toSorted()).toEqual(expected.toSorted());
  });
});
