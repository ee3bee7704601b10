import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandError, EXIT } from '../command-line/outcome.ts';
import { checkRevision, parseTarget } from './target.ts';

let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'mr-target-')));
  mkdirSync(path.join(root, 'project'));
  mkdirSync(path.join(root, 'odd:name'));
  mkdirSync(path.join(root, '-dash'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe('what is accepted', () => {
  test.each([
    ['https://github.com/owner/name', 'https://github.com/owner/name'],
    ['https://user:secret@host/x.git?token=1', 'https://host/x.git'],
    ['ssh://git@host:2222/x.git', 'ssh://host:2222/x.git'],
    ['git@github.com:owner/name.git', 'github.com:owner/name.git'],
    ['host:path/x', 'host:path/x'],
  ])('%s is shown as %s', (url, display) => {
    expect(parseTarget(url, root)).toEqual({ kind: 'remote', url, display });
  });

  test('paths, relative and absolute, and file:// addresses', () => {
    const directory = path.join(root, 'project');
    const local = { kind: 'local', directory, display: directory };
    expect(parseTarget('project', root)).toEqual(local);
    expect(parseTarget('.', directory)).toEqual(local);
    expect(parseTarget(directory, '/')).toEqual(local);
    expect(parseTarget(`file://${directory}`, '/')).toEqual(local);
  });

  test('an existing directory wins over what looks like an address or an option', () => {
    for (const name of ['odd:name', '-dash']) {
      expect(parseTarget(name, root)).toMatchObject({ directory: path.join(root, name) });
    }
  });

  test.each(['main', 'v1.2.0', 'feature/x', 'HEAD~3', 'a1b2c3', '@{upstream}'])(
    'revision %s',
    (name) => {
      expect(() => checkRevision(name)).not.toThrow();
    },
  );
});

describe('what is refused with exit code 2', () => {
  function refusal(run: () => unknown): string {
    try {
      run();
    } catch (error) {
      expect(error).toBeInstanceOf(CommandError);
      expect((error as CommandError).exitCode).toBe(EXIT.usage);
      return (error as Error).message;
    }
    throw new Error('accepted');
  }

  test.each([
    ['ssh://-oProxyCommand=touch%20x/y', /taken for an option/],
    ['ssh://-oProxyCommand=x@host/y', /taken for an option/],
    ['https://host/-x', /taken for an option/],
    ['-oProxyCommand=x:y', /no file or directory/],
    ['host:-x', /no file or directory/],
    ['ext::sh -c id', /not read over ext/],
    ['http://host/x', /not read over http/],
    ['git://host/x', /not read over git/],
    ['https://', /not a valid address/],
    ['file:///does/not/exist', /no file or directory/],
    ['file://host/share', /names no path/],
    ['does-not-exist', /no file or directory/],
    ['', /one address or path/],
    ['a\nb', /one address or path/],
  ])('%j', (text, expected) => {
    expect(refusal(() => parseTarget(text, root))).toMatch(expected);
  });

  test('secrets do not appear in the message', () => {
    expect(refusal(() => parseTarget('https://me:secret@host/-x', root))).not.toContain('secret');
  });

  test.each(['-x', '--upload-pack=x', 'a..b', 'a b', ''])('revision %j', (name) => {
    expect(refusal(() => checkRevision(name))).toMatch(/not a branch, tag or commit/);
  });
});
