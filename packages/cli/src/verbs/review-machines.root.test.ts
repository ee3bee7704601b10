// Reviews as an ordinary user, and on machines that lack something. Only root can make such machines.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../testing/command.ts';
import { handOver, runAsUser, type Machine } from '../testing/ordinary-user.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 180_000;

let sandbox: Sandbox;
let repository: string;

beforeAll(() => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  plantRepository(repository);
  handOver(sandbox);
});
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

const OPEN: Machine = { fuse: 'open', userNamespaces: true, fusermount: true };

describe('an ordinary user', () => {
  test.each([
    ['with user namespaces', { ...OPEN, fusermount: false }],
    ['with fusermount3', { ...OPEN, userNamespaces: false }],
  ])(
    '%s reviews a repository and leaves nothing behind',
    async (_name, machine) => {
      const { status, stdout, stderr } = await runAsUser(sandbox, machine, [
        ...['review', repository, '--json'],
      ]);
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ status: 'complete', repository });
      const report = readFileSync(sandbox.runPath('report', 'findings.json'), 'utf8');
      expect(report).toContain('src/users.js');
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );

  test.each([
    ['no /dev/fuse', { ...OPEN, fuse: 'missing' }, /\/dev\/fuse is missing: .*modprobe fuse/],
    ['a closed /dev/fuse', { ...OPEN, fuse: 'closed' }, /\/dev\/fuse cannot be opened .*chmod/],
    [
      'neither user namespaces nor fusermount3',
      { fuse: 'open', userNamespaces: false, fusermount: false },
      /may not mount: .*install the package fuse3/,
    ],
  ] as const)(
    'with %s is told what to do',
    async (_name, machine, expected) => {
      const runs = sandbox.path('data', 'moorage', 'runs');
      const before = existsSync(runs) ? readdirSync(runs) : [];
      const { status, stdout, stderr } = await runAsUser(sandbox, machine, ['review', repository]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(expected);
      expect(stderr).not.toContain('defect of Moorage');
      expect(existsSync(runs) ? readdirSync(runs) : []).toEqual(before);
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('a repository that this user may not read', () => {
  test.each([
    ['the directory', '.'],
    ['its .git', '.git'],
    ['its objects', '.git/objects'],
  ])(
    'is named as such when %s is closed',
    async (_name, closed) => {
      const directory = sandbox.path('closed');
      execFileSync('cp', ['-r', '--no-preserve=ownership', repository, directory]);
      chmodSync(path.join(directory, closed), 0o700);
      const { status, stderr } = await runAsUser(sandbox, OPEN, ['review', directory]);
      expect(status, stderr).toBe(2);
      expect(stderr).toContain(`${directory} may not be read by this user.`);
      expect(stderr.match(/^moorage: /gm)).toHaveLength(1);
      rmSync(directory, { recursive: true });
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('a full disk', () => {
  test(
    'ends the review with its own message; with space again it is finished',
    async () => {
      // Not below the sandbox: every process has this mount in its table, ours or not.
      const small = mkdtempSync(path.join(tmpdir(), 'mr-small-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
      try {
        const { status, stderr } = await sandbox.run([
          ...['review', repository, '--data-dir', small],
        ]);
        expect(status, stderr).toBe(3);
        expect(stderr).toMatch(/space|full|ENOSPC/i);
        expect(stderr.match(/^moorage: /gm)).toHaveLength(1);
        expect(stderr).not.toContain('defect of Moorage');
        expect(await sandbox.clean()).toEqual([]);
        execFileSync('mount', ['-o', 'remount,size=200m', small]);
        const again = await sandbox.run(['review', repository, '--data-dir', small, '--json']);
        expect(again).toMatchObject({ status: 0 });
        expect(await sandbox.clean()).toEqual([]);
      } finally {
        execFileSync('umount', ['--lazy', small]);
        rmdirSync(small);
      }
    },
    LIMIT_MS,
  );
});
