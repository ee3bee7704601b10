/** When a listing shows an object that is not the one that was written here, though its bytes are. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newAttributes, ok, pending, rootIno, type Status } from '../operations.ts';
import { attachPlanner, nextJob } from '../testing/attached-planner.ts';
import { Fixture, root } from '../testing/fixture.ts';
import type { RemoteObject, TransferJob } from '../transfer/jobs.ts';
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

function object(key: string, eTag: string, lastModified: number): RemoteObject {
  return { key, size: 3, eTag, lastModified };
}

function isAsked(): boolean {
  sync.tick(now);
  jobs.push(...sync.take());
  return jobs.some(({ kind }) => kind === 'head');
}

/** The store's clock is an hour behind ours. */
const skewMs = 3_600_000;
const versionId = 'v1';

test('a listing is compared with what the store said itself when we wrote, whatever our clock says', () => {
  sync.needDirectory(rootIno);
  list([]);
  fixture.file(rootIno, 'f', 'our');
  const dateMs = now - skewMs;
  sync.apply([{ kind: 'written', id: job('put').id, eTag: 'e', versionId, dateMs }]);
  const seen = (lastModified: number): boolean => {
    now += 30_000;
    sync.touched(rootIno);
    list([object('f', 'e', lastModified)]);
    return isAsked();
  };
  expect(seen(dateMs - 2_000)).toBe(false);
  expect(seen(dateMs + 999)).toBe(false);
  expect(seen(dateMs + 1_000)).toBe(true);
  // It was nothing after all: it is not asked again for the same time.
  const { id, key } = job('head');
  const lastModified = dateMs;
  const metadata = { 'file-permissions': '0100644', 'file-owner': '0', 'file-group': '0' };
  const head = { key, size: 3, eTag: 'e', lastModified, metadata, versionId };
  sync.apply([{ kind: 'head', id, head }]);
  expect(seen(dateMs + 1_000)).toBe(false);
  expect(seen(dateMs + 2_000)).toBe(true);
});

test('what was asked before we wrote says nothing about what we have written', () => {
  sync.needDirectory(rootIno);
  list([]);
  const ino = fixture.file(rootIno, 'f', 'our');
  sync.apply([{ kind: 'written', id: job('put').id, eTag: 'e', versionId, dateMs: now }]);
  now += 30_000;
  sync.touched(rootIno);
  list([object('f', 'e', now)]);
  const asked = job('head');
  const out = fixture.stat(ino);
  expect(fixture.chmod(ino, 0o600)).toBe(ok);
  now += 10;
  const copy = job('copy');
  sync.apply([{ kind: 'written', id: copy.id, eTag: 'e', versionId: 'v2', dateMs: now }]);
  const metadata = { 'file-permissions': '0100644' };
  const { size } = out;
  const head = { key: 'f', size, eTag: 'e', lastModified: now, metadata, versionId };
  sync.apply([{ kind: 'head', id: asked.id, head }]);
  expect(fixture.stat(ino).mode).toBe(0o600);
});

test('the marker that a directory has left behind says nothing about the one that took its place', () => {
  sync.needDirectory(rootIno);
  list([], ['plain/']);
  const marked = fixture.mkdir(rootIno, 'marked', root, 0o711);
  sync.apply([{ kind: 'written', id: job('put').id, eTag: 'm', versionId, dateMs: now }]);
  const found = newAttributes();
  expect(fixture.fs.lookup(root, rootIno, 'plain', found)).toBe(pending);
  sync.apply([{ kind: 'head', id: job('head').id, head: undefined }]);
  const plain = fixture.lookup(rootIno, 'plain');
  const exchange = 2;
  const rename = (): Status =>
    fixture.fs.rename(root, rootIno, 'marked', rootIno, 'plain', exchange);
  expect(rename()).toBe(pending);
  list([object('plain/f', 'e', now)]);
  expect(rename()).toBe(ok);
  for (const { id, key } of [job('copy'), job('copy')]) {
    const eTag = key === 'plain/' ? 'm' : 'e';
    sync.apply([{ kind: 'written', id, eTag, versionId: 'v2', dateMs: now }]);
  }
  // The store does not delete it at the moment.
  const refuse = (id: number): void => {
    const message = 'try later';
    sync.apply([{ kind: 'failed', id, code: 'SlowDown', message, retryable: true }]);
  };
  for (const { id, key } of [job('delete'), job('delete')]) {
    if (key === 'plain/f') sync.apply([{ kind: 'deleted', id }]);
    else refuse(id);
  }
  const marker = { ...object('marked/', 'm', now), size: 0 };
  const objects = [marker, object('marked/f', 'e', now)];
  const listed: string[] = [];
  const answerListings = (): void => {
    sync.tick(now);
    for (jobs.push(...sync.take()); jobs.some(({ kind }) => kind === 'list');) {
      const { id, prefix } = job('list');
      listed.push(prefix);
      const page =
        prefix === ''
          ? { objects: [], prefixes: ['marked/', 'plain/'] }
          : { objects, prefixes: [] };
      sync.apply([{ kind: 'page', id, ...page, last: true }]);
    }
  };
  fixture.held.add(plain);
  sync.touched(plain);
  // Until the next try is farther away than the next listing.
  for (let tries = 0; tries < 6; tries++) {
    now += 10_000;
    answerListings();
    refuse(job('delete').id);
  }
  listed.length = 0;
  sync.touched(plain);
  now += 5_000;
  answerListings();
  expect(listed).toContain('marked/');
  // Whoever looks at it, to delete it.
  while (isAsked()) {
    const { id, key } = job('head');
    const metadata = { 'file-permissions': '0040711', 'file-owner': '0', 'file-group': '0' };
    const head = { key, size: 0, eTag: 'm', lastModified: now, metadata, versionId };
    sync.apply([{ kind: 'head', id, head }]);
  }
  expect(fixture.stat(plain).mode).toBe(0o700);
  expect(fixture.stat(marked).mode).toBe(0o711);
});
