import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../testing/command.ts';
import { MountableBucket } from '../testing/mountable-bucket.ts';

const LIMIT_MS = 120_000;

let files: MountableBucket;
let mountPoint: string;

beforeAll(async () => {
  files = await MountableBucket.open();
  ({ mountPoint } = files);
  await files.put('shared/notes.txt', 'from the bucket');
});
afterEach(() => files.unmount(), 60_000);
afterAll(() => files.close(), 60_000);

const moorage = (...args: string[]): Promise<CommandResult> => files.moorage(...args);
const sh = (script: string): Promise<string> => files.sh(script);

/** Options come before the directory, so that they may be left out. */
function mount(...options: string[]): Promise<CommandResult> {
  const address = ['s3://files/shared', mountPoint, '--endpoint', files.store.endpoint];
  return moorage('mount', ...address, ...options);
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
      expect(await files.text('shared/d/two')).toBe('two\n');

      const status = await moorage('status', '--json');
      expect(status.status).toBe(0);
      expect(JSON.parse(status.stdout)).toMatchObject({
        mounts: [
          {
            mountPoint,
            bucket: 'files',
            prefix: 'shared/',
            endpoint: files.store.endpoint,
            state: 'mounted',
            fileSystem: { failed: [], conflicts: [] },
          },
        ],
      });
      expect(status.stdout).not.toContain(files.store.credentials.secretAccessKey);
      expect((await moorage('status')).stdout).toContain(`${mountPoint}  s3://files/shared/`);

      await sh(`echo late > ${mountPoint}/late`);
      const unmounted = await moorage('unmount', mountPoint);
      expect(unmounted).toMatchObject({ status: 0, stdout: `${mountPoint} is unmounted\n` });
      expect(await files.text('shared/one')).toBe('one\n');
      expect(await files.text('shared/late')).toBe('late\n');
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
      const address = ['s3://files/shared', mountPoint, '--endpoint', files.store.endpoint];
      const command = files.sandbox.start(['mount', ...address, '--foreground'], {
        env: files.environment,
      });
      await command.saw('is mounted at');
      await sh(`echo stays > ${mountPoint}/foreground`);
      command.child.kill('SIGINT');
      expect(await command.ended).toMatchObject({ status: 0 });
      expect(await files.text('shared/foreground')).toBe('stays\n');
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
      expect(await files.text('shared/kept')).toBe('kept\n');
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
    await files.withoutStore(async () => {
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
    });
    expect(await mount()).toMatchObject({ status: 0 });
    expect(await moorage('unmount', mountPoint)).toMatchObject({ status: 0 });
    expect(await files.text('shared/left-7')).toBe('7\n');
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
      mkdirSync(files.sandbox.path('full'), { recursive: true });
      writeFileSync(files.sandbox.path('full', 'file'), '');
      const words: Record<string, string> = {
        MNT: mountPoint,
        'MNT/absent': `${mountPoint}/absent`,
        FULL: files.sandbox.path('full'),
        STORE: files.store.endpoint,
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
      const other = files.sandbox.path('other');
      mkdirSync(other);
      const again = await moorage(
        'mount',
        's3://files/shared',
        other,
        '--endpoint',
        files.store.endpoint,
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
