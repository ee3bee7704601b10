import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256Hex } from '@moorage/workspace';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultLimits, type ReviewLimits, type ReviewRequest } from '../events.ts';
import { commitTree, git, makeRepository, rawTree } from '../testing/repository.ts';
import { cloneRepository, type Clone } from './clone.ts';

let root: string;
let repository: string;
let source: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clone-'));
  repository = join(root, 'repository');
  source = join(root, 'source');
  mkdirSync(source);
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function clone(
  request: Partial<ReviewRequest> = {},
  limits: Partial<ReviewLimits> = {},
  environment: Record<string, string> = {},
): Promise<Clone> {
  return cloneRepository({
    request: { url: `file://${repository}`, ...request },
    workspaceRoot: root,
    source,
    limits: { ...defaultLimits, ...limits },
    environment: { PATH: process.env['PATH'] ?? '', ...environment },
  });
}

function everything(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .map((entry) => `${entry.isSymbolicLink() ? 'link ' : ''}${join(entry.parentPath, entry.name)}`)
    .map((path) => path.slice(directory.length + 1));
}

function skipReasons(made: Clone): Record<string, string> {
  return Object.fromEntries(made.skipped.map(({ path, reason }) => [path, reason]));
}

describe('a snapshot', () => {
  test('holds the files of the commit with their hashes, and no .git', async () => {
    const commit = makeRepository(repository, { 'a.txt': 'a', 'b/c.txt': 'c\n', 'b/empty': '' });
    const made = await clone();
    expect(made.commit).toBe(commit);
    expect(made.files.map(({ path }) => path)).toEqual(['a.txt', 'b/c.txt', 'b/empty']);
    for (const { path, sha256, bytes } of made.files) {
      const content = readFileSync(join(source, path));
      expect(sha256Hex(content)).toBe(sha256);
      expect(content.length).toBe(bytes);
    }
    expect(everything(source).toSorted()).toEqual(['a.txt', 'b', 'b/c.txt', 'b/empty']);
  });

  test('is of the branch, tag, commit, abbreviation or ancestor that was asked for', async () => {
    const first = makeRepository(repository, { 'a.txt': 'first' });
    git(repository, ['tag', '-a', 'v1', '-m', 'one']);
    git(repository, ['branch', 'old/er']);
    writeFileSync(join(repository, 'a.txt'), 'second');
    git(repository, ['commit', '--quiet', '--all', '-m', 'Second']);
    const second = git(repository, ['rev-parse', 'HEAD']);
    for (const [revision, commit] of [
      ['main', second],
      ['v1', first],
      ['old/er', first],
      [first, first],
      [first.slice(0, 9), first],
      ['HEAD~1', first],
    ] as const) {
      rmSync(source, { recursive: true });
      mkdirSync(source);
      expect((await clone({ revision })).commit, revision).toBe(commit);
    }
  });

  test('is of a repository with SHA-256 objects', async () => {
    git(root, ['init', '--quiet', '--object-format=sha256', '--initial-branch=main', repository]);
    const commit = makeRepository(repository, { 'a.txt': 'a' });
    expect(commit).toHaveLength(64);
    for (const revision of ['main', 'HEAD~0', commit.slice(0, 9)]) {
      rmSync(source, { recursive: true });
      mkdirSync(source);
      expect(await clone({ revision })).toMatchObject({ commit, files: [{ path: 'a.txt' }] });
    }
  });

  test('is made of a bundle or repository in the workspace', async () => {
    const commit = makeRepository(repository, { 'a.txt': 'a' });
    git(repository, ['bundle', 'create', join(root, 'r.bundle'), 'HEAD', 'main']);
    const made = await clone({ url: undefined as never, path: 'r.bundle' });
    expect(made).toMatchObject({ commit });
  });

  test('keeps large files apart and leaves too large ones out', async () => {
    const large = Buffer.alloc(300_000, 'x\n');
    makeRepository(repository, { 'a.bin': large, 'b.bin': Buffer.alloc(500_000, 1), 'c.txt': 'c' });
    const made = await clone({}, { fileBytesMax: 400_000 });
    expect(made.files.map(({ path }) => path)).toEqual(['a.bin', 'c.txt']);
    expect(readFileSync(join(source, 'a.bin')).equals(large)).toBe(true);
    expect(skipReasons(made)).toEqual({ 'b.bin': 'larger than 400000 bytes' });
  });
});

