import { startLocalS3 } from '@moorage/local-s3';
import type { Bucket } from '@moorage/object-store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FsError, newAttributes, rootIno, type Caller } from '../operations.ts';
import { caller, root } from '../testing/fixture.ts';
import type { Live } from '../testing/live.ts';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

const lost = '/.s3files-lost+found-fs-0123456789abcdef0';

let rig: Rig;
let outside: Bucket;
let live: Live;

beforeEach(async () => {
  // Re-listing is off: conflicts are found by the export.
  rig = await startRig(startLocalS3, { relistMs: 3_600_000 });
  ({ outside, live } = rig);
});

afterEach(async () => {
  await rig.end();
});

test('changed on both sides: S3 wins, the local copy is in lost+found', async () => {
  await live.write('/d.txt', 'base');
  await live.barrier();
  await outside.put('d.txt', Buffer.from('theirs'));
  await live.write('/d.txt', 'ours');
  await live.barrier();
  expect(await live.read('/d.txt')).toBe('theirs');
  const [kept] = await live.names(lost);
  expect(kept).toMatch(/^[0-9a-f]{10}_d\.txt$/);
  expect(await live.read(`${lost}/${kept}`)).toBe('ours');
  expect(live.sync.status().conflicts).toMatchObject([
    { path: '/d.txt', keptAs: kept, key: 'd.txt' },
  ]);
  await live.barrier();
  expect(await rig.keys()).toEqual(['d.txt']);
  const { ino } = await live.lookup(`${lost}/${kept}`);
  expect(live.sync.statusText(ino)).toContain('FilePath: /d.txt');
  await live.crash();
  expect(live.sync.status().conflicts).toHaveLength(1);
});

test('who has the copy open may go on writing to it: nothing of that is exported', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.put('f', Buffer.from('theirs'));
  await live.write('/f', 'ours');
  const { ino } = await live.lookup('/f');
  await live.barrier();
  const [kept] = await live.names(lost);
  expect((await live.lookup(`${lost}/${kept}`)).mode & 0o222).toBe(0);
  const bytes = Buffer.from('more');
  await live.mustResult(() => live.fixture.fs.write(root, ino, 4, bytes, 0, bytes.length, 0));
  expect(await live.barrier()).toEqual([]);
  expect(await live.read(`${lost}/${kept}`)).toBe('oursmore');
  expect(await rig.keys()).toEqual(['f']);
  expect(await live.read('/f')).toBe('theirs');
});

