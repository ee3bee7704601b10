import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { collect, openBucket, type Bucket } from '@moorage/object-store';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
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
  store = await startLocalS3({ dir: sandbox.path('store') });
  bucket = await openBucket({ ...store, bucket: 'files' });
  await bucket.putBucket();
  await bucket.putVersioning('Enabled');
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

function environment(): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: store.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.credentials.secretAccessKey,
    AWS_REGION: store.region,
  };
}

function moorage(...args: string[]): Promise<CommandResult> {
  return sandbox.run(args, { env: environment() });
}

/** `p` is the prefix that the next mount shows. */
let p = 'p';
const address = (): string[] => [`s3://files/${p}`, mountPoint, '--endpoint', store.endpoint];

async function sh(script: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', script], { cwd: '/', timeout: 30_000 });
  return stdout;
}

async function text(key: string): Promise<string> {
  const object = await bucket.get(key);
  return Buffer.from(await collect(object.body, object.length)).toString();
}

/** The file is changed on both sides. The mount may learn of the other change first: then once more. */
async function conflict(name: string, ours = 'ours'): Promise<void> {
  const file = `${mountPoint}/${name}`;
  for (let tries = 0; tries < 20; tries++) {
    await sh(`printf 'one\\ntwo\\n' > ${file}`);
    expect(await moorage('sync', file)).toMatchObject({ status: 0 });
    await bucket.put(`${p}/${name}`, Buffer.from('one\ntheirs\n'));
    await sh(`printf 'one\\n${ours}\\n' > ${file}`);
    const { status, stderr } = await moorage('sync', file);
    // It fails unless the bucket's event was faster.
    if (status !== 0) expect(stderr).toContain(`/${name}: It was changed in the bucket as well`);
    if ((await moorage('conflicts', file)).stdout !== 'No conflicts.\n') return;
  }
  throw new Error('no conflict came about');
}

test(
  'a conflict is listed, compared, restored or discarded',
  async () => {
    expect(await moorage('mount', ...address())).toMatchObject({ status: 0 });
    expect((await moorage('conflicts')).stdout).toBe('No conflicts.\n');
    const file = `${mountPoint}/d.txt`;
    await conflict('d.txt');
    expect((await moorage('status')).stdout).toContain('conflicts (the bucket won; see moorage');

    const listed = await moorage('conflicts', '--json');
    const [only] = (JSON.parse(listed.stdout) as { conflicts: Record<string, unknown>[] })
      .conflicts;
    expect(only).toMatchObject({
      mountPoint,
      path: file,
      key: 'p/d.txt',
      ours: { size: 9, versionId: expect.any(String) as string },
      theirs: { size: 11, versionId: expect.any(String) as string },
    });
    const id = only?.['id'] as string;
    expect((await moorage('conflicts', 'list', file)).stdout).toContain(`${id}  `);
    expect((await moorage('conflicts', `${mountPoint}/other`)).stdout).toBe('No conflicts.\n');

    const shown = await moorage('conflicts', 'show', file);
    expect(shown.status).toBe(0);
    expect(shown.stdout).toMatch(/in bucket {2}11 bytes, version /);
    expect(shown.stdout).toContain(
      '--- in bucket\n+++ local copy\n@@ -1,2 +1,2 @@\n one\n-theirs\n+ours\n',
    );

    const refused = await moorage('conflicts', 'restore', id, '--as', file);
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('/d.txt exists');
    const restored = await moorage('conflicts', 'restore', file);
    expect(restored.stdout).toBe(
      `${file} is the local copy again; it is exported as a new version\n`,
    );
    expect(await moorage('sync', file)).toMatchObject({ status: 0 });
    expect(await text('p/d.txt')).toBe('one\nours\n');
    expect((await moorage('conflicts', 'discard', id)).stderr).toContain('There is no conflict of');

    await conflict('x', 'a\\000b');
    const binary = await moorage('conflicts', 'show', `${mountPoint}/x`);
    expect(binary.stdout).toMatch(
      /local copy {2}8 bytes, SHA-256 [0-9a-f]{64}\nin bucket {3}11 bytes, SHA-256 [0-9a-f]{64}\n/,
    );
    expect((await moorage('conflicts', 'discard', `${mountPoint}/x`)).stdout).toBe(
      `The local copy of ${mountPoint}/x is removed\n`,
    );
    expect((await moorage('conflicts')).stdout).toBe('No conflicts.\n');
  },
  LIMIT_MS,
);

test(
  'a foreground mount says so when it happens; what waits can be listed; --fsync and --owner hold',
  async () => {
    p = 'q';
    const options = ['--foreground', '--fsync', 's3', '--owner', '1234:77'];
    await bucket.put('q/plain', Buffer.from('x'));
    const command = sandbox.start(['mount', ...address(), ...options], { env: environment() });
    await command.saw('is mounted at');
    expect(await sh(`stat -c '%u %g' ${mountPoint} ${mountPoint}/plain`)).toBe(
      '1234 77\n1234 77\n',
    );
    await sh(`echo synced > ${mountPoint}/f; sync ${mountPoint}/f`);
    expect(await text('q/f')).toBe('synced\n');
    await conflict('d.txt');
    await command.saw(/warn conflict id=[0-9a-f]{10} path=\/d\.txt .*S3 wins/);
    await sh(`echo waits > ${mountPoint}/waits`);
    const status = await moorage('status', '--pending');
    expect(status.stdout).toContain('    /waits  6 bytes, ');
    // Its deletion is waited for, by the path it had.
    await sh(`rm ${mountPoint}/f`);
    expect(await moorage('sync', `${mountPoint}/f`)).toMatchObject({ status: 0 });
    await expect(text('q/f')).rejects.toThrow();
    expect(await moorage('sync', `${mountPoint}/no/such`)).toMatchObject({ status: 2 });
    command.child.kill('SIGINT');
    expect(await command.ended).toMatchObject({ status: 0 });
  },
  LIMIT_MS,
);

test.each([
  [['conflicts', 'nonsense', 'x'], /none of list, show/],
  [['conflicts', 'show'], /Missing argument: show/],
  [['conflicts', 'list', '/'], /is not mounted by moorage/],
  [['conflicts', 'show', '0123456789'], /There is no conflict of 0123456789/],
  [['conflicts', 'discard', 'x', '--as', 'y'], /--as is for restore only/],
  [['mount', 's3://files', '/', '--fsync', 'never'], /neither disk nor s3/],
  [['mount', 's3://files', '/', '--owner', 'me'], /is not UID or UID:GID/],
])('%j is refused with exit code 2', async (args, expected) => {
  const { status, stdout, stderr } = await moorage(...args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(expected);
  expect(stderr).not.toContain('defect of Moorage');
});
