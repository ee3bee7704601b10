import { startLocalS3 } from '@moorage/local-s3';
import type { Bucket } from '@moorage/object-store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Kind, Rename } from '../operations.ts';
import type { Live } from '../testing/live.ts';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

let rig: Rig;
let outside: Bucket;
let live: Live;

beforeEach(async () => {
  rig = await startRig(startLocalS3);
  ({ outside, live } = rig);
});

afterEach(async () => {
  await rig.end();
});

async function put(key: string, body = key, metadata: Record<string, string> = {}): Promise<void> {
  await outside.put(key, Buffer.from(body), { metadata });
}

test('a bucket written by others: names, contents, default owner and modes', async () => {
  await put('a.txt', 'content');
  await put('d/e/f', 'deep');
  expect(await live.names('/')).toEqual(['a.txt', 'd']);
  expect(await live.names('/d/e')).toEqual(['f']);
  expect(await live.read('/d/e/f')).toBe('deep');
  const file = await live.lookup('/a.txt');
  expect(file).toMatchObject({ kind: Kind.file, mode: 0o644, uid: 0, size: 7 });
  expect(await live.lookup('/d')).toMatchObject({ kind: Kind.directory, mode: 0o755 });
  expect(Math.abs(file.mtimeSec - Date.now() / 1000)).toBeLessThan(600);
});

test('POSIX metadata of files, directories and symbolic links', async () => {
  await put('f', 'x', {
    'file-owner': '1001',
    'file-group': '1002',
    'file-permissions': '0104751',
    'file-mtime': '1600000000123456789ns',
  });
  await put('d/', '', { 'file-owner': '5', 'file-group': '6', 'file-permissions': '0041777' });
  await put('link', 'some/target', { 'file-permissions': '0120777' });
  expect(await live.lookup('/f')).toMatchObject({
    uid: 1001,
    gid: 1002,
    mode: 0o4751,
    mtimeSec: 1_600_000_000,
    mtimeNsec: 123_456_789,
  });
  expect(await live.lookup('/d')).toMatchObject({
    kind: Kind.directory,
    uid: 5,
    gid: 6,
    mode: 0o1777,
  });
  const link = await live.lookup('/link');
  expect(link).toMatchObject({ kind: Kind.symlink, size: 11 });
  const c = { view: 0, uid: 0, gid: 0, pid: 1, request: 0, groups: () => [] };
  await live.must(() => live.fixture.fs.readlink(c, link.ino));
  expect(live.fixture.fs.linkTarget).toBe('some/target');
});

test('what one file system wrote another one reads, with every attribute', async () => {
  await live.mkdir('/d', 0o711);
  await live.write('/d/f', 'content', 0o600);
  await live.barrier();
  const other = await rig.second();
  const a = await live.lookup('/d/f');
  const b = await other.lookup('/d/f');
  for (const field of ['kind', 'mode', 'uid', 'gid', 'size', 'mtimeSec', 'mtimeNsec'] as const) {
    expect([field, b[field]]).toEqual([field, a[field]]);
  }
  expect((await other.lookup('/d')).mode).toBe(0o711);
  expect(await other.read('/d/f')).toBe('content');
});

test('a large file is read by ranges, pinned to one version', async () => {
  const size = 24 * 1024 * 1024;
  const content = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4) content.writeUInt32LE(i, i);
  await outside.put('big', content);
  const chunk = 128 * 1024;
  expect(await live.read('/big', 10_000_000, 4096)).toBe(
    content.toString('latin1', 10_000_000, 10_004_096),
  );
  const parts: string[] = [];
  for (let at = 0; at < size; at += chunk) parts.push(await live.read('/big', at, chunk));
  expect(parts.join('') === content.toString('latin1')).toBe(true);
});

test('new, changed and deleted objects show up in directories in use', async () => {
  await put('d/a', 'one');
  await put('d/gone', 'x');
  await put('d/sub/x', 'x');
  expect(await live.names('/d')).toEqual(['a', 'gone', 'sub']);
  expect(await live.names('/d/sub')).toEqual(['x']);
  const { ino } = await live.lookup('/d/a');
  expect(await live.read('/d/a')).toBe('one');
  await put('d/a', 'two!');
  await put('d/new', 'n');
  await outside.delete('d/gone');
  await outside.delete('d/sub/x');
  await eventually(
    async () => (await live.names('/d')).join() === 'a,new' && (await live.read('/d/a')) === 'two!',
    'the directory follows S3',
  );
  expect((await live.lookup('/d/a')).ino).toBe(ino);
});

