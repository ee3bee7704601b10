import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { openBucket, type Bucket } from '@moorage/object-store';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox, type CommandResult } from '../testing/command.ts';

const LIMIT_MS = 120_000;
const run = promisify(execFile);

let sandbox: Sandbox;
let store: LocalS3;
let bucket: Bucket;
let mountPoint: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  mountPoint = sandbox.path('mnt');
  mkdirSync(mountPoint);
  await openStore(0);
  bucket = await openBucket({ ...store, bucket: 'files' });
  await bucket.putBucket();
  await bucket.putVersioning('Enabled');
  await put('shared/notes.txt', 'from the bucket');
});
afterEach(async () => {
  await moorage('unmount', '--force', mountPoint);
  expect(await sandbox.clean()).toEqual([]);
}, 60_000);
afterAll(async () => {
  await bucket.close();
  await store.close();
  sandbox.remove();
}, 60_000);

async function openStore(port: number): Promise<void> {
  store = await startLocalS3({ dir: sandbox.path('store'), port });
}

async function put(key: string, text: string): Promise<void> {
  await bucket.put(key, Buffer.from(text));
}

async function objectText(key: string): Promise<string> {
  const { body } = await bucket.get(key);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function moorage(...args: string[]): Promise<CommandResult> {
  return sandbox.run(args, { env: environment() });
}

function environment(): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: store.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.credentials.secretAccessKey,
    AWS_REGION: store.region,
  };
}

/** Options come before the directory, so that they may be left out. */
function mount(...options: string[]): Promise<CommandResult> {
  const address = ['s3://files/shared', mountPoint, '--endpoint', store.endpoint];
  return moorage('mount', ...address, ...options);
}

/** In a child with a time limit: this process must not hang on a mount that is broken. */
async function sh(script: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', script], { cwd: '/', timeout: 30_000 });
  return stdout;
}

describe('a mount', () => {
  test(
    'shows the bucket, exports on sync, drains on unmount',
    async () => {
      const mounted = await mount();
      expect(mounted).toMatchObject({ status: 0, stderr: '' });
      expect(mounted.stdout).toBe(`s3://files/shared/ is mounted at ${mountPoint}\n`);
      expect(await sh(`cat ${mountPoint}/notes.txt`)).toBe('from the bucket');

      await sh(
        `echo one > ${mountPoint}/one; mkdir ${mountPoint}/d; echo two > ${mountPoint}/d/two`,
      );
      expect(await moorage('sync', '--wait', `${mountPoint}/d`)).toMatchObject({ status: 0 });
      expect(await objectText('shared/d/two')).toBe('two\n');

      const status = await moorage('status', '--json');
      expect(status.status).toBe(0);
      expect(JSON.parse(status.stdout)).toMatchObject({
        mounts: [
          {
            mountPoint,
            bucket: 'files',
            prefix: 'shared/',
            endpoint: store.endpoint,
            state: 'mounted',
            fileSystem: { failed: [], conflicts: [] },
          },
        ],
      });
      expect(status.stdout).not.toContain(store.credentials.secretAccessKey);
      expect((await moorage('status')).stdout).toContain(`${mountPoint}  s3://files/shared/`);

      await sh(`echo late > ${mountPoint}/late`);
      const unmounted = await moorage('unmount', mountPoint);
      expect(unmounted).toMatchObject({ status: 0, stdout: `${mountPoint} is unmounted\n` });
      expect(await objectText('shared/one')).toBe('one\n');
      expect(await objectText('shared/late')).toBe('late\n');
      expect((await moorage('status')).stdout).toBe('Nothing is mounted.\n');
    },
    LIMIT_MS,
  );

  test(
    '--read-only refuses changes',
    async () => {
      expect(await mount('--read-only')).toMatchObject({ status: 0 });
      await expect(sh(`echo x > ${mountPoint}/x`)).rejects.toThrow(/Read-only file system/);
      expect(await sh(`cat ${mountPoint}/notes.txt`)).toBe('from the bucket');
    },
    LIMIT_MS,
  );

  test(
    '--foreground stays until it is stopped, and drains then',
    async () => {
      const address = ['s3://files/shared', mountPoint, '--endpoint', store.endpoint];
      const command = sandbox.start(['mount', ...address, '--foreground'], { env: environment() });
      await command.saw('is mounted at');
      await sh(`echo stays > ${mountPoint}/foreground`);
      command.child.kill('SIGINT');
      expect(await command.ended).toMatchObject({ status: 0 });
      expect(await objectText('shared/foreground')).toBe('stays\n');
    },
    LIMIT_MS,
  );

  test(
    'is cleared away when its process was killed, and mounts again with what was not exported',
    async () => {
      expect(await mount()).toMatchObject({ status: 0 });
      await sh(`echo kept > ${mountPoint}/kept`);
      const [record] = mounts(await moorage('status', '--json'));
      process.kill(record?.daemonPid as number, 'SIGKILL');
      await expect
        .poll(async () => mounts(await moorage('status', '--json'))[0]?.state, { timeout: 30_000 })
        .toBe('gone');
      expect((await moorage('status')).status).toBe(3);
      expect((await moorage('sync', mountPoint)).stderr).toContain('is gone');
      expect(await moorage('unmount', mountPoint)).toMatchObject({ status: 0 });
      expect(await mount()).toMatchObject({ status: 0 });
      expect(await moorage('sync', '--wait')).toMatchObject({ status: 0 });
      expect(await objectText('shared/kept')).toBe('kept\n');
    },
    LIMIT_MS,
  );
});