test('created on both sides', async () => {
  await live.names('/');
  await outside.put('n', Buffer.from('theirs'));
  await live.write('/n', 'ours');
  await live.barrier();
  expect(await live.read('/n')).toBe('theirs');
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('changed here and deleted there: the local copy is kept, the name is gone', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.delete('f');
  await live.write('/f', 'ours');
  await live.barrier();
  expect(await live.exists('/f')).toBe(false);
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('deleted here and changed there: it comes back', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.put('f', Buffer.from('theirs'));
  await live.unlink('/f');
  await live.barrier();
  expect(await live.read('/f')).toBe('theirs');
  expect(await rig.keys()).toEqual(['f']);
});

test('deleted here with its directories and changed there: they come back, and it is told', async () => {
  await live.mkdir('/d');
  await live.mkdir('/d/e');
  await live.write('/d/e/f', 'base');
  await live.barrier();
  await outside.put('d/e/f', Buffer.from('theirs'));
  await live.unlink('/d/e/f');
  await live.rmdir('/d/e');
  await live.rmdir('/d');
  expect((await live.barrier()).map(({ path }) => path)).toEqual(['/d/e/f']);
  expect(live.sync.conflicts()).toMatchObject([{ what: 'deletion', path: '/d/e/f' }]);
  await eventually(async () => (await live.names('/')).includes('d'), 'the directory is back');
  expect(await live.read('/d/e/f')).toBe('theirs');
});

test('moved here and changed there: both are kept', async () => {
  await live.write('/f', 'base');
  await live.barrier();
  await outside.put('f', Buffer.from('theirs'));
  await live.rename('/f', '/g');
  await live.barrier();
  expect(await live.read('/g')).toBe('base');
  expect(await live.read('/f')).toBe('theirs');
});

test('moved to a name that was taken there meanwhile', async () => {
  await live.write('/f', 'ours');
  await live.barrier();
  await outside.put('g', Buffer.from('theirs'));
  await live.rename('/f', '/g');
  await live.barrier();
  expect(await live.read('/g')).toBe('theirs');
  expect(await live.read(`${lost}/${(await live.names(lost))[0]}`)).toBe('ours');
});

test('two file systems on one bucket agree in the end', async () => {
  const other = await rig.second({ relistMs: 50 });
  await live.write('/x', 'first');
  await live.barrier();
  await other.names('/');
  expect(await other.read('/x')).toBe('first');
  await other.write('/x', 'second');
  await other.barrier();
  await live.write('/x', 'third');
  await live.barrier();
  expect(await live.read('/x')).toBe('second');
  await live.write('/x', 'fourth');
  await live.barrier();
  await eventually(async () => (await other.read('/x')) === 'fourth', 'the other one follows');
});

test('a write whose answer was lost in a crash is recognised as our own', async () => {
  await live.write('/f', 'one');
  // The request leaves, its answer is never heard.
  const before = live.sync.barrier(0);
  expect(before).toBeGreaterThan(0);
  live.pump();
  await eventually(async () => (await rig.keys()).length === 1, 'the object is there');
  await live.crash();
  await live.write('/f', 'two');
  expect(await live.barrier()).toEqual([]);
  expect(await rig.text('f')).toBe('two');
  expect(live.sync.status().conflicts).toEqual([]);
});

test('the local copy is restored as a new version, once', async () => {
  await live.write('/d.txt', 'base');
  await live.barrier();
  await outside.put('d.txt', Buffer.from('theirs'));
  await live.write('/d.txt', 'ours');
  await live.barrier();
  const [conflict] = live.sync.conflicts();
  expect(conflict).toMatchObject({
    path: '/d.txt',
    what: 'content',
    ours: { size: 4, versionId: expect.any(String) as string },
    theirs: { size: 6, versionId: expect.any(String) as string },
  });
  const { id } = conflict!;
  const { fs } = live.fixture;
  const to = { parent: rootIno, name: 'd.txt', path: '/d.txt' };
  expect(fs.restoreConflict(id, { ...to, replaces: false })).toBe(FsError.Exists);
  await live.must(() => fs.restoreConflict(id, { ...to, replaces: true }));
  await live.crash();
  expect(live.fixture.fs.restoreConflict(id, { ...to, replaces: true })).toBe(FsError.NoEntry);
  expect(live.sync.settlementOf(id)).toEqual({ how: 'restored', path: '/d.txt' });
  expect(await live.names(lost)).toEqual([]);
  expect(await live.barrier()).toEqual([]);
  expect(await live.read('/d.txt')).toBe('ours');
  expect(await rig.text('d.txt')).toBe('ours');
  expect(live.sync.status().conflicts).toEqual([]);
});

test('restored where S3 has nothing, and under another name', async () => {
  for (const [name, as] of [
    ['f', 'f'],
    ['g', 'other'],
  ] as const) {
    await live.write(`/${name}`, 'base');
    await live.barrier();
    await outside.delete(name);
    await live.write(`/${name}`, 'ours');
    await live.barrier();
    expect(await live.exists(`/${name}`)).toBe(false);
    const { id } = live.sync.conflicts()[0]!;
    const to = { parent: rootIno, name: as, path: `/${as}`, replaces: false };
    await live.must(() => live.fixture.fs.restoreConflict(id, to));
    expect(await live.barrier()).toEqual([]);
    expect(await rig.text(as)).toBe('ours');
  }
  expect(live.sync.status().conflicts).toEqual([]);
});

test('a large copy that is here in part is fetched before it is restored', async () => {
  const size = 20 * 1024 * 1024;
  await outside.put('big', Buffer.alloc(size, 'b'));
  const { ino } = await live.lookup('/big');
  const { fs } = live.fixture;
  const write = (): Promise<number> =>
    live.mustResult(() => fs.write(root, ino, size - 4, Buffer.from('ours'), 0, 4, 0));
  await write();
  await outside.put('big', Buffer.from('theirs'));
  await live.barrier();
  const { id, keptAs } = live.sync.conflicts()[0]!;
  expect(fs.tree.missing(ino).length).toBeGreaterThan(0);
  await outside.delete('big');
  const to = { parent: rootIno, name: 'big', path: '/big', replaces: true };
  await live.must(() => fs.restoreConflict(id, to));
  expect(await live.barrier()).toEqual([]);
  // S3 had deleted it meanwhile, which is another conflict: told, and nothing is lost.
  if (live.sync.conflicts().length > 0) {
    const again = { ...to, replaces: false };
    await live.must(() => fs.restoreConflict(live.sync.conflicts()[0]!.id, again));
    expect(await live.barrier()).toEqual([]);
  }
  const text = await rig.text('big');
  expect(text.length).toBe(size);
  expect(text.slice(-6)).toBe('bbours');
  expect(keptAs).toMatch(/_big$/);
});

test('discarded, or removed by hand: the conflict is over', async () => {
  for (const how of ['discard', 'rm']) {
    await live.write('/f', 'base');
    await live.barrier();
    await outside.put('f', Buffer.from('theirs'));
    await live.write('/f', 'ours');
    await live.barrier();
    const { id, keptAs } = live.sync.conflicts()[0]!;
    if (how === 'rm') await live.unlink(`${lost}/${keptAs}`);
    else await live.must(() => live.fixture.fs.discardConflict(id));
    expect(live.sync.status().conflicts).toEqual([]);
    expect(live.sync.settlementOf(id)?.how).toBe('discarded');
    expect(await live.names(lost)).toEqual([]);
    await live.barrier();
  }
  expect(await rig.text('f')).toBe('theirs');
});

test('each access point shows what was lost below its root, and nothing else', async () => {
  await live.mkdir('/a');
  await live.mkdir('/b');
  for (const path of ['a/f', 'b/f']) {
    await live.write(`/${path}`, 'base');
    await live.barrier();
    await outside.put(path, Buffer.from('theirs'));
    await live.write(`/${path}`, `ours ${path}`);
    await live.barrier();
  }
  const { fs } = live.fixture;
  const view = await live.mustResult(() => fs.addView({ id: 'a', rootPath: '/a' }));
  const inView = caller(0, 0, [], view);
  const out = newAttributes();
  expect(fs.lookup(inView, fs.viewRoot(view), '.moorage-conflicts', out)).toBe(0);
  const directory = out.ino;
  const list = (c: Caller, ino: number): string[] => {
    const names: string[] = [];
    fs.readdir(c, ino, 0, ({ name }) => names.push(name) > 0);
    return names;
  };
  const [conflict, others] = live.sync.conflicts();
  expect(list(inView, directory)).toEqual(['.', '..', conflict!.keptAs, `${conflict!.keptAs}.txt`]);
  const into = Buffer.alloc(1000);
  const read = (name: string): string => {
    expect(fs.lookup(inView, directory, name, out)).toBe(0);
    const n = fs.read(inView, out.ino, 0, 1000, into, 0);
    expect(n).toBe(out.size);
    return into.toString('utf8', 0, n);
  };
  expect(read(conflict!.keptAs!)).toBe('ours a/f');
  expect(read(`${conflict!.keptAs}.txt`)).toMatch(/^\/f was changed here and in the bucket\./);
  expect(fs.lookup(inView, directory, others!.keptAs!, out)).toBe(FsError.NoEntry);
  expect(fs.unlink(inView, directory, `${conflict!.keptAs}.txt`)).toBe(FsError.NotPermitted);
  expect(fs.mkdir(inView, fs.viewRoot(view), '.moorage-conflicts', 0o755, out)).toBe(
    FsError.Exists,
  );
  expect(fs.rmdir(inView, fs.viewRoot(view), '.moorage-conflicts')).toBe(FsError.NotPermitted);
  expect(list(inView, fs.viewRoot(view))).toEqual(['.', '..', 'f']);
  // Only who could read the file.
  const stranger = caller(1000, 1000, [], view);
  fs.lookup(inView, directory, conflict!.keptAs!, out);
  expect(list(stranger, directory)).toHaveLength(4);
  // The copy may be removed there, which settles it.
  expect(fs.unlink(inView, directory, conflict!.keptAs!)).toBe(0);
  expect(live.sync.status().conflicts).toHaveLength(1);
});

test('found when the store tells of the other change, long before it would be exported', async () => {
  const never = { relistMs: 3_600_000, quietMs: 3_600_000, maxAgeMs: 3_600_000 };
  const patient = await rig.second(never);
  await patient.write('/f', 'base');
  await patient.barrier();
  await patient.write('/f', 'ours');
  await outside.put('f', Buffer.from('theirs'));
  await eventually(
    async () => patient.sync.status().conflicts.length === 1,
    'the conflict is found without anybody asking for an export',
  );
  expect(await patient.read('/f')).toBe('theirs');
});
