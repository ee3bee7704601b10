/** Makes git repositories for tests: from files, and from trees that no checkout would make. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const identity = {
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.org',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.org',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

export function git(directory: string, args: readonly string[], input?: string | Buffer): string {
  return execFileSync('git', args, {
    cwd: directory,
    env: { PATH: process.env['PATH'], HOME: directory, ...identity },
    input: input ?? '',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
    .toString()
    .trim();
}

/** A repository at `directory` with one commit on main that holds the files. Returns the commit. */
export function makeRepository(
  directory: string,
  files: Readonly<Record<string, string | Buffer>>,
): string {
  mkdirSync(directory, { recursive: true });
  git(directory, ['init', '--quiet', '--initial-branch=main']);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  git(directory, ['add', '--all', '--force']);
  git(directory, ['commit', '--quiet', '--allow-empty', '--message', 'Files']);
  return git(directory, ['rev-parse', 'HEAD']);
}

export interface RawEntry {
  readonly mode: '100644' | '100755' | '120000' | '160000' | '40000';
  readonly name: string | Buffer;
  /** Content of a file or link, or the id of an object. */
  readonly content?: string | Buffer;
  readonly object?: string;
}

/** Writes a tree object byte by byte, so that names may be anything. Returns its id. */
export function rawTree(directory: string, entries: readonly RawEntry[]): string {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const object =
      entry.object ?? git(directory, ['hash-object', '-w', '--stdin'], entry.content ?? '');
    const name = typeof entry.name === 'string' ? Buffer.from(entry.name) : entry.name;
    parts.push(Buffer.from(`${entry.mode} `), name, Buffer.from([0]), Buffer.from(object, 'hex'));
  }
  return git(
    directory,
    ['hash-object', '-w', '-t', 'tree', '--literally', '--stdin'],
    Buffer.concat(parts),
  );
}

/** Commits a tree on main. Returns the commit. */
export function commitTree(directory: string, tree: string): string {
  const commit = git(directory, ['commit-tree', tree, '-m', 'Tree']);
  git(directory, ['update-ref', 'refs/heads/main', commit]);
  return commit;
}
