import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyFiles, copyTree, removeTree } from './workspace-files.ts';

const { signal } = new AbortController();
let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-files-'));
  mkdirSync(path.join(root, 'from', '-deep'), { recursive: true });
  writeFileSync(path.join(root, 'from', '-deep', "it's $1"), 'text');
  writeFileSync(path.join(root, 'from', 'plain'), 'plain');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('a tree is copied whole, to a place that is made, over an earlier copy', async () => {
  const to = path.join(root, 'a b', 'c', 'copy');
  await copyTree(path.join(root, 'from'), to, signal);
  rmSync(path.join(root, 'from', 'plain'));
  await copyTree(path.join(root, 'from'), to, signal);
  expect(readdirSync(to)).toEqual(['-deep']);
  expect(readFileSync(path.join(to, '-deep', "it's $1"), 'utf8')).toBe('text');
});

test('named files are copied, and what is not there is an error', async () => {
  const to = path.join(root, 'to');
  await copyFiles(path.join(root, 'from'), ['plain'], to, signal);
  expect(readdirSync(to)).toEqual(['plain']);
  await expect(copyFiles(path.join(root, 'from'), ['absent'], to, signal)).rejects.toThrow(
    /absent/,
  );
});

test('a signal that comes in the moment in which a copy ends is an abort like any other', async () => {
  const controller = new AbortController();
  const signalled = (): void => controller.abort(new Error('stop'));
  process.once('SIGUSR2', signalled);
  const before = childStates().size;
  const copying = copyFiles(
    path.join(root, 'from'),
    ['plain'],
    path.join(root, 'to'),
    controller.signal,
  );
  // Nothing is handled meanwhile: both the end and the signal are found by the same turn of the loop.
  while (childStates().size === before) continue;
  while (![...childStates().values()].includes('Z')) continue;
  process.kill(process.pid, 'SIGUSR2');
  await expect(copying).rejects.toThrow('stop');
});

/** Of each child process, the letter of /proc/<pid>/stat: Z has ended and was not looked at yet. */
function childStates(): Map<string, string> {
  const pids = readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return new Map(
    pids.map((pid) => [pid, /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1] ?? '']),
  );
}

test('removing is content with nothing, and an abort ends it', async () => {
  await removeTree(path.join(root, 'from'), signal);
  await removeTree(path.join(root, 'from'), signal);
  expect(readdirSync(root)).toEqual([]);
  await expect(removeTree(root, AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
