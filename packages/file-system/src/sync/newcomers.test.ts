/** What others do right after us, and while nobody looks: seen at once and not when a time has passed. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rootIno } from '../operations.ts';
import { attachPlanner, nextJob } from '../testing/attached-planner.ts';
import { Fixture, must, root } from '../testing/fixture.ts';
import type { RemoteHead, RemoteObject, TransferJob } from '../transfer/jobs.ts';
import type { Sync } from './port.ts';

let now = 0;
let fixture: Fixture;
let sync: Sync;
let jobs: TransferJob[] = [];

beforeEach(() => {
  now = 1_700_000_000_000;
  jobs = [];
  fixture = new Fixture({ remote: true, id: 'fs-0', clock: { now: () => now } });
  sync = start();
});
afterEach(() => fixture.end());

function start(): Sync {
  return attachPlanner(fixture, { now: () => now }, { quietMs: 0, relistMs: 5_000 });
}

/** The next job of this kind, taken off the list. */
function job<K extends TransferJob['kind']>(kind: K): Extract<TransferJob, { kind: K }> {
  sync.tick(now);
  return nextJob(sync, jobs, kind);
}

function list(objects: RemoteObject[], prefixes: string[] = []): void {
  sync.apply([{ kind: 'page', id: job('list').id, objects, prefixes, last: true }]);
}

function object(key: string, eTag: string): RemoteObject {
  return { key, size: 3, eTag, lastModified: now };
}

function head(found: RemoteObject | undefined): void {
  const told: RemoteHead | undefined = found && { ...found, metadata: {}, versionId: 'v' };
  sync.apply([{ kind: 'head', id: job('head').id, head: told }]);
}

/** A file of ours was in S3 and is gone again, a moment ago. */
function writeAndDelete(directory: number, name: string): void {
  fixture.file(directory, name, 'our');
  sync.apply([{ kind: 'written', id: job('put').id, eTag: 'ours', versionId: 'v1' }]);
  must(fixture.fs.unlink(root, directory, name));
  now += 10;
  sync.apply([{ kind: 'deleted', id: job('delete').id }]);
}

function relist(): void {
  now += 5_001;
}

test('a key that we have just deleted and somebody else has made again', () => {
  sync.needDirectory(rootIno);
  list([]);
  writeAndDelete(rootIno, 'f');
  relist();
  list([object('f', 'theirs')]);
  expect(fixture.fs.tree.child(rootIno, 'f')).toBe(0);
  head(object('f', 'theirs'));
  expect(fixture.fs.tree.child(rootIno, 'f')).not.toBe(0);
});

test('a listing that still shows what we have deleted', () => {
  sync.needDirectory(rootIno);
  list([]);
  writeAndDelete(rootIno, 'f');
  relist();
  list([object('f', 'ours')]);
  head(undefined);
  expect(fixture.fs.tree.child(rootIno, 'f')).toBe(0);
});

test('a directory that we have just removed and somebody else has made again', () => {
  sync.needDirectory(rootIno);
  list([]);
  const directory = fixture.mkdir(rootIno, 'd');
  sync.apply([{ kind: 'written', id: job('put').id, eTag: 'marker', versionId: 'v2' }]);
  writeAndDelete(directory, 'f');
  must(fixture.fs.rmdir(root, rootIno, 'd'));
  now += 10;
  sync.apply([{ kind: 'deleted', id: job('delete').id }]);
  relist();
  list([], ['d/']);
  expect(fixture.fs.tree.child(rootIno, 'd')).toBe(0);
  list([object('d/f', 'ours'), object('d/g', 'theirs')]);
  head(undefined);
  head(object('d/g', 'theirs'));
  expect(fixture.fs.tree.child(rootIno, 'd')).not.toBe(0);
});

test('a change that was told while the directory was not in use', () => {
  const watch = job('watch').id;
  sync.apply([{ kind: 'changes', id: watch, changes: [] }]);
  sync.needDirectory(rootIno);
  list([], ['d/']);
  const directory = fixture.fs.tree.child(rootIno, 'd');
  sync.needDirectory(directory);
  list([]);
  now += 300_000;
  expect(() => job('list')).toThrow('no list');
  sync.apply([{ kind: 'changes', id: watch, changes: [{ key: 'd/new', eTag: 'theirs' }] }]);
  sync.touched(directory);
  now += 50;
  expect(job('list').prefix).toBe('d/');
});

test('what happened before the process was started is looked for when a directory is used', () => {
  sync.needDirectory(rootIno);
  list([]);
  now += 1_000;
  sync = start();
  sync.apply([{ kind: 'changes', id: job('watch').id, changes: [] }]);
  sync.touched(rootIno);
  relist();
  list([object('f', 'theirs')]);
  expect(fixture.fs.tree.child(rootIno, 'f')).not.toBe(0);
});
