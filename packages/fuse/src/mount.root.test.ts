import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAndMount, unmount } from './mount.ts';
import { closeSync } from 'node:fs';

const run = promisify(execFile);
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-mount-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('what cannot be a mount point is refused with the reason', async () => {
  writeFileSync(join(dir, 'file'), '');
  await expect(openAndMount({ dir, fsName: 'x' })).rejects.toMatchObject({
    code: 'MOUNT_POINT_NOT_EMPTY',
  });
  await expect(openAndMount({ dir: join(dir, 'file'), fsName: 'x' })).rejects.toMatchObject({
    code: 'MOUNT_POINT_NOT_DIRECTORY',
  });
  await expect(openAndMount({ dir: join(dir, 'none'), fsName: 'x' })).rejects.toMatchObject({
    code: 'MOUNT_POINT_MISSING',
  });
});

test('a mount is not mounted over, and one whose server is gone is cleared away', async () => {
  const first = await openAndMount({ dir, fsName: 's3://one' });
  await expect(openAndMount({ dir, fsName: 's3://two' })).rejects.toMatchObject({
    code: 'ALREADY_MOUNTED',
    message: expect.stringContaining('s3://one') as string,
  });
  closeSync(first.fd);
  const second = await openAndMount({ dir, fsName: 's3://two' });
  await unmount(second.dir);
  closeSync(second.fd);
  await expect(unmount(dir)).rejects.toMatchObject({ code: 'NOT_MOUNTED' });
});

/**
 * Runs the probe with /dev/fuse open to all, in a mount namespace of its own, as uid 1000.
 * `how`: a command that the probe is started by.
 */
async function asOrdinaryUser(how: string[]): Promise<string> {
  const probe = fileURLToPath(new URL('./testing/mount-probe.ts', import.meta.url));
  const mountPoint = join(dir, 'm');
  mkdirSync(mountPoint);
  await run('chown', ['-R', '1000:1000', dir]);
  const script = `set -e
    mknod -m 0666 ${dir}/fuse c 10 229 && mount --bind ${dir}/fuse /dev/fuse
    exec setpriv --reuid 1000 --regid 1000 --clear-groups ${how.join(' ')} ${process.execPath} ${probe} ${mountPoint}`;
  const { stdout } = await run('unshare', ['--mount', 'bash', '-c', script], {
    timeout: 25_000,
    env: { PATH: process.env['PATH'] },
  });
  return stdout;
}

const worked = 'owner mine\nhello\nunmounted\n';

test('an ordinary user mounts in a user namespace of its own', async () => {
  expect(await asOrdinaryUser(['unshare', '--user', '--map-root-user', '--mount'])).toBe(worked);
});

test('an ordinary user mounts by fusermount3', async () => {
  expect(await asOrdinaryUser([])).toBe(worked);
});

test('where neither can be, the message says what to install or allow', async () => {
  const out = await asOrdinaryUser(['env', 'PATH=/nonexistent']);
  expect(out).toMatch(/^MOUNTING_NOT_ALLOWED .*user namespace.*fuse3/);
});
