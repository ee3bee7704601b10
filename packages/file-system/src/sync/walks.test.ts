/** What is listed before anybody looks into it, with results that the test makes up. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ok, rootIno } from '../operations.ts';
import { attachPlanner } from '../testing/attached-planner.ts';
import { Fixture, root } from '../testing/fixture.ts';
import type { RemoteObject, TransferJob } from '../transfer/jobs.ts';
import type { Sync } from './port.ts';

type ListJob = Extract<TransferJob, { kind: 'list' }>;

let now = 0;
let fixture: Fixture;
let sync: Sync;
let watchJob = 0;

beforeEach(() => {
  now = 1_700_000_000_000;
  fixture = new Fixture({ remote: true, id: 'fs-0', clock: { now: () => now } });
  sync = attachPlanner(fixture, { now: () => now });
  sync.needDirectory(rootIno);
  const first = jobs();
  watchJob = first.find((job) => job.kind === 'watch')!.id;
  const list = first.find((job) => job.kind === 'list');
  const prefixes = Array.from('abcdefghijklmnop', (name) => `${name}/`);
  sync.apply([{ kind: 'page', id: list!.id, objects: [], prefixes, last: true }]);
});

afterEach(() => fixture.end());

function jobs(): readonly TransferJob[] {
  sync.tick(now);
  return sync.take();
}

function lists(): ListJob[] {
  return jobs().filter((job) => job.kind === 'list');
}

function object(key: string): RemoteObject {
  return { key, size: 10, eTag: key, lastModified: now };
}

/** The answer to a listing: one file. */
function answer({ id, prefix }: ListJob, isCut = false): void {
  const objects = [object(`${prefix}file`)];
  sync.apply([{ kind: 'page', id, objects, prefixes: [], last: true, ...(isCut && { isCut }) }]);
}

function ino(name: string): number {
  return fixture.fs.tree.child(rootIno, name);
}

/** Reads a directory as the kernel does, its listing included when it needs one. */
function read(directory: number): ListJob[] {
  const names = (): number => fixture.fs.readdir(root, directory, 0, () => true);
  if (names() === ok) return lists();
  const [own, ...more] = lists();
  expect(more).toEqual([]);
  expect(own!.countMax).toBeUndefined();
  answer(own!);
  expect(names()).toBe(ok);
  return lists();
}

const prefixesOf = (some: ListJob[]): string[] => some.map(({ prefix }) => prefix);

test('who goes on below a directory he has read finds the next ones listed', () => {
  expect(read(rootIno)).toEqual([]);
  const ahead = read(ino('a'));
  expect(prefixesOf(ahead)).toEqual(['b/', 'c/', 'd/', 'e/']);
  for (const list of ahead) answer(list);
  // Some of their files come as well.
  const heads = jobs().filter((job) => job.kind === 'head');
  expect(heads.map(({ key }) => key)).toEqual(expect.arrayContaining(['b/file', 'e/file']));
  expect(prefixesOf(read(ino('b')))).toEqual(['f/', 'g/', 'h/', 'i/', 'j/']);
});

test('a look into one directory, or into others much later, is no walk', () => {
  expect(read(ino('a'))).toEqual([]);
  now += 60_000;
  expect(read(ino('b'))).toEqual([]);
  expect(prefixesOf(read(ino('c')))).toEqual(['d/', 'e/', 'f/', 'g/']);
});

test('of a directory with more names than a page nothing is taken over before it is read', () => {
  read(rootIno);
  const [b] = read(ino('a'));
  expect(b!.countMax).toBeGreaterThan(0);
  answer(b!, true);
  expect(fixture.fs.tree.isListed(ino('b'))).toBe(false);
  expect(fixture.fs.tree.isEmpty(ino('b'))).toBe(true);
  lists();
  read(ino('b'));
  expect(fixture.fs.tree.isListed(ino('b'))).toBe(true);
});

test('who asks for a directory that is being listed ahead waits for that listing', () => {
  read(rootIno);
  const [b, c] = read(ino('a'));
  for (const [list, isCut] of [
    [b!, false],
    [c!, true],
  ] as const) {
    const waitId = sync.needDirectory(ino(list.prefix.slice(0, -1)));
    expect(waitId).toBeGreaterThan(0);
    lists();
    answer(list, isCut);
    if (isCut) {
      const [again] = lists();
      expect(again).toMatchObject({ prefix: list.prefix });
      expect(again!.countMax).toBeUndefined();
      answer(again!);
    }
    expect(fixture.ready).toContain(waitId);
    expect(sync.needDirectory(ino(list.prefix.slice(0, -1)))).toBe(0);
  }
});

test('a listing ahead that fails is not tried again, and nobody hears of it', () => {
  read(rootIno);
  const [b] = read(ino('a'));
  const failed = { kind: 'failed', code: 'AccessDenied', message: 'no', retryable: false } as const;
  sync.apply([{ ...failed, id: b!.id }]);
  expect(prefixesOf(lists())).not.toContain('b/');
  // Its own listing is tried at once.
  read(ino('b'));
  expect(fixture.fs.tree.isListed(ino('b'))).toBe(true);
});

test('what is told of a directory while it is listed ahead is looked for when it is read', () => {
  read(rootIno);
  const [b] = read(ino('a'));
  sync.apply([{ kind: 'changes', id: watchJob, changes: [{ key: 'b/new', eTag: 'new' }] }]);
  answer(b!);
  lists();
  read(ino('b'));
  now += 100;
  expect(prefixesOf(lists())).toContain('b/');
});

test('what was listed long before it is read is listed again', () => {
  read(rootIno);
  for (const list of read(ino('a'))) answer(list);
  now += 30_000;
  expect(prefixesOf(read(ino('b')))).not.toContain('b/');
  now += 100;
  expect(prefixesOf(lists())).toContain('b/');
});
