/** fsync(2) of a file system that was opened to return only when S3 has the file. */
import { startLocalS3 } from '@moorage/local-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Failpoint, installFailpoints } from '../failpoint.ts';
import { Change, FsError, newAttributes, ok, pending, type Caller } from '../operations.ts';
import { caller } from '../testing/fixture.ts';
import type { Live } from '../testing/live.ts';
import { startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

let rig: Rig;
let live: Live;

beforeEach(async () => {
  rig = await startRig(startLocalS3);
  const never = { relistMs: 3_600_000, quietMs: 3_600_000, maxAgeMs: 3_600_000 };
  const flusher = { flush: () => undefined, writeBack: () => false };
  live = await rig.second(never, { fsync: 's3', flusher });
});
afterEach(async () => {
  installFailpoints(undefined);
  await rig.end();
});

let request = 100;
async function fsync(ino: number): Promise<number> {
  const c: Caller = { ...caller(0), request: ++request };
  const { fs } = live.fixture;
  // The disk's part is done at once.
  const first = fs.fsync(c, ino);
  expect(first).toBe(pending);
  fs.flushed(false);
  return live.result(() => fs.fsync(c, ino));
}

test('returns when the version is in S3, and takes nothing else along', async () => {
  const ino = await live.write('/f', 'one');
  await live.write('/other', 'waits');
  expect(await fsync(ino)).toBe(ok);
  expect(await rig.text('f')).toBe('one');
  expect(await rig.keys()).toEqual(['f']);
  await live.write('/f', 'two');
  expect(await fsync(ino)).toBe(ok);
  expect(await rig.text('f')).toBe('two');
  // Nothing to do.
  expect(await fsync(ino)).toBe(ok);
});

test('fails when the version did not get there: a name that cannot be a key, a conflict', async () => {
  const bad = await live.write('/bad-\u00ff', 'x');
  expect(await fsync(bad)).toBe(FsError.Io);
  const ino = await live.write('/f', 'one');
  expect(await fsync(ino)).toBe(ok);
  await rig.outside.put('f', Buffer.from('theirs'));
  await live.write('/f', 'ours');
  expect(await fsync(ino)).toBe(FsError.Io);
  expect(await rig.text('f')).toBe('theirs');
});

test('fails while there is no space for the file from which the version would be sent', async () => {
  const ino = await live.write('/f', '');
  const size = 100_000;
  const longer = { ...newAttributes(), valid: Change.size, size };
  await live.must(() => live.fixture.fs.setattr(caller(0), ino, longer, newAttributes()));
  installFailpoints((name) => {
    if (name === Failpoint.cacheMake) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  });
  expect(await fsync(ino)).toBe(FsError.NoSpace);
  expect(live.sync.status().failed).toMatchObject([{ path: '/f', error: 'NoSpace' }]);
  installFailpoints(undefined);
  expect(await fsync(ino)).toBe(ok);
  expect(await rig.text('f')).toBe('\0'.repeat(size));
  expect(live.sync.status().failed).toEqual([]);
});
