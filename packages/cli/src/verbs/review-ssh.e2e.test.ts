// Repositories behind a real ssh server, read with the user's own keys. Nothing is ever asked: neither on a
// terminal nor in a window.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Sandbox, type CommandResult } from '../testing/command.ts';
import { git, plantRepository } from '../testing/planted-repository.ts';
import { SSH_USER, startSshServer, type SshServer } from '../testing/ssh-server.ts';

const LIMIT_MS = 120_000;

let sandbox: Sandbox;
let server: SshServer;
let repository: string;
let commit: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  commit = plantRepository(repository);
  git(repository, 'tag', '--annotate', '--message=Two', 'v2');
  server = await startSshServer(sandbox);
  // Whoever would ask is found out.
  writeFileSync(sandbox.path('ask'), `#!/bin/sh\ntouch ${sandbox.path('asked')}\n`, {
    mode: 0o755,
  });
}, 60_000);
afterAll(async () => {
  await server.close();
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);
beforeEach(() => {
  server.trust('own');
  server.giveKey('authorized');
});

function review(address: string, ...args: readonly string[]): Promise<CommandResult> {
  const env = { SSH_ASKPASS: sandbox.path('ask'), DISPLAY: ':0' };
  return sandbox.run(['review', address, ...args], { lead: server.asUser, env });
}

function url(path: string = repository): string {
  return `ssh://${SSH_USER}@127.0.0.1:${server.port}${path}`;
}

test.each([
  ['ssh:// address', () => url(), []],
  // Its port comes from ~/.ssh/config, as a user would have it.
  ['scp-like address', () => `reviewed:${repository}`, ['--revision', 'v2']],
])(
  '%s',
  async (_, address, args) => {
    const config = `Host reviewed\n  HostName 127.0.0.1\n  Port ${server.port}\n  User ${SSH_USER}\n`;
    writeFileSync(sandbox.path('home', '.ssh', 'config'), config);
    const { status, stdout, stderr } = await review(address(), ...args, '--json');
    expect(status, stderr).toBe(0);
    const shown = address().replace(`${SSH_USER}@`, '');
    expect(JSON.parse(stdout)).toMatchObject({ status: 'complete', repository: shown, commit });
    expect(readFileSync(sandbox.runPath('report', 'report.md'), 'utf8')).toContain(shown);
    expect(await sandbox.clean()).toEqual([]);
    rmSync(sandbox.runPath(), { recursive: true });
  },
  LIMIT_MS,
);

test(
  'a repository of SHA-256 objects',
  async () => {
    const other = sandbox.path('sha256');
    mkdirSync(other);
    git(other, 'init', '--quiet', '--object-format=sha256');
    git(other, 'commit', '--quiet', '--allow-empty', '--message=Empty');
    const { status, stdout, stderr } = await review(url(other), '--json');
    expect(status, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ commit: git(other, 'rev-parse', 'HEAD') });
    rmSync(sandbox.runPath(), { recursive: true });
  },
  LIMIT_MS,
);

test.each([
  [
    'a host whose key is not known',
    () => rmSync(sandbox.path('home', '.ssh', 'known_hosts')),
    /do not know its server's host key yet\.\n {2}Connect once.*: ssh -T -p \d+ reader@127\.0\.0\.1\n/,
  ],
  [
    'a host whose key has changed',
    () => server.trust('other'),
    /shows another host key.*\n.*ssh-keygen -R '\[127\.0\.0\.1\]:\d+'/,
  ],
  [
    'a key that is not let in',
    () => server.giveKey('foreign'),
    /accepts none of your ssh keys\.\n.*ssh-add.*: ssh -T -p \d+ reader@127\.0\.0\.1\n/,
  ],
  [
    'a key with a passphrase that no agent knows',
    () => server.giveKey('closed'),
    /accepts none of your ssh keys\.\n.*ssh-add/,
  ],
])(
  '%s',
  async (_, change, expected) => {
    change();
    await refused(url(), 2, expected);
  },
  LIMIT_MS,
);

test(
  'a path that holds no repository, an empty one, and a server that does not answer',
  async () => {
    await refused(url(sandbox.path('home')), 2, /does not appear to be a git repository\n/);
    const empty = sandbox.path('empty');
    mkdirSync(empty);
    git(empty, 'init', '--quiet');
    await refused(url(empty), 2, /holds no commit that its HEAD stands for/);
    await refused('ssh://reader@127.0.0.1:1/x', 3, /Connection refused/);
  },
  LIMIT_MS,
);

async function refused(address: string, exitCode: number, expected: RegExp): Promise<void> {
  const { status, stdout, stderr } = await review(address);
  expect({ status, stdout }, stderr).toEqual({ status: exitCode, stdout: '' });
  expect(stderr).toMatch(expected);
  expect(stderr.match(/^moorage: /gm)).toHaveLength(1);
  expect(stderr.trimEnd().split('\n')).toHaveLength(3);
  expect(readdirSync(sandbox.path('data', 'moorage', 'runs'))).toEqual([]);
  expect(existsSync(sandbox.path('asked'))).toBe(false);
  expect(await sandbox.clean()).toEqual([]);
}
