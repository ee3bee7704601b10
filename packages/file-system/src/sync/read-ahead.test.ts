/** What is fetched ahead of a reader, and when. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rootIno } from '../operations.ts';
import { attachPlanner } from '../testing/attached-planner.ts';
import { Fixture } from '../testing/fixture.ts';
import type { TransferJob } from '../transfer/jobs.ts';
import type { Sync } from './port.ts';

type Fetch = Extract<TransferJob, { kind: 'fetch' }>;

const MiB = 1024 * 1024;
const size = 100 * MiB + 5000;
let fixture: Fixture;
let sync: Sync;
let ino: number;
let underWay: Fetch[];
/** Of all fetches so far, in the order of the file. */
let spans: { start: number; end: number }[];

beforeEach(() => {
  const now = 1_700_000_000_000;
  fixture = new Fixture({ remote: true, id: 'fs-0', clock: { now: () => now } });
  sync = attachPlanner(fixture, { now: () => now });
  sync.needDirectory(rootIno);
  const list = sync.take().find(({ kind }) => kind === 'list')!;
  const objects = [{ key: 'large', size, eTag: 'e', lastModified: now }];
  sync.apply([{ kind: 'page', id: list.id, objects, prefixes: [], last: true }]);
  ino = fixture.fs.tree.child(rootIno, 'large');
  underWay = [];
  spans = [];
});

afterEach(() => fixture.end());

/** Those that were begun since the last time. */
function begun(): Fetch[] {
  const jobs = sync.take().filter((job) => job.kind === 'fetch');
  underWay.push(...jobs);
  spans.push(...jobs.map(({ span }) => span));
  return jobs;
}

function arrive(job: Fetch): void {
  underWay = underWay.filter((other) => other !== job);
  sync.apply([{ kind: 'fetched', id: job.id }]);
}

/** As the core does for a READ; the pieces it waits for arrive, the oldest first. */
function read(offset: number, length: number): void {
  while (sync.needRange(ino, offset, length) > 0) {
    begun();
    arrive(underWay.toSorted((a, b) => a.span.start - b.span.start)[0]!);
  }
  sync.passed(ino, offset, length);
  begun();
}

test('who reads in sequence has many pieces under way, and every byte comes once', () => {
  let most = 0;
  for (let at = 0; at < size; at += MiB) {
    read(at, Math.min(MiB, size - at));
    most = Math.max(most, underWay.length);
    if (at >= 32 * MiB && at < 64 * MiB) expect(underWay.length).toBeGreaterThanOrEqual(7);
  }
  expect(most).toBeLessThanOrEqual(9);
  expect(underWay).toEqual([]);
  let next = 0;
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    expect(start).toBe(next);
    next = end;
  }
  expect(next).toBe(size);
});

test('who only looks at the beginning gets no more than that', () => {
  expect(sync.needRange(ino, 0, 4096)).toBeGreaterThan(0);
  expect(begun().map(({ span }) => span)).toEqual([{ start: 0, end: 65_536 }]);
});

test('who reads here and there gets nothing ahead', () => {
  for (const offset of [70 * MiB, 3 * MiB, 50 * MiB]) {
    expect(sync.needRange(ino, offset, 4096)).toBeGreaterThan(0);
    expect(begun().map(({ span }) => span)).toEqual([{ start: offset, end: offset + 65_536 }]);
  }
});
