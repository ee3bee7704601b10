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

test('every rule compiles for every grammar', async () => {
  const words =
    '// innerHTML dangerouslySetInnerHTML rejectUnauthorized httpOnly secure csrf_exempt secret_key ' +
    "InsecureSkipVerify http.Cookie 'none' req.query os.Args request.args request.getParameter( ";
  for (const [path, comment] of [
    ['a.ts', words],
    ['a.tsx', words],
    ['a.js', words],
    ['a.py', words.replace('//', '#')],
    ['a.go', words],
    ['a.java', words],
  ] as const) {
    const calls = 'exec( eval( query( system( Command( New( getInstance( Random(';
    await hitsOf(path, `${comment} ${calls}\n`);
  }
});

test('markup set from a value in JSX', async () => {
  const source = [
    'const a = <p dangerouslySetInnerHTML={{ __html: post.body }} />;',
    'const b = <p dangerouslySetInnerHTML={{ __html: DOMPurify.sanitize(post.body) }} />;',
  ].join('\n');
  expect(await hitsOf('a.tsx', source)).toEqual(['1 js-dom-html']);
});

test('a composed value is a candidate, a constant one is not', async () => {
  const source = [
    "import { execSync } from 'node:child_process';",
    "const FLAGS = '--all';",
    'export function list(branch: string) {',
    '  execSync(`git log ${FLAGS}`);',
    '  return execSync(`git log ${branch}`);',
    '}',
  ].join('\n');
  expect(await hitsOf('src/a.ts', source)).toEqual(['5 js-command-injection']);
  expect(await hitsOf('src/a.test.ts', source)).toEqual([]);
});

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
