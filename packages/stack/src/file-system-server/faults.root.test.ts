/** S3 that is gone, and everything a user can get wrong: one clear message, and nothing is left behind. */
import { execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { mountedAt } from '@moorage/fuse/mounting';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startFileSystemServer } from './start-file-system-server.ts';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeEach(async () => {
  served = await ServedBucket.start();
});
afterEach(() => served.close());

test('with S3 gone work goes on, says so, is not lost, and arrives when S3 is back', async () => {
  await served.out('mkdir d; echo before > d/before');
  await served.server.sync();
  await served.stopS3();
  await served.out('echo during > d/during; cat d/before d/during; mv d/before d/moved');
  const stopping = served.server.stop({ drain: true, signal: AbortSignal.timeout(1500) });
  await expect(stopping).rejects.toMatchObject({
    code: 'NOT_DRAINED',
    message: expect.stringContaining(served.dataDir) as string,
  });
  expect((await served.server.status()).pending).toBeGreaterThan(0);
  process.kill(served.server.pid, 'SIGKILL');
  expect(await served.out('cat d/moved d/during')).toBe('before\nduring\n');
  await served.startS3();
  await served.server.sync();
  expect(await served.objects()).toEqual({
    'd/': '',
    'd/during': 'during\n',
    'd/moved': 'before\n',
  });
});

test('a reader of what is not here waits for S3, and can be killed while it waits', async () => {
  await served.server.stop();
  await served.bucket.put('remote', Buffer.alloc(8_000_000, 'x'));
  await served.serve({ dataDir: join(served.dir, 'fresh') });
  await served.out('ls -l remote');
  await served.stopS3();
  const killed = await served.run('timeout -s KILL 2 cat remote; echo $?');
  expect(killed.out).toMatch(/137\n$/);
  const reading = served.run('wc -c < remote');
  await pause(500);
  await served.startS3();
  expect((await reading).out).toBe('8000000\n');
});

test('what others put into the bucket appears', async () => {
  expect(await served.out('ls')).toBe('');
  await served.bucket.put('new/file', Buffer.from('text\n'));
  expect(await served.out('until [ -e new/file ]; do sleep 0.1; done; cat new/file')).toBe(
    'text\n',
  );
});

/** Starts a second server that must be refused, and leaves no mount behind. */
async function refused(o: Partial<Parameters<typeof startFileSystemServer>[0]>): Promise<unknown> {
  const mountPoint = join(served.dir, 'refused');
  mkdirSync(mountPoint, { recursive: true });
  const starting = startFileSystemServer({
    bucket: served.location,
    dataDir: join(served.dir, randomUUID()),
    mountPoint,
    log: () => {},
    ...o,
  });
  const error: unknown = await starting.then(
    () => 'started',
    (failed: unknown) => failed,
  );
  expect(mountedAt(mountPoint)).toBeUndefined();
  return error;
}

test('a bucket that cannot be used is refused with the remedy', async () => {
  expect(await refused({ bucket: { ...served.location, bucket: 'nowhere' } })).toMatchObject({
    code: 'BUCKET_UNUSABLE',
    message: expect.stringContaining('nowhere') as string,
  });
  const wrong = { accessKeyId: 'AKIAWRONG', secretAccessKey: 'wrong' };
  expect(await refused({ bucket: { ...served.location, credentials: wrong } })).toMatchObject({
    code: 'BUCKET_UNUSABLE',
  });
  await served.bucket.putVersioning('Suspended');
  expect(await refused({})).toMatchObject({
    code: 'BUCKET_UNUSABLE',
    message: expect.stringContaining('put-bucket-versioning') as string,
  });
  await served.bucket.putVersioning('Enabled');
});

test('a refused start is over only when its mount is gone, however late that is', async () => {
  // Unmounting is done by a thread of the pool: all of them wait for a writer.
  const fifo = join(served.dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const poolThreads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  const opening = Array.from({ length: poolThreads }, () => open(fifo, 'r'));
  const others = children();
  const refusing = refused({ bucket: { ...served.location, bucket: 'nowhere' } });
  const settled = vi.fn();
  refusing.then(settled, settled);
  try {
    // Its server has come and gone.
    await vi.waitUntil(() => children().length > others.length, { timeout: 60_000 });
    await vi.waitUntil(() => children().length === others.length, { timeout: 60_000 });
    await pause(100);
    expect(settled).not.toHaveBeenCalled();
  } finally {
    const writer = openSync(fifo, 'w');
    for (const file of await Promise.all(opening)) await file.close();
    closeSync(writer);
  }
  expect(await refusing).toMatchObject({ code: 'BUCKET_UNUSABLE' });
});

/** Process ids. */
function children(): string[] {
  return readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
}

test('a data directory of another bucket or of a running server is refused', async () => {
  expect(await refused({ dataDir: served.dataDir })).toMatchObject({
    code: 'DATA_DIRECTORY_UNUSABLE',
    message: expect.stringContaining('another file system server') as string,
  });
  await served.server.stop();
  expect(await refused({ dataDir: served.dataDir, prefix: 'p/' })).toMatchObject({
    code: 'DATA_DIRECTORY_UNUSABLE',
    message: expect.stringContaining('s3://work/') as string,
  });
  writeFileSync(join(served.dir, 'file'), '');
  expect(await refused({ dataDir: join(served.dir, 'file', 'data') })).toMatchObject({
    code: 'DATA_DIRECTORY_UNUSABLE',
  });
});

test('an access point whose root does not exist is refused at the start', async () => {
  await served.server.stop();
  const accessPoints = [{ id: 'fsap-x', rootPath: '/missing' }];
  expect(await refused({ dataDir: served.dataDir, accessPoints })).toMatchObject({
    code: 'ACCESS_POINT_UNUSABLE',
    message: expect.stringContaining('/missing') as string,
  });
});

test('unmounted from outside, the server ends', async () => {
  await promisify(execFile)('umount', [served.mountPoint]);
  await served.server.ended;
  expect(served.events).toContainEqual({ kind: 'unmounted' });
  expect(readdirSync(served.mountPoint)).toEqual([]);
});

test('an ordinary user in a user namespace of its own mounts, works and unmounts', async () => {
  await served.server.stop();
  const main = fileURLToPath(new URL('./testing/supervise.ts', import.meta.url));
  const o = { bucket: served.location, dataDir: served.dataDir, mountPoint: served.mountPoint };
  const inside = `set -e
    "$1" "$2" "$3" > "$SCRATCH/said" & server=$!
    until grep -q serving "$SCRATCH/said"; do sleep 0.05; kill -0 $server; done
    cd "$4"; echo text > f; git init -q r; git -C r status --porcelain; tar c f | tar x -C r; ls r; [ -O f ]
    cd /; kill $server; while grep -q "$4" /proc/self/mounts; do sleep 0.05; done`;
  const outside = `set -e
    mknod -m 0666 ${served.dir}/fuse c 10 229; mount --bind ${served.dir}/fuse /dev/fuse
    chown -R 1000:1000 ${served.dir}
    exec setpriv --reuid 1000 --regid 1000 --clear-groups unshare --user --map-root-user --mount bash -c "$0" "$@"`;
  const { stdout } = await promisify(execFile)(
    'unshare',
    [
      '--mount',
      'bash',
      '-c',
      outside,
      inside,
      'bash',
      process.execPath,
      main,
      JSON.stringify(o),
      served.mountPoint,
    ],
    {
      timeout: 60_000,
      env: { PATH: process.env['PATH'], HOME: served.scratch, SCRATCH: served.scratch },
    },
  );
  expect(stdout).toBe('f\n');
});
