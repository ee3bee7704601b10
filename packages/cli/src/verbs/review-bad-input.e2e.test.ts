import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { openBucket } from '@moorage/object-store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox, type CommandResult } from '../testing/command.ts';
import { startGitServer, type GitServer } from '../testing/git-server.ts';
import { git, plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 120_000;

let sandbox: Sandbox;
let repository: string;

beforeAll(() => {
  sandbox = new Sandbox();
  repository = directory('planted');
  plantRepository(repository);
});
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

function directory(...names: string[]): string {
  const made = sandbox.path(...names);
  mkdirSync(made, { recursive: true });
  return made;
}

/** One message with a remedy, no stack trace, no process, no mount, no run, no report. */
async function refused(
  args: readonly string[],
  exitCode: number,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const before = runs();
  const result = await sandbox.run(['review', ...args], { env });
  expect(result).toMatchObject({ status: exitCode, stdout: '' });
  expectOneMessage(result);
  expect(runs()).toEqual(before);
  expect(await sandbox.clean()).toEqual([]);
  return result.stderr;
}

function runs(): string[] {
  const directory = sandbox.path('data', 'moorage', 'runs');
  return existsSync(directory) ? readdirSync(directory) : [];
}

function expectOneMessage({ stderr }: CommandResult): void {
  expect(stderr.match(/^moorage: /gm)).toHaveLength(1);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
  expect(stderr).not.toContain('defect of Moorage');
}

describe('arguments', () => {
  test.each([
    [[], /Missing argument/],
    [['a', 'b'], /Unexpected argument "b"/],
    [['.', '--nonsense'], /Unknown option '--nonsense'/],
    [['ssh://-oProxyCommand=touch%20owned/x'], /would be taken for an option/],
    [['--', '-oProxyCommand=touch owned'], /no file or directory/],
    [['ext::sh -c touch% owned'], /not read over ext/],
    [['.', '--revision', '--upload-pack=touch owned'], /is ambiguous\n/],
    [['.', '--revision=--upload-pack=touch owned'], /not a branch, tag or commit/],
    [['.', '--fail-on', 'worst'], /Severities: critical, high/],
    [['.', '--model', 'gpt'], /provider:id/],
    [['.', '--model', 'openai:gpt'], /needs OPENAI_API_KEY or OPENAI_BASE_URL/],
    [['.', '--bucket', 'bucket'], /s3:\/\/bucket/],
    [['.', '--endpoint', 'http://x'], /no use without --bucket/],
    [['--resume', '20261121t143406123-k3v9x0a2mq'], /There is no run/],
    [['--resume', '../../etc'], /There is no run/],
    [['.', '--resume', 'x'], /goes on with what the run was started with/],
  ])(
    '%j',
    async (args, expected) => {
      expect(await refused(args, 2)).toMatch(expected);
      expect(existsSync(sandbox.path('owned'))).toBe(false);
    },
    LIMIT_MS,
  );

  test('with --json the error is a document too', async () => {
    const { status, stdout } = await sandbox.run(['review', 'absent', '--json']);
    expect(status).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      exitCode: 2,
      error: { message: expect.stringContaining('"absent"'), remedy: expect.any(String) },
    });
  });
});

