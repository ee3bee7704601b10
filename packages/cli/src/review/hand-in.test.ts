import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { git, plantRepository } from '../testing/planted-repository.ts';
import { handIn, isHandedIn, resolveLocal, type HandInOptions } from './hand-in.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-hand-in-'));
  mkdirSync(path.join(root, 'repository'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function options(revision?: string): HandInOptions {
  const directory = path.join(root, 'repository');
  return {
    target: { kind: 'local', directory, display: directory },
    revision,
    directory: path.join(root, 'incoming.git'),
    asUser: [],
    signal: new AbortController().signal,
  };
}

/** The commit that was handed in, and by which revision the orchestrator asks for it. */
async function handedIn(revision?: string): Promise<[string, string | undefined]> {
  const name = await handIn(options(revision), await resolveLocal(options(revision)));
  const directory = path.join(root, 'incoming.git');
  const args = ['--git-dir', directory, 'rev-parse', `${name ?? 'HEAD'}^{commit}`];
  return [execFileSync('git', args, { encoding: 'utf8' }).trim(), name];
}

function addCommit(): string {
  const directory = path.join(root, 'repository');
  writeFileSync(path.join(directory, 'more'), 'more\n');
  git(directory, 'add', '.');
  git(directory, 'commit', '--quiet', '--message=More');
  return git(directory, 'rev-parse', 'HEAD');
}

test('branches, tags, commits and relatives are found; names the report can use are kept', async () => {
  const first = plantRepository(path.join(root, 'repository'));
  const second = addCommit();
  expect(isHandedIn(path.join(root, 'incoming.git'))).toBe(false);
  expect(await handedIn()).toEqual([second, undefined]);
  expect(isHandedIn(path.join(root, 'incoming.git'))).toBe(true);
  expect(await handedIn('v1')).toEqual([first, 'v1']);
  expect(await handedIn('main')).toEqual([second, 'main']);
  expect(await handedIn('HEAD~1')).toEqual([first, undefined]);
  expect(await handedIn(first)).toEqual([first, first]);
  expect((await handedIn(first.slice(0, 8)))[0]).toBe(first);
});

test('an annotated tag of a repository that was not looked into before stands for its commit', async () => {
  const first = plantRepository(path.join(root, 'repository'));
  git(path.join(root, 'repository'), 'tag', '--annotate', '--message=Release', 'v2');
  addCommit();
  expect(await handIn(options('v2'), undefined)).toBe('v2');
  const args = ['--git-dir', path.join(root, 'incoming.git'), 'rev-parse', 'HEAD', 'v2^{commit}'];
  expect(execFileSync('git', args, { encoding: 'utf8' }).split('\n', 2)).toEqual([first, first]);
});

test('one commit is handed in, without its history', async () => {
  plantRepository(path.join(root, 'repository'));
  addCommit();
  await handedIn();
  const args = ['--git-dir', path.join(root, 'incoming.git'), 'rev-list', '--all', '--count'];
  expect(execFileSync('git', args, { encoding: 'utf8' }).trim()).toBe('1');
});

test('a repository of SHA-256 objects', async () => {
  const directory = path.join(root, 'repository');
  git(directory, 'init', '--quiet', '--object-format=sha256', '--initial-branch=main');
  const commit = addCommit();
  expect(commit).toHaveLength(64);
  expect(await handedIn()).toEqual([commit, undefined]);
  // As behind an address, of which nothing is known beforehand.
  expect(await handIn(options('main'), undefined)).toBe('main');
  expect(await handIn(options('HEAD~0'), undefined)).toBe(undefined);
  const args = ['--git-dir', path.join(root, 'incoming.git'), 'rev-parse', 'HEAD'];
  expect(execFileSync('git', args, { encoding: 'utf8' }).trim()).toBe(commit);
});

test('an abort ends git', async () => {
  plantRepository(path.join(root, 'repository'));
  const signal = AbortSignal.abort(new Error('stop'));
  await expect(handIn({ ...options(), signal }, undefined)).rejects.toThrow('stop');
});
