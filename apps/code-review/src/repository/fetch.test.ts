import { expect, test } from 'vitest';
import { explainFetch } from './fetch.ts';

const location = {
  remote: 'https://me:s3cret@git.example.org/r.git',
  kind: 'repository',
  display: 'https://git.example.org/r.git',
} as const;
const limits = { cloneSecondsMax: 10, downloadBytesMax: 1000 };

test.each([
  [
    "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
    'RepositoryPrivate',
  ],
  [
    "remote: Invalid username or password.\nfatal: Authentication failed for 'https://me:s3cret@git.example.org/r.git/'",
    'RepositoryPrivate',
  ],
  [
    "fatal: unable to access 'https://x/': The requested URL returned error: 403",
    'RepositoryPrivate',
  ],
  [
    'git@github.com: Permission denied (publickey).\nfatal: Could not read from remote repository.',
    'RepositoryPrivate',
  ],
  [
    'Host key verification failed.\nfatal: Could not read from remote repository.',
    'RepositoryPrivate',
  ],
  [
    "remote: Repository not found.\nfatal: repository 'https://x/r.git/' not found",
    'RepositoryNotFound',
  ],
  [
    "fatal: '/srv/r' does not appear to be a git repository\nfatal: Could not read from remote repository.",
    'RepositoryNotFound',
  ],
  ["fatal: unable to access 'https://x/': Could not resolve host: x", 'RepositoryUnreachable'],
  ['ssh: Could not resolve hostname x: Name or service not known', 'RepositoryUnreachable'],
  [
    "fatal: unable to access 'https://x/': Failed to connect to x port 443: Connection refused",
    'RepositoryUnreachable',
  ],
  [
    "fatal: unable to access 'https://me:s3cret@x/': SSL certificate problem: self-signed certificate",
    'RepositoryUnreachable',
  ],
  ["fatal: couldn't find remote ref nowhere", 'RevisionNotFound'],
  ['fatal: remote error: upload-pack: not our ref 0123', 'RevisionNotFound'],
  ["fatal: transport 'ext' not allowed", 'RepositoryUnreachable'],
] as const)('%s', (stderr, code) => {
  const result = { status: 128, aborted: false, stdout: '', stderr };
  const explained = explainFetch(result, location, 'nowhere', limits);
  expect(explained.name).toBe(code);
  expect(explained.report.remedy).toMatch(/^[A-Z].*\.$/);
  expect(`${explained.message} ${String(explained.cause)}`).not.toContain('s3cret');
});

test('a fetch that was stopped for its time', () => {
  const result = { status: null, aborted: true, stdout: '', stderr: '' };
  expect(explainFetch(result, location, 'main', limits).name).toBe('CloneTimedOut');
});
