/** Import rules, their version, and export windows by prefix, over a real S3 server. */
import { startLocalS3 } from '@moorage/local-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';
import type { Live } from '../testing/live.ts';

let rig: Rig;
let live: Live;

beforeEach(async () => {
  rig = await startRig(startLocalS3);
  ({ live } = rig);
});

afterEach(async () => {
  await rig.end();
});

const days = [{ daysAfterLastAccess: 30 }];

async function put(key: string, size = 100): Promise<void> {
  await rig.outside.put(key, Buffer.alloc(size, key), { metadata: {} });
}

async function isHere(path: string): Promise<boolean> {
  const { ino } = await live.lookup(path);
  return live.fixture.fs.tree.missing(ino).length === 0;
}

/** Keys of which bytes were asked for. */
function fetched(): string[] {
  return live.sent.flatMap((job) => {
    if (job.kind === 'fetch') return [job.from.key];
    return job.kind === 'head' && job.bodyBytesMax > 0 ? [job.key] : [];
  });
}

test('small files of a directory that is looked into come by themselves, larger ones do not', async () => {
  await put('d/small');
  await put('d/medium', 100_000);
  await put('d/just-below', 131_071);
  await put('d/at-the-limit', 131_072);
  await put('d/e/deeper');
  await live.names('/d');
  for (const name of ['small', 'medium', 'just-below'])
    await eventually(() => isHere(`/d/${name}`), `${name} is here`);
  expect(await isHere('/d/at-the-limit')).toBe(false);
  expect(fetched()).not.toContain('d/at-the-limit');
  expect(fetched()).not.toContain('d/e/deeper');
});

test('the longest prefix counts; on file access only what is read comes, and whole', async () => {
  await put('d/a');
  await put('d/lazy/a', 300_000);
  await put('d/lazy/b', 300_000);
  await put('d/lazy/large', 600_000);
  await put('d/never/a');
  live.sync.configure(
    {
      importDataRules: [
        { prefix: '', trigger: 'ON_DIRECTORY_FIRST_ACCESS', sizeLessThan: 1000 },
        { prefix: 'd/lazy/', trigger: 'ON_FILE_ACCESS', sizeLessThan: 300_001 },
        { prefix: 'd/never/', trigger: 'ON_DIRECTORY_FIRST_ACCESS', sizeLessThan: 0 },
      ],
      expirationDataRules: days,
    },
    false,
  );
  await live.names('/d');
  await live.names('/d/lazy');
  await live.names('/d/never');
  await eventually(() => isHere('/d/a'), 'the small file is here');
  await live.lookup('/d/lazy/b');
  expect(fetched()).toEqual(['d/a']);
  await live.read('/d/lazy/a', 5, 10);
  expect(await isHere('/d/lazy/a')).toBe(true);
  await live.read('/d/lazy/large', 400_000, 10);
  expect(await isHere('/d/lazy/large')).toBe(false);
  expect(new Set(fetched())).toEqual(new Set(['d/a', 'd/lazy/a', 'd/lazy/large']));
});

test('a file of many pieces that is to be whole comes by and by once it is read', async () => {
  const size = 9 * 1024 * 1024;
  await put('big', size);
  live.sync.configure(
    {
      importDataRules: [{ prefix: '', trigger: 'ON_FILE_ACCESS', sizeLessThan: size + 1 }],
      expirationDataRules: days,
    },
    false,
  );
  await live.read('/big', 5_000_000, 100);
  await eventually(() => isHere('/big'), 'all of it is here');
});

test('of a directory whose data was given up, reading one file brings the next ones back', async () => {
  for (const name of ['a', 'b', 'c']) await put(`d/${name}`);
  await live.names('/d');
  for (const name of ['a', 'b', 'c']) await eventually(() => isHere(`/d/${name}`), 'it is here');
  live.aheadMs += 31 * 86_400_000;
  live.pump();
  for (const name of ['a', 'b', 'c'])
    await eventually(async () => !(await isHere(`/d/${name}`)), 'it has expired');
  expect(await live.read('/d/a', 0, 3)).toBe('d/a');
  for (const name of ['b', 'c']) await eventually(() => isHere(`/d/${name}`), 'it is back');
});

test('the version guards a change, and the configuration survives a restart', async () => {
  const { sync } = live;
  const { latestVersionNumber, ...first } = sync.configuration();
  expect(latestVersionNumber).toBeUndefined();
  expect(() => sync.configure({ ...first, latestVersionNumber: 1 }, false)).toThrow('not 1');
  sync.configure({ ...first, expirationDataRules: [{ daysAfterLastAccess: 3 }] }, false);
  expect(sync.configuration()).toMatchObject({
    latestVersionNumber: 1,
    expirationDataRules: [{ daysAfterLastAccess: 3 }],
  });
  for (const stale of [undefined, 0, 2]) {
    const document = stale === undefined ? first : { ...first, latestVersionNumber: stale };
    expect(() => sync.configure(document, false)).toThrow(
      expect.objectContaining({ name: 'ConflictException' }),
    );
  }
  const before = sync.configuration();
  await live.crash();
  expect(live.sync.configuration()).toEqual(before);
  live.sync.configure({ ...before, latestVersionNumber: 1 }, false);
  expect(live.sync.configuration().latestVersionNumber).toBe(2);
  // A mount that says again what is in force changes nothing.
  live.sync.configure(before, true);
  expect(live.sync.configuration().latestVersionNumber).toBe(2);
});

test('the quiet window of a prefix, also of what is waiting when it is changed', async () => {
  await live.mkdir('/fast');
  await live.mkdir('/slow');
  await live.write('/slow/f', 'slow');
  const { importDataRules, expirationDataRules } = live.sync.configuration();
  const slow = { prefix: '', quietMs: 3_600_000, maxAgeMs: 3_600_000 };
  live.sync.configure(
    {
      importDataRules,
      expirationDataRules,
      moorageExportDataRules: [slow, { prefix: 'fast/', quietMs: 0, maxAgeMs: 0 }],
    },
    false,
  );
  await live.write('/fast/f', 'fast');
  live.pump();
  await eventually(async () => (await rig.keys()).includes('fast/f'), 'the fast one is in S3');
  expect(await rig.keys()).not.toContain('slow/f');
  live.sync.configure(
    {
      importDataRules,
      expirationDataRules,
      latestVersionNumber: 1,
      moorageExportDataRules: [{ ...slow, quietMs: 0 }],
    },
    false,
  );
  live.pump();
  await eventually(async () => (await rig.keys()).includes('slow/f'), 'the slow one is in S3');
});