describe('repositories', () => {
  test(
    'an address that does not resolve',
    async () => {
      const said = await refused(['https://no-such-host.invalid/owner/name'], 3);
      expect(said).toContain('Could not resolve host');
    },
    LIMIT_MS,
  );

  test(
    'a directory that is no repository',
    async () => {
      expect(await refused([directory('plain')], 2)).toContain('is not a git repository');
    },
    LIMIT_MS,
  );

  test(
    'an empty repository',
    async () => {
      const empty = directory('empty');
      git(empty, 'init', '--quiet');
      expect(await refused([empty], 2)).toContain('holds no commit');
    },
    LIMIT_MS,
  );

  test(
    'a revision that does not exist',
    async () => {
      const said = await refused([repository, '--revision', 'nowhere'], 2);
      expect(said).toContain('has no revision "nowhere"');
    },
    LIMIT_MS,
  );

  test(
    'a tree over the limits',
    async () => {
      const large = directory('large');
      git(large, 'init', '--quiet');
      writeFileSync(path.join(large, 'blob'), 'x');
      const blob = git(large, 'hash-object', '-w', 'blob');
      const entries = Array.from(
        { length: 50_001 },
        (_, n) => `100644 blob ${blob}\tfile-${n}.js\n`,
      );
      const tree = execFileSync('git', ['-C', large, 'mktree'], { input: entries.join('') });
      const commit = git(large, 'commit-tree', '-m', 'large', tree.toString().trim());
      git(large, 'update-ref', 'HEAD', commit);
      expect(await refused([large], 2)).toMatch(/more than 50000 files.*\n?.*limit/);
    },
    LIMIT_MS,
  );

  test(
    'hostile paths and links are left out and named, and nothing leaves the workspace',
    async () => {
      const hostile = directory('hostile');
      git(hostile, 'init', '--quiet');
      writeFileSync(path.join(hostile, 'blob'), 'export const x = 1;\n');
      const blob = git(hostile, 'hash-object', '-w', 'blob');
      writeFileSync(path.join(hostile, 'link'), '/etc');
      const link = git(hostile, 'hash-object', '-w', 'link');
      const raw = (entries: [string, string, string][]): string => {
        const bytes = entries.map(([mode, name, object]) =>
          Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(object, 'hex')]),
        );
        const file = path.join(hostile, 'tree');
        writeFileSync(file, Buffer.concat(bytes));
        return git(hostile, 'hash-object', '-t', 'tree', '--literally', '-w', 'tree');
      };
      const escaping = raw([['100644', 'owned.js', blob]]);
      const tree = raw([
        ['40000', '..', escaping],
        ['40000', '.git', escaping],
        ['120000', 'etc', link],
        ['100644', 'good.js', blob],
      ]);
      git(hostile, 'update-ref', 'HEAD', git(hostile, 'commit-tree', '-m', 'hostile', tree));
      const { status, stdout, stderr } = await sandbox.run(['review', hostile, '--json']);
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ files: { total: 1, skipped: 3 } });
      const report = readFileSync(sandbox.runPath('report', 'findings.json'), 'utf8');
      const { files } = JSON.parse(report) as { files: { path: string; skipped: object }[] };
      expect(files.map((file) => file.path).sort()).toEqual([
        '../owned.js',
        '.git/owned.js',
        'etc',
        'good.js',
      ]);
      const found = execFileSync('find', [sandbox.root, '-name', 'owned.js'], { encoding: 'utf8' });
      expect(found).toBe('');
      execFileSync('rm', ['-rf', sandbox.runPath()]);
    },
    LIMIT_MS,
  );
});

describe('a private repository', () => {
  let server: GitServer;
  let environment: Record<string, string>;
  beforeAll(async () => {
    server = await startGitServer(sandbox.root, directory('tls'), 'user:secret');
    environment = { GIT_SSL_CAINFO: sandbox.path('tls', 'cert.pem') };
  });
  afterAll(() => server.close());

  test(
    'without credentials',
    async () => {
      const said = await refused([`${server.url}/planted`], 2, environment);
      expect(said).toContain('is private, or there is no such repository');
      expect(said).toContain(`git ls-remote ${server.url}/planted`);
    },
    LIMIT_MS,
  );

  test(
    'that does not exist, with credentials',
    async () => {
      const url = server.url.replace('://', '://user:secret@');
      const said = await refused([`${url}/absent`], 2, environment);
      expect(said).toContain(`${server.url}/absent`);
      expect(said).not.toContain('secret');
    },
    LIMIT_MS,
  );

  test(
    'is read with the user’s credential helper, and the report names its address',
    async () => {
      writeFileSync(
        sandbox.path('home', '.gitconfig'),
        '[credential]\n\thelper = "!f() { echo username=user; echo password=secret; }; f"\n',
      );
      const url = `${server.url}/planted`;
      const { status, stdout, stderr } = await sandbox.run(['review', url, '--json'], {
        env: environment,
      });
      expect(status, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ repository: url, status: 'complete' });
      expect(readFileSync(sandbox.runPath('report', 'report.md'), 'utf8')).toContain(url);
      execFileSync('rm', ['-rf', sandbox.runPath(), sandbox.path('home', '.gitconfig')]);
    },
    LIMIT_MS,
  );
});

