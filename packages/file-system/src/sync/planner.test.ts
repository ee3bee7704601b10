/** What the planner does when, with a clock that the test moves and results that the test makes up. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newAttributes, Open, rootIno } from '../operations.ts';
import { attachPlanner } from '../testing/attached-planner.ts';
import { Fixture, must, mustResult, root } from '../testing/fixture.ts';
import type { TransferJob } from '../transfer/jobs.ts';
import type { Sync } from './port.ts';

let now = 0;
let fixture: Fixture;
let sync: Sync;

beforeEach(() => {
  now = 1_700_000_000_000;
  fixture = new Fixture({ remote: true, id: 'fs-0', clock: { now: () => now } });
  sync = attach();
  // The root of an empty bucket.
  const waitId = sync.needDirectory(rootIno);
  sync.apply([{ kind: 'page', id: job('list').id, objects: [], prefixes: [], last: true }]);
  expect(fixture.ready).toContain(waitId);
});

afterEach(() => fixture.end());

function attach(): Sync {
  return attachPlanner(fixture, { now: () => now }, { prefix: 'p/' });
}

function pass(ms: number): readonly TransferJob[] {
  now += ms;
  sync.tick(now);
  return sync.take().filter(({ kind }) => kind !== 'watch');
}

function job<K extends TransferJob['kind']>(kind: K): Extract<TransferJob, { kind: K }> {
  const [found] = pass(0);
  if (found?.kind !== kind) throw new Error(`expected ${kind}, got ${found?.kind ?? 'nothing'}`);
  return found as Extract<TransferJob, { kind: K }>;
}

test('a file is exported once it has been quiet, with all changes in one write', () => {
  const ino = fixture.file(rootIno, 'f', 'one');
  expect(pass(1_500)).toEqual([]);
  fixture.write(ino, 0, 'two');
  expect(pass(1_500)).toEqual([]);
  expect(sync.nextDeadline()).toBeLessThanOrEqual(now + 500);
  const [put, ...more] = pass(500);
  expect(more).toEqual([]);
  expect(put).toMatchObject({ kind: 'put', key: 'p/f', condition: { ifNoneMatch: '*' } });
});

test('a file that is never quiet is exported at the maximum age', () => {
  const ino = fixture.file(rootIno, 'f', '0');
  let exportedAfter = 0;
  for (let ms = 0; exportedAfter === 0 && ms < 120_000; ms += 1_000) {
    if (pass(1_000).length > 0) exportedAfter = ms + 1_000;
    fixture.write(ino, 0, String(ms));
  }
  expect(exportedAfter).toBe(60_000);
});

test('what was written during an export is exported after it, on top of it', () => {
  const ino = fixture.file(rootIno, 'f', 'one');
  const [put] = pass(2_000);
  fixture.write(ino, 0, 'two');
  sync.apply([{ kind: 'written', id: put?.id ?? 0, eTag: 'e1', versionId: 'v1' }]);
  expect(sync.status().pending).toBe(1);
  const [again] = pass(2_000);
  expect(again).toMatchObject({ kind: 'put', condition: { ifMatch: 'e1' } });
  sync.apply([{ kind: 'written', id: again?.id ?? 0, eTag: 'e2', versionId: 'v2' }]);
  expect(sync.status().pending).toBe(0);
  expect(sync.statusText(ino)).toMatch(
    /^S3Key: s3:\/\/data\/p\/f\nState: synced\nVersionId: v2\nLastSynced: [-\d]+T[:.\d]+Z\n$/,
  );
});

test('a large file that is written while its parts are uploaded is not published half and half', () => {
  const { ino, handle } = fixture.open(rootIno, 'big');
  const bytes = Buffer.alloc(100_000, 'x');
  mustResult(fixture.fs.write(root, ino, 0, bytes, 0, bytes.length, 0));
  const [upload] = pass(2_000);
  expect(upload).toMatchObject({ kind: 'upload', size: 100_000 });
  const id = upload?.id ?? 0;
  fixture.write(ino, 0, 'y');
  sync.apply([{ kind: 'ready', id }]);
  expect(pass(0)).toEqual([{ kind: 'cancel', id }]);
  sync.apply([{ kind: 'cancelled', id }]);
  const [again] = pass(2_000);
  sync.apply([{ kind: 'ready', id: again?.id ?? 0 }]);
  expect(pass(0)).toEqual([{ kind: 'commit', id: again?.id }]);
  fixture.fs.release(ino, handle, 0n);
});

test('retryable failures are retried by themselves, terminal ones are shown by S3 Files’ names', () => {
  const ino = fixture.file(rootIno, 'f', 'x');
  const [first] = pass(2_000);
  const message = 'try later';
  sync.apply([{ kind: 'failed', id: first?.id ?? 0, code: 'SlowDown', message, retryable: true }]);
  expect(sync.status()).toMatchObject({ pending: 1, failed: [], lastError: { code: 'SlowDown' } });
  expect(pass(10)).toEqual([]);
  const [second] = pass(60_000);
  expect(second?.kind).toBe('put');
  const waitId = sync.barrier(0);
  const denied = { code: 'AccessDenied' as const, message: 'no', retryable: false };
  sync.apply([{ kind: 'failed', id: second?.id ?? 0, ...denied }]);
  const failure = { path: '/f', error: 'S3AccessDenied', message: 'no' };
  expect(sync.status().failed).toEqual([failure]);
  expect(fixture.ready).toContain(waitId);
  expect(sync.barrierFailures(waitId)).toEqual([failure]);
  expect(sync.statusText(ino)).toContain('ExportError: S3AccessDenied\n');
  // Somebody may give us the permission.
  expect(pass(60_000)).toHaveLength(1);
});

test('a file that was unlinked before it was exported never appears in S3', () => {
  fixture.file(rootIno, 'f', 'x');
  pass(100);
  must(fixture.fs.unlink(root, rootIno, 'f'));
  expect(pass(10_000)).toEqual([]);
  expect(sync.status().pending).toBe(0);
});

test('a file that was unlinked during its export is deleted after it', () => {
  fixture.file(rootIno, 'f', 'x');
  const [put] = pass(2_000);
  must(fixture.fs.unlink(root, rootIno, 'f'));
  // Too late for a put to be stopped.
  expect(pass(10_000)).toEqual([{ kind: 'cancel', id: put?.id }]);
  sync.apply([{ kind: 'written', id: put?.id ?? 0, eTag: 'e1', versionId: 'v1' }]);
  expect(pass(10_000)).toMatchObject([{ kind: 'delete', key: 'p/f', eTag: 'e1' }]);
});

test('a moved file is at its new key before it leaves the old one', () => {
  fixture.file(rootIno, 'f', 'x');
  const [put] = pass(2_000);
  sync.apply([{ kind: 'written', id: put?.id ?? 0, eTag: 'e1', versionId: 'v1' }]);
  must(fixture.fs.rename(root, rootIno, 'f', rootIno, 'g', 0));
  const [copy, ...more] = pass(2_000);
  expect(more).toEqual([]);
  expect(copy).toMatchObject({
    kind: 'copy',
    from: { key: 'p/f', eTag: 'e1', versionId: 'v1' },
    key: 'p/g',
    condition: { ifNoneMatch: '*' },
  });
  expect(pass(30_000)).toEqual([]);
  sync.apply([{ kind: 'written', id: copy?.id ?? 0, eTag: 'e1', versionId: 'v2' }]);
  expect(pass(0)).toMatchObject([{ kind: 'delete', key: 'p/f', eTag: 'e1' }]);
});

test('what was under way at a crash is told apart from what others did', () => {
  fixture.file(rootIno, 'f', 'x');
  const [put] = pass(2_000);
  if (put?.kind !== 'put') throw new Error('expected a put');
  fixture.crash();
  sync = attach();
  const found = fixture.lookup(rootIno, 'f');
  fixture.write(found, 0, 'yy');
  const [again] = pass(2_000);
  expect(again?.kind).toBe('put');
  const { metadata } = put.attributes;
  const head = { key: 'p/f', size: 1, eTag: 'e1', versionId: 'v1', lastModified: now, metadata };
  sync.apply([{ kind: 'conflict', id: again?.id ?? 0, head }]);
  const [third] = pass(2_000);
  expect(third).toMatchObject({ kind: 'put', condition: { ifMatch: 'e1' } });
  expect(sync.status().conflicts).toEqual([]);
});

test('a barrier waits for what was dirty when it was set, not for what comes after', () => {
  fixture.file(rootIno, 'f', 'x');
  const waitId = sync.barrier(0);
  const put = job('put');
  fixture.file(rootIno, 'g', 'x');
  sync.apply([{ kind: 'written', id: put.id, eTag: 'e1', versionId: 'v1' }]);
  pass(0);
  expect(fixture.ready).toContain(waitId);
  expect(sync.status().pending).toBe(1);
});

test('a barrier with nothing to wait for is ready', () => {
  const waitId = sync.barrier(0);
  pass(0);
  expect(fixture.ready).toContain(waitId);
});

test('a change that loses against another in S3 fails the barrier, and is told with both versions', () => {
  const ino = fixture.file(rootIno, 'f', 'ours');
  const waitId = sync.barrier(0);
  const put = job('put');
  const head = {
    key: 'p/f',
    size: 6,
    eTag: 'theirs',
    versionId: 'v7',
    lastModified: now,
    metadata: {},
  };
  sync.apply([{ kind: 'conflict', id: put.id, head }]);
  expect(fixture.ready).toContain(waitId);
  expect(sync.barrierFailures(waitId)).toMatchObject([{ path: '/f', error: 'Conflict' }]);
  const theirs = { size: 6, eTag: 'theirs', versionId: 'v7' };
  const [conflict] = sync.status().conflicts;
  expect(conflict).toMatchObject({ path: '/f', key: 'p/f', ours: { size: 4 }, theirs });
  expect(sync.statusText(ino)).toBe('S3Key: s3://data/p/f\nFilePath: /f\nState: conflict\n');
  expect(sync.statusText(fixture.lookup(rootIno, 'f'))).toContain(
    `\nConflict: ${conflict!.id} ${conflict!.keptAs}\n`,
  );
});

test('objects that say nothing about their owner get the default one', () => {
  const out = newAttributes();
  must(fixture.fs.mkdir(root, rootIno, 'd', 0o755, out));
  const key = 'p/plain';
  const object = { key, size: 40_000, eTag: 'e', lastModified: now };
  sync.apply([]);
  const ino = fixture.fs.tree.addRemote(rootIno, 'plain', {
    kind: 1,
    mode: 0o600,
    uid: 7,
    gid: 8,
    size: object.size,
    mtimeSec: 0,
    mtimeNsec: 0,
    known: false,
  });
  expect(fixture.fs.open(root, ino, Open.readOnly)).toBe(-1);
  const head = job('head');
  expect(head).toMatchObject({ key, bodyBytesMax: 0 });
  sync.apply([{ kind: 'head', id: head.id, head: { ...object, metadata: {}, versionId: 'v' } }]);
  expect(fixture.stat(ino)).toMatchObject({ uid: 7, gid: 8, mode: 0o600, size: 40_000 });
});
