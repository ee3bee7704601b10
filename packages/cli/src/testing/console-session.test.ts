import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { consoleSections, matches, runSession } from './console-session.ts';

const document = `# Title
## First
\`\`\`console
$ echo one
one
$ printf '%s\\n' two \\
> three
two
three
\`\`\`
\`\`\`sh
$ not run
\`\`\`
## Empty
## Second
\`\`\`console
$ false
\`\`\`
`;

test('commands and what they print are found by section', () => {
  const sections = consoleSections(document);
  expect(sections.map(({ title, steps }) => [title, steps.length])).toEqual([
    ['First', 2],
    ['Second', 1],
  ]);
  expect(sections[0]!.steps[1]).toEqual({
    command: "printf '%s\\n' two \\\nthree",
    expected: 'two\nthree\n',
    line: 6,
  });
});

test('a session keeps its variables, and prints of each step are told apart', async () => {
  const [first] = consoleSections('## S\n```console\n$ a=1; echo x >&2\n$ echo $a $b\n```\n');
  const cwd = mkdtempSync(path.join(tmpdir(), 'mr-console-'));
  try {
    const options = { cwd, env: {}, prelude: 'b=2', timeoutMs: 20_000 };
    expect(await runSession(first!.steps, options)).toEqual(['x\n', '1 2\n']);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});

test('an ellipsis stands for anything, all else for itself', () => {
  expect(matches('version 1.2 (x)\n', 'version … (x)\n')).toBe(true);
  expect(matches('a\nb\nc\n', 'a\n…\nc\n')).toBe(true);
  expect(matches('a.c\n', 'abc\n')).toBe(false);
  expect(matches('abc\nmore\n', 'a…\n')).toBe(false);
  expect(matches('', '')).toBe(true);
});
