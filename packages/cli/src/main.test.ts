import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { MAIN } from './testing/command.ts';

const run = promisify(execFile);

/** Started before the entry: the same Node, calling itself by another number. */
const pretending = (version: string): string =>
  `data:text/javascript,Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;

test('a Node that is too old is told what is needed, and how to get it', async () => {
  const started = run(process.execPath, ['--import', pretending('20.19.5'), MAIN, '--version']);
  await expect(started).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(
      /^moorage: This is Node 20\.19\.5; .* Node 24 .*\n {2}.*npm install/,
    ),
  });
});

test('a newer Node is taken', async () => {
  const { stdout } = await run(process.execPath, [
    '--import',
    pretending('26.0.0'),
    MAIN,
    '--version',
  ]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test('nothing newer than the check is parsed before it', () => {
  const entry = readFileSync(MAIN, 'utf8');
  expect(entry).not.toMatch(/^\s*import\b(?!\()|\bawait\b|\?\?|\?\./m);
});