interface ShownMount {
  state: string;
  daemonPid: number;
}

function mounts({ stdout }: CommandResult): ShownMount[] {
  return (JSON.parse(stdout) as { mounts: ShownMount[] }).mounts;
}

test(
  'with the bucket away unmount says what is left and stays; --force keeps it for the next mount',
  async () => {
    expect(await mount()).toMatchObject({ status: 0 });
    const { port } = new URL(store.endpoint);
    await store.close();
    try {
      await sh(`for n in $(seq 30); do echo $n > ${mountPoint}/left-$n; done`);
      const refused = await moorage('unmount', mountPoint, '--timeout', '3');
      expect(refused.status).toBe(3);
      expect(refused.stderr).toMatch(
        /3\d changes are not in the bucket yet \(the last error of S3: /,
      );
      expect(refused.stderr).toContain(`moorage unmount --force ${mountPoint}`);
      expect(refused.stderr.split('\n').length).toBeLessThan(30);
      const synced = await moorage('sync', mountPoint, '--timeout', '2');
      expect(synced.status).toBe(3);
      expect((await moorage('status')).stdout).toMatch(/3\d to export/);
      expect(await sh(`cat ${mountPoint}/left-7`)).toBe('7\n');
      expect(await moorage('unmount', '--force', mountPoint)).toMatchObject({ status: 0 });
    } finally {
      await openStore(Number(port));
    }
    expect(await mount()).toMatchObject({ status: 0 });
    expect(await moorage('unmount', mountPoint)).toMatchObject({ status: 0 });
    expect(await objectText('shared/left-7')).toBe('7\n');
  },
  LIMIT_MS,
);

describe('refused with exit code 2', () => {
  test.each([
    [['mount', 's3://files'], /Missing argument/],
    [['mount', 'files', 'MNT'], /is not a bucket's address/],
    [['mount', 's3://files', 'MNT', '--endpoint', 'nonsense'], /is not an address/],
    [['mount', 's3://absent', 'MNT', '--endpoint', 'STORE'], /There is no bucket absent/],
    [['mount', 's3://files', 'MNT/absent', '--endpoint', 'STORE'], /does not exist/],
    [['mount', 's3://files', 'FULL', '--endpoint', 'STORE'], /is not empty/],
    [['unmount', 'MNT'], /is not mounted by moorage/],
    [['sync', 'MNT'], /is not mounted by moorage/],
    [['sync', '--timeout', 'soon'], /not a number of seconds/],
    [['status', 'x'], /Unexpected argument/],
    [['local-s3'], /Missing option: --dir/],
    [['nonsense'], /There is no command "nonsense"/],
  ])(
    '%j',
    async (args, expected) => {
      mkdirSync(sandbox.path('full'), { recursive: true });
      writeFileSync(sandbox.path('full', 'file'), '');
      const words: Record<string, string> = {
        MNT: mountPoint,
        'MNT/absent': `${mountPoint}/absent`,
        FULL: sandbox.path('full'),
        STORE: store.endpoint,
      };
      const { status, stdout, stderr } = await moorage(...args.map((arg) => words[arg] ?? arg));
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(expected);
      expect(stderr).not.toContain('defect of Moorage');
    },
    LIMIT_MS,
  );

  test(
    'a second mount of the same files, on the same directory or another',
    async () => {
      expect(await mount()).toMatchObject({ status: 0 });
      expect((await mount()).stderr).toMatch(/already a mount|in use/);
      const other = sandbox.path('other');
      mkdirSync(other);
      const again = await moorage(
        'mount',
        's3://files/shared',
        other,
        '--endpoint',
        store.endpoint,
      );
      expect(again.status).toBe(2);
      expect(again.stderr).toMatch(/unmount that one first/);
      expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(other);
    },
    LIMIT_MS,
  );
});

test('--help of one command in another order, --version, and what comes before the command', async () => {
  const { stdout } = await moorage('help', 'review');
  expect(stdout).toBe((await moorage('review', '--help')).stdout);
  const version = await moorage('--version');
  expect(version).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect((await moorage('--json')).stderr).toContain('The command comes first, then --json.');
  expect((await moorage('reveiw', '.')).stderr).toContain('Did you mean review?');
});

test(
  '--help of every command is complete and works without anything else',
  async () => {
    const overview = await moorage('--help');
    const commands = [...overview.stdout.matchAll(/^ {2}([a-z0-9-]+) /gm)].map(([, name]) => name);
    expect(commands).toEqual(expect.arrayContaining(['review', 'mount', 'unmount', 'sync']));
    for (const command of commands) {
      const { status, stdout } = await moorage(command as string, '--help');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^Usage: moorage /);
      expect(stdout).toContain('--json');
      expect(stdout).toContain('Exit codes:');
    }
  },
  LIMIT_MS,
);
