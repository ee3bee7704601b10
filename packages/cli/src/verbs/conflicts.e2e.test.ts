import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../testing/command.ts';
import { MountableBucket } from '../testing/mountable-bucket.ts';

const LIMIT_MS = 120_000;

let files: MountableBucket;
let mountPoint: string;

beforeAll(async () => {
  files = await MountableBucket.open();
  ({ mountPoint } = files);
});
afterEach(() => files.unmount(), 60_000);
afterAll(() => files.close(), 60_000);

const moorage = (...args: string[]): Promise<CommandResult> => files.moorage(...args);
const sh = (script: string): Promise<string> => files.sh(script);

/** `p` is the prefix that the next mount shows. */
let p = 'p';
const address = (): string[] => [`s3://files/${p}`, mountPoint, '--endpoint', files.store.endpoint];

/** The file is changed on both sides. The mount may learn of the other change first: then once more. */
async function conflict(name: string, ours = 'ours'): Promise<void> {
  const file = `${mountPoint}/${name}`;
  for (let tries = 0; tries < 20; tries++) {
    await sh(`printf 'one\\ntwo\\n' > ${file}`);
    expect(await moorage('sync', file)).toMatchObject({ status: 0 });
    await files.put(`${p}/${name}`, 'one\ntheirs\n');
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
    expect(await files.text('p/d.txt')).toBe('one\nours\n');
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
  'a foreground mount says so when it happens; what waits can be listed; --fsync holds',
  async () => {
    p = 'q';
    const options = ['--foreground', '--fsync', 's3'];
    const command = files.sandbox.start(['mount', ...address(), ...options], {
      env: files.environment,
    });
    await command.saw('is mounted at');
    await sh(`echo synced > ${mountPoint}/f; sync ${mountPoint}/f`);
    expect(await files.text('q/f')).toBe('synced\n');
    await conflict('d.txt');
    await command.saw(/warn conflict id=[0-9a-f]{10} path=\/d\.txt .*S3 wins/);
    await sh(`echo waits > ${mountPoint}/waits`);
    const status = await moorage('status', '--pending');
    expect(status.stdout).toContain('    /waits  6 bytes, ');
    // Its deletion is waited for, by the path it had.
    await sh(`rm ${mountPoint}/f`);
    expect(await moorage('sync', `${mountPoint}/f`)).toMatchObject({ status: 0 });
    await expect(files.text('q/f')).rejects.toThrow();
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