describe('the bucket', () => {
  let store: LocalS3;
  let environment: Record<string, string>;
  beforeAll(async () => {
    store = await startLocalS3({ dir: directory('store') });
    const bucket = await openBucket({ ...store, bucket: 'unversioned' });
    await bucket.putBucket();
    await bucket.close();
    environment = {
      AWS_ACCESS_KEY_ID: store.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.credentials.secretAccessKey,
      AWS_REGION: store.region,
    };
  });
  afterAll(() => store.close());

  test(
    'does not exist',
    async () => {
      const args = [repository, '--bucket', 's3://absent', '--endpoint', store.endpoint];
      expect(await refused(args, 2, environment)).toContain('There is no bucket absent');
    },
    LIMIT_MS,
  );

  test(
    'has no versioning',
    async () => {
      const args = [repository, '--bucket', 's3://unversioned/x', '--endpoint', store.endpoint];
      const said = await refused(args, 2, environment);
      expect(said).toContain('Versioning is not enabled on the bucket unversioned');
      expect(said).toContain('aws s3api put-bucket-versioning --bucket unversioned');
    },
    LIMIT_MS,
  );

  test(
    'refuses the credentials',
    async () => {
      const args = [repository, '--bucket', 's3://unversioned', '--endpoint', store.endpoint];
      const wrong = { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' };
      const said = await refused(args, 2, wrong);
      expect(said).toContain('refuses these credentials');
      expect(said.match(/Check /g)).toHaveLength(1);
      const none = { AWS_EC2_METADATA_DISABLED: 'true' };
      expect(await refused(args, 2, none)).toMatch(/credentials/i);
    },
    LIMIT_MS,
  );

  test(
    'cannot be reached',
    async () => {
      const args = [repository, '--bucket', 's3://somewhere', '--endpoint', 'http://127.0.0.1:1'];
      const said = await refused(args, 3, environment);
      expect(said).toContain('cannot be reached');
      expect(said.match(/Check /g)).toHaveLength(1);
    },
    LIMIT_MS,
  );
});

describe('this machine', () => {
  test(
    'a data directory that cannot be made',
    async () => {
      writeFileSync(sandbox.path('file'), '');
      const args = [repository, '--data-dir', sandbox.path('file', 'below')];
      expect(await refused(args, 2)).toMatch(/cannot be written .*\n.*--data-dir/);
      // Exists, and nothing can be made in it.
      const nowhere = [repository, '--data-dir', '/proc/moorage/data'];
      expect(await refused(nowhere, 2)).toMatch(/cannot be written .*\n.*--data-dir/);
    },
    LIMIT_MS,
  );

  test(
    'an output directory that cannot be made',
    async () => {
      const args = [repository, '--output', sandbox.path('file', 'below')];
      expect(await refused(args, 2)).toContain('--output');
    },
    LIMIT_MS,
  );

  test(
    'no git',
    async () => {
      const bin = directory('bin');
      for (const program of ['unshare', 'mount', 'sh', 'setpriv', 'true']) {
        const found = execFileSync('which', [program], { encoding: 'utf8' }).trim();
        writeFileSync(path.join(bin, program), `#!/bin/sh\nexec ${found} "$@"\n`);
        chmodSync(path.join(bin, program), 0o755);
      }
      expect(await refused([repository], 2, { PATH: bin })).toContain('git is not installed');
    },
    LIMIT_MS,
  );

  test(
    'a port in use',
    async () => {
      const first = sandbox.start(['local-s3', '--dir', directory('one'), '--json']);
      await first.saw(/\n}\n$/);
      const { port } = new URL((JSON.parse(first.output()) as { endpoint: string }).endpoint);
      const second = await sandbox.run(['local-s3', '--dir', directory('two'), '--port', port]);
      expect(second.status).toBe(2);
      expect(second.stderr).toContain(`port ${port} on 127.0.0.1 is in use`);
      expectOneMessage(second);
      const same = await sandbox.run(['local-s3', '--dir', sandbox.path('one')]);
      expect(same.status).toBe(2);
      expectOneMessage(same);
      first.child.kill('SIGINT');
      expect((await first.ended).status).toBe(0);
    },
    LIMIT_MS,
  );
});
