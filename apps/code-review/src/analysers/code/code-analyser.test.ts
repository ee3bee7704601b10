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

/** Found in repositories that are in use: each was reported although nothing is wrong with it. */
describe('what is no weakness', () => {
  test.each([
    [
      'a value looked up by input',
      'app.get("/", (req, res) => res.send(`<p>${names[req.params.id]}`));',
    ],
    [
      'a file named on the own command line',
      "import fs from 'node:fs';\nfs.readFileSync(process.argv[2]);",
    ],
    ['back to where the browser came from', "res.redirect(req.get('Referrer') || '/');"],
    ['a path of the own site', "NextResponse.redirect(new URL('/login', req.url));"],
    ['the own address', 'const url = new URL(c.req.url);\nc.redirect(url.toString(), 301);'],
    ['values that an SQL mapper binds', 'Wallet.findOne({ where: { id: req.body.id } });'],
    ['constant code in a context', "vm.runInContext('run(data)', sandbox, { timeout: 2000 });"],
    [
      'a number beside code that is about secrets',
      'function SessionHandler(db) {\n  const prepare = (user) => {\n    return Math.random() * 40;\n  };\n}',
    ],
    ['a pattern that repeats what it can tell apart', 'const list = /(\\w+,)+x/;'],
    ['a session cookie that is taken back', "res.cookie('session', '', { maxAge: 0 });"],
    ['escaping that is on', 'swig.setDefaults({ autoescape: true });'],
  ])('%s', async (_name, source) => {
    expect(await hitsOf('src/a.js', source)).toEqual([]);
  });

  test('constant markup', async () => {
    const source = `const a = <p dangerouslySetInnerHTML={{ __html: '<b class="x">3</b>' }} />;`;
    expect(await hitsOf('a.tsx', source)).toEqual([]);
  });

  test('a session cookie that is taken back, in Python', async () => {
    const source = "def out(response):\n    response.set_cookie('session', '', expires=0)\n";
    expect(await hitsOf('a.py', source)).toEqual([]);
    expect(await hitsOf('a.py', source.replace("''", 'value'))).toEqual(['2 py-cookie-insecure']);
  });

  test('a method that only has the name of one of a database', async () => {
    const source =
      'class A extends B {\n  void upload(@RequestParam String file) {\n    super.execute(file);\n  }\n}';
    expect(await hitsOf('A.java', source)).toEqual([]);
  });
});

describe('what is', () => {
  test.each([
    ['js-nosql-where', 'db.find({ $where: `this.userId == ${id}` });'],
    ['js-template-unescaped', 'swig.setDefaults({ autoescape: false });'],
    ['js-regex-backtracking', 'const digits = /([0-9]+)+#/;'],
    ['js-weak-random', 'const newToken = () => {\n  return chars.map(() => Math.random());\n};'],
    ['js-open-redirect', 'res.redirect(new URL(req.query.next, base).href);'],
    ['js-nosql-injection', 'users.findOne({ name: req.body.name });'],
    ['js-xss', 'app.get("/", (req, res) => res.send("<p>" + req.query.names[0]));'],
  ])('%s', async (rule, source) => {
    expect((await hitsOf('src/a.js', source)).map((hit) => hit.split(' ')[1])).toEqual([rule]);
  });

  test('names of modules are shown as the file has them', async () => {
    const source =
      "import * as models from '../models/index';\nmodels.db.query(`SELECT * FROM t WHERE a = ${req.body.a}`);";
    const file = { path: 'a.ts', bytes: source.length, language: 'typescript' } as const;
    const tree: SourceTree = { root: '/', files: [file], skipped: [], text: () => source };
    const { hits } = await codeAnalyser().run(tree, [file], limits);
    expect(hits.map(({ message }) => message)).toEqual([
      'SQL injection: input reaches models.db.query',
    ]);
  });
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