describe('a hostile repository', () => {
  test('cannot place links, submodules, or names that lead anywhere', async () => {
    makeRepository(repository, {});
    const inner = rawTree(repository, [{ mode: '100644', name: 'evil', content: 'evil' }]);
    const tree = rawTree(repository, [
      { mode: '120000', name: 'passwd', content: '/etc/passwd' },
      { mode: '120000', name: 'up', content: '../..' },
      { mode: '40000', name: '..', object: inner },
      { mode: '100644', name: '../escape', content: 'x' },
      { mode: '40000', name: '.GiT', object: inner },
      { mode: '40000', name: '.git', object: inner },
      { mode: '40000', name: 'git~1', object: inner },
      { mode: '40000', name: '.g\u200cit', object: inner },
      { mode: '100644', name: '/absolute', content: 'x' },
      { mode: '100644', name: 'new\nline', content: 'x' },
      { mode: '100644', name: Buffer.from([0x66, 0xff, 0xfe]), content: 'x' },
      { mode: '100644', name: 'n'.repeat(300), content: 'x' },
      { mode: '160000', name: 'module', object: '1'.repeat(40) },
      { mode: '100644', name: 'twice', content: 'one' },
      { mode: '40000', name: 'twice', object: inner },
      { mode: '100755', name: 'run.sh', content: '#!/bin/sh\n' },
    ]);
    commitTree(repository, tree);
    const made = await clone();
    expect(made.files.map(({ path }) => path)).toEqual(['twice', 'run.sh']);
    expect(everything(source).toSorted()).toEqual(['run.sh', 'twice']);
    expect(lstatSync(join(source, 'run.sh')).mode & 0o111).toBe(0);
    expect(existsSync(join(root, 'escape'))).toBe(false);
    expect(existsSync(join(root, 'evil'))).toBe(false);
    expect(skipReasons(made)).toEqual({
      passwd: 'symbolic link, not followed',
      up: 'symbolic link, not followed',
      '../evil': 'path leaves the tree',
      '../escape': 'path leaves the tree',
      '.GiT/evil': 'name is reserved for git',
      '.git/evil': 'name is reserved for git',
      'git~1/evil': 'name is reserved for git',
      '.g\u200cit/evil': 'name is reserved for git',
      '/absolute': 'path leaves the tree',
      'new\\x0aline': 'control character in name',
      'f\\xff\\xfe': 'name is not UTF-8',
      ['n'.repeat(300)]: 'name longer than 255 bytes',
      module: 'submodule, not fetched',
      'twice/evil': 'the path occurs twice',
    });
  });

  test('runs nothing: no hook, filter, submodule or configured program', async () => {
    const proof = join(root, 'proof');
    const command = `touch ${proof}`;
    makeRepository(repository, {
      '.gitattributes': '* filter=evil diff=evil\n*.txt filter=lfs\n',
      '.gitmodules': `[submodule "m"]\n\tpath = m\n\turl = ext::sh -c "${command}"\n\tupdate = !${command}\n`,
      'a.txt': 'a',
    });
    for (const hook of ['post-checkout', 'post-upload-pack', 'reference-transaction']) {
      writeFileSync(join(repository, '.git/hooks', hook), `#!/bin/sh\n${command}\n`, {
        mode: 0o755,
      });
    }
    for (const [key, value] of [
      ['filter.evil.smudge', command],
      ['filter.lfs.smudge', command],
      ['core.fsmonitor', command],
      ['uploadpack.packObjectsHook', command],
      ['core.sshCommand', command],
    ] as const) {
      git(repository, ['config', key, value]);
    }
    const made = await clone();
    expect(made.files.map(({ path }) => path)).toEqual(['.gitattributes', '.gitmodules', 'a.txt']);
    expect(existsSync(proof)).toBe(false);
  });

  test('cannot exhaust us with a tree that unfolds', async () => {
    makeRepository(repository, {});
    let tree = rawTree(repository, [{ mode: '100644', name: 'f', content: 'x' }]);
    for (let depth = 0; depth < 12; depth++) {
      tree = rawTree(
        repository,
        Array.from({ length: 10 }, (_, index) => ({
          mode: '40000' as const,
          name: `d${index}`,
          object: tree,
        })),
      );
    }
    commitTree(repository, tree);
    await expect(clone({}, { filesMax: 5000 })).rejects.toMatchObject({
      name: 'RepositoryTooLarge',
    });
    expect(everything(source)).toEqual([]);
  });

  test('cannot make git read a file of ours through a path of the workspace', async () => {
    makeRepository(repository, { 'a.txt': 'a' });
    symlinkSync('/etc', join(root, 'link'));
    await expect(clone({ url: undefined as never, path: 'link/passwd' })).rejects.toMatchObject({
      name: 'BadRequest',
    });
  });

  test('leaves no temporary files behind', async () => {
    makeRepository(repository, { 'a.txt': 'a' });
    const temporary = join(root, 'tmp');
    mkdirSync(temporary);
    const former = process.env['TMPDIR'];
    process.env['TMPDIR'] = temporary;
    try {
      await clone();
      await clone({ revision: 'nowhere' }).catch(() => {});
      expect(readdirSync(temporary)).toEqual([]);
    } finally {
      if (former === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = former;
    }
  });
});

describe('a server', () => {
  /** Plain HTTP on this machine stands in for https: the caller's own git configuration may allow that. */
  async function answering(
    status: number,
    run: (url: string, environment: Record<string, string>) => Promise<void>,
  ): Promise<void> {
    const server = createServer((_request, response) => {
      if (status === 0) return;
      response.writeHead(status, status === 401 ? { 'www-authenticate': 'Basic realm="x"' } : {});
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      // `url.<base>.insteadOf` turns the https address into the server's.
      await run('https://user:hunter2@git.example.org/r.git', {
        GIT_CONFIG_COUNT: '2',
        GIT_CONFIG_KEY_0: `url.http://127.0.0.1:${port}/.insteadOf`,
        GIT_CONFIG_VALUE_0: 'https://user:hunter2@git.example.org/',
        GIT_CONFIG_KEY_1: 'protocol.http.allow',
        GIT_CONFIG_VALUE_1: 'always',
      });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  test('that speaks another protocol after a redirection of the address is not asked', async () => {
    await answering(200, async (url, environment) => {
      const error = await clone({ url }, {}, environment).catch((reason: Error) => reason);
      expect(error).toMatchObject({ name: 'RepositoryUnreachable' });
      expect(String(error)).not.toContain('hunter2');
    });
  });
});
