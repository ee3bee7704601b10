import { startLocalS3 } from '@moorage/local-s3';
import { collect } from '@moorage/object-store';
import type { Bucket } from '@moorage/object-store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rename } from '../operations.ts';
import type { Live } from '../testing/live.ts';
import { startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

let rig: Rig;
let outside: Bucket;
let live: Live;
let keys: Rig['keys'];
let text: Rig['text'];

beforeEach(async () => {
  rig = await startRig(startLocalS3);
  ({ outside, live, keys, text } = rig);
});

afterEach(async () => {
  await rig.end();
});

test('files and directories appear in S3 with S3 Files’ metadata', async () => {
  await live.mkdir('/d', 0o750);
  await live.write('/d/hello.txt', 'hello', 0o640);
  await live.write('/empty', '');
  expect(await live.barrier()).toEqual([]);
  expect(await keys()).toEqual(['d/', 'd/hello.txt', 'empty']);
  expect(await text('d/hello.txt')).toBe('hello');
  const { metadata } = await outside.head('d/hello.txt');
  expect(metadata).toMatchObject({
    'file-owner': '0',
    'file-group': '0',
    'file-permissions': '0100640',
    'file-mtime': expect.stringMatching(/^\d{19}ns$/),
  });
  expect((await outside.head('d/')).metadata['file-permissions']).toBe('0040750');
});

test('a changed file becomes a new version, a deleted one a delete marker', async () => {
  await live.write('/a', 'one');
  await live.barrier();
  await live.write('/a', 'two');
  await live.barrier();
  expect(await text('a')).toBe('two');
  await live.unlink('/a');
  await live.barrier();
  expect(await keys()).toEqual([]);
  const { versions } = await outside.listVersions({ prefix: 'a' });
  expect(versions.map((v) => v.deleteMarker)).toEqual([true, false, false]);
});

test('replacing a file by renaming over it is one PUT, without a gap', async () => {
  await live.write('/a', 'old');
  await live.barrier();
  await live.write('/a.tmp', 'new');
  await live.rename('/a.tmp', '/a');
  await live.barrier();
  expect(await keys()).toEqual(['a']);
  expect(await text('a')).toBe('new');
  const { versions } = await outside.listVersions({ prefix: 'a' });
  expect(versions.map((v) => [v.key, v.deleteMarker])).toEqual([
    ['a', false],
    ['a', false],
  ]);
});

test('a renamed file is copied by the store and its old key deleted', async () => {
  await live.write('/a', 'content');
  await live.barrier();
  const before = await outside.head('a');
  await live.rename('/a', '/b');
  await live.barrier();
  expect(await keys()).toEqual(['b']);
  expect(await outside.head('b')).toMatchObject({ eTag: before.eTag, metadata: before.metadata });
});

test('two files that have changed places', async () => {
  await live.write('/a', 'was a');
  await live.write('/b', 'was b');
  await live.barrier();
  await live.rename('/a', '/b', Rename.exchange);
  await live.barrier();
  expect([await text('a'), await text('b')]).toEqual(['was b', 'was a']);
  expect(await keys()).toEqual(['a', 'b']);
});

test('a renamed directory takes everything with it', async () => {
  await live.mkdir('/d');
  await live.mkdir('/d/e');
  for (let i = 0; i < 20; i++) await live.write(`/d/e/f${i}`, `${i}`);
  await live.barrier();
  await live.write('/d/e/new', 'not exported yet');
  await live.rename('/d', '/moved');
  await live.unlink('/moved/e/f3');
  await live.rename('/moved/e/f4', '/f4');
  await live.barrier();
  const names = Array.from({ length: 20 }, (_, i) => `moved/e/f${i}`).filter(
    (key) => !key.endsWith('f3') && !key.endsWith('f4'),
  );
  expect(await keys()).toEqual(['f4', 'moved/', 'moved/e/', ...names, 'moved/e/new'].toSorted());
  expect(await text('moved/e/f7')).toBe('7');
  expect(await text('f4')).toBe('4');
});

test('the last file of a directory that exists by its children alone leaves a marker', async () => {
  await outside.put('d/only', Buffer.from('x'));
  await live.unlink('/d/only');
  await live.barrier();
  expect(await keys()).toEqual(['d/']);
});

test('content type, tags and foreign metadata survive an edit, a chmod and a rename', async () => {
  await outside.put('a', Buffer.from('x'), {
    contentType: 'text/x-test',
    metadata: { project: 'moorage' },
    tagging: 'team=blue',
  });
  await live.write('/a', 'edited');
  await live.barrier();
  await live.rename('/a', '/b');
  await live.barrier();
  const head = await outside.head('b');
  expect(head.contentType).toBe('text/x-test');
  expect(head.metadata).toMatchObject({ project: 'moorage', 'file-permissions': '0100644' });
  expect(await outside.getTagging('b')).toBe('team=blue');
  expect(await text('b')).toBe('edited');
});

test('a large file is uploaded in parts, and an append sends only what is new', async () => {
  const MiB = 1024 * 1024;
  const { ino } = await live.lookup('/');
  expect(ino).toBe(1);
  const content = Buffer.alloc(20 * MiB, 'moorage ');
  await live.write('/big', content);
  await live.barrier();
  const first = await outside.head('big');
  expect(first.size).toBe(20 * MiB);
  expect(first.eTag).toMatch(/-2$/);
  const big = await live.lookup('/big');
  const { fs } = live.fixture;
  const root = { view: 0, uid: 0, gid: 0, pid: 1, request: 0, groups: () => [] };
  await live.mustResult(() => fs.write(root, big.ino, 20 * MiB, Buffer.from('!'), 0, 1, 0));
  await live.barrier();
  const object = await outside.get('big');
  const now = Buffer.from(await collect(object.body, object.length));
  expect(now.length).toBe(20 * MiB + 1);
  expect(now.subarray(0, 20 * MiB).equals(content)).toBe(true);
  expect(now.at(-1)).toBe('!'.charCodeAt(0));
});

test('after a crash everything that was dirty is exported', async () => {
  await live.write('/kept', 'v1');
  await live.write('/gone', 'x');
  await live.barrier();
  await live.write('/kept', 'v2');
  await live.write('/fresh', 'new');
  await live.unlink('/gone');
  await live.crash();
  expect(await live.barrier()).toEqual([]);
  expect(await keys()).toEqual(['fresh', 'kept']);
  expect(await text('kept')).toBe('v2');
});

test('names that cannot be keys are failures that are told, and the rest is exported', async () => {
  await live.write('/bad\xff', 'x');
  await live.write('/good', 'x');
  const failures = await live.barrier();
  expect(failures).toMatchObject([{ error: 'NameNotUtf8' }]);
  expect(await keys()).toEqual(['good']);
  expect(live.sync.status()).toMatchObject({ pending: 1 });
});