test('own exports are no changes', async () => {
  await live.mkdir('/d');
  await live.write('/d/a', 'x');
  await live.barrier();
  const { imported } = live.sync.status();
  const { ino } = await live.lookup('/d/a');
  for (let i = 0; i < 6; i++) {
    await live.names('/d');
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  expect((await live.lookup('/d/a')).ino).toBe(ino);
  expect(live.sync.status().imported).toBe(imported);
});

test('an empty directory made here stays, one whose marker is deleted in S3 goes', async () => {
  await live.mkdir('/d');
  await live.barrier();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await live.names('/')).toEqual(['d']);
  await outside.delete('d/');
  await eventually(async () => (await live.names('/')).length === 0, 'the directory is gone');
});

test('keys that cannot be paths are listed with the reason', async () => {
  for (const key of ['ok', 'd//x', 'd/../y', `${'n'.repeat(300)}`, 'both', 'both/x']) {
    await put(key);
  }
  expect(await live.names('/')).toEqual(['both', 'd', 'ok']);
  expect(await live.names('/d')).toEqual([]);
  expect((await live.lookup('/both')).kind).toBe(Kind.directory);
  const failures = live.sync.status().importFailures.toSorted((a, b) => (a.key < b.key ? -1 : 1));
  expect(failures).toEqual([
    { key: 'both', reason: 'NameTaken' },
    { key: 'd/../', reason: 'DotComponent' },
    { key: 'd//', reason: 'EmptyComponent' },
    { key: 'n'.repeat(300), reason: 'NameTooLong' },
  ]);
  await live.crash();
  expect(live.sync.status().importFailures).toHaveLength(4);
});

test('names of any UTF-8 and long keys', async () => {
  const names = ['ü', '日本', 'a b', 'a+b', "it's", 'nl\n', 'x'.repeat(255)];
  for (const name of names) await put(`dir/${name}`, name);
  const shown = await live.names('/dir');
  expect(shown.map((n) => Buffer.from(n, 'latin1').toString('utf8')).toSorted()).toEqual(
    names.toSorted(),
  );
  for (const name of names) {
    const path = `/dir/${Buffer.from(name, 'utf8').toString('latin1')}`;
    expect(await live.read(path)).toBe(Buffer.from(name, 'utf8').toString('latin1'));
  }
});

test('a directory of which nothing was looked at yet is moved whole', async () => {
  for (let i = 0; i < 30; i++) await put(`d/${i % 3}/f${i}`, `${i}`);
  await put('d/', '', { 'file-permissions': '0040700' });
  await live.rename('/d', '/e');
  expect(await live.read('/e/1/f4')).toBe('4');
  expect(await live.barrier()).toEqual([]);
  const keys = (await outside.list({ prefix: '' })).objects.map(({ key }) => key);
  expect(keys).toHaveLength(31);
  expect(keys.every((key) => key.startsWith('e/'))).toBe(true);
  expect((await outside.head('e/')).metadata).toEqual({ 'file-permissions': '0040700' });
});

test('a change is seen at once when the store tells of it', async () => {
  const quiet = await rig.second({ relistMs: 3_600_000 });
  await put('d/a', 'one');
  expect(await quiet.names('/d')).toEqual(['a']);
  expect(await quiet.read('/d/a')).toBe('one');
  await put('d/b', 'new');
  await put('d/a', 'two');
  await put('e/f', 'deep');
  await eventually(
    async () => (await quiet.names('/d')).join() === 'a,b' && (await quiet.read('/d/a')) === 'two',
    'the changes are there',
  );
  await eventually(async () => (await quiet.names('/')).join() === 'd,e', 'a new directory');
  await outside.delete('d/a');
  await outside.delete('d/b');
  await eventually(async () => (await quiet.names('/')).join() === 'e', 'an emptied directory');
});

test('two directories of which only names are known change places', async () => {
  for (const name of ['x', 'y', 'z']) {
    await put(`a/${name}`, `was in a: ${name}`);
    await put(`b/${name}`, `was in b: ${name}`);
  }
  await live.rename('/a', '/b', Rename.exchange);
  expect(await live.barrier()).toEqual([]);
  for (const name of ['x', 'y', 'z']) {
    expect(await rig.text(`a/${name}`)).toBe(`was in b: ${name}`);
    expect(await rig.text(`b/${name}`)).toBe(`was in a: ${name}`);
  }
  expect(await rig.keys()).toHaveLength(6);
  expect(live.sync.status().conflicts).toEqual([]);
});

test('the last file moved out of a directory that exists by its children alone', async () => {
  await put('d/only');
  await live.rename('/d/only', '/out');
  await live.barrier();
  expect(await rig.keys()).toEqual(['d/', 'out']);
});
