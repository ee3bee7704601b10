/** Mounts on stores that break promises of S3: what is lacking is said, and nothing of anybody is lost. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collect } from '@moorage/object-store';
import { startLyingStore } from '@moorage/object-store/testing';
import type { Lies, LyingStore } from '@moorage/object-store/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FileSystemStatus } from './file-system-server.ts';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
let lying: LyingStore | undefined;
beforeEach(async () => {
  served = await ServedBucket.start();
});
afterEach(async () => {
  await served.close();
  await lying?.close();
  lying = undefined;
});

/** Mounts the bucket again, in a new data directory, over a proxy. */
async function throughLies(lies: Lies): Promise<LyingStore> {
  await served.server.stop();
  const { endpoint = '' } = served.location;
  lying = await startLyingStore({ ...served.location, endpoint }, lies);
  const location = { ...served.location, endpoint: lying.endpoint };
  await served.serve({ bucket: location, dataDir: join(served.dir, 'lied-to') });
  return lying;
}

async function storeOf(): Promise<NonNullable<FileSystemStatus['store']>> {
  for (;;) {
    const { store } = await served.server.status();
    if (store !== undefined) return store;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function text(key: string): Promise<string> {
  const { body, length } = await served.bucket.get(key);
  return Buffer.from(await collect(body, length)).toString();
}

test('an honest store lacks nothing; the probe is gone, and not repeated', async () => {
  const { lacks, probedAtMs } = await storeOf();
  expect(lacks).toEqual([]);
  expect((await served.bucket.listVersions({ prefix: '' })).versions).toEqual([]);
  await served.server.stop();
  await served.serve();
  expect((await storeOf()).probedAtMs).toBe(probedAtMs);
  const kept = JSON.parse(readFileSync(join(served.dataDir, 'store.json'), 'utf8')) as object;
  expect(kept).toMatchObject({ bucket: 'work', probedAtMs });
});

test('a store that ignores every condition: work, conflicts and deletions go on', async () => {
  const store = await throughLies({
    ignoresWriteConditions: true,
    ignoresSourceConditions: true,
    dropsChecksums: true,
    stripsVersionIds: true,
  });
  const { lacks } = await storeOf();
  expect(lacks.map(({ promise, kept }) => `${promise} ${kept}`)).toEqual([
    'putIfAbsent no',
    'putIfMatch no',
    'copyCondition no',
    'copySourceIfMatch no',
    'completeCondition no',
    'deleteIfMatch no',
    'checksums no',
    'versionIds no',
  ]);
  await served.out('mkdir d; echo one > d/a; echo two > d/b; head -c 20000000 /dev/zero > large');
  await served.server.sync();
  await served.out('mv d/a d/t; mv d/b d/a; mv d/t d/b; chmod 600 large; mv d e; echo x > gone');
  await served.server.sync();
  expect(await text('e/a')).toBe('two\n');
  expect(await text('e/b')).toBe('one\n');
  expect((await served.bucket.head('large')).metadata['file-permissions']).toBe('0100600');

  // Somebody else is faster between our look and our write.
  let overtaken = '';
  store.before = async (request) => {
    if (request !== 'PUT /work/e/a') return;
    store.before = undefined;
    await served.bucket.put('e/a', Buffer.from('theirs\n'));
    overtaken = request;
  };
  await served.out('echo ours > e/a');
  await expect(served.server.sync()).rejects.toMatchObject({ code: 'NOT_SYNCED' });
  expect(overtaken).not.toBe('');
  expect(await text('e/a')).toBe('theirs\n');
  const { conflicts } = await served.server.status();
  expect(conflicts).toMatchObject([{ path: '/e/a', key: 'e/a' }]);
  await served.out('until grep -q theirs e/a; do sleep 0.1; done');
  expect(await served.out('cat .s3files-lost+found-*/*_a')).toBe('ours\n');

  // And between our look and our deletion.
  store.before = async (request) => {
    if (request !== 'DELETE /work/gone') return;
    store.before = undefined;
    await served.bucket.put('gone', Buffer.from('wanted\n'));
  };
  await served.out('rm gone');
  await expect(served.server.sync()).rejects.toMatchObject({ code: 'NOT_SYNCED' });
  expect(await text('gone')).toBe('wanted\n');
});

test('a store without conditional deletes deletes what it should', async () => {
  const store = await throughLies({ refusesConditionalDelete: true });
  expect((await storeOf()).lacks).toMatchObject([{ promise: 'deleteIfMatch', kept: 'no' }]);
  await served.out('echo 1 > a; echo 2 > b');
  await served.server.sync();
  store.before = async (request) => {
    if (request !== 'HEAD /work/b') return;
    store.before = undefined;
    await served.bucket.put('b', Buffer.from('theirs'));
  };
  await served.out('rm a b');
  await expect(served.server.sync()).rejects.toMatchObject({ code: 'NOT_SYNCED' });
  expect(await served.objects()).toEqual({ b: 'theirs' });
});

test('a read-only mount writes nothing to find out, and says so', async () => {
  await served.server.stop();
  await served.serve({ readOnly: true, dataDir: join(served.dir, 'read-only') });
  const { lacks, note, probedAtMs } = await storeOf();
  expect([note, probedAtMs]).toEqual([
    'It is mounted read-only, so writing was not tried.',
    undefined,
  ]);
  expect(lacks.every(({ kept }) => kept === 'unknown')).toBe(true);
  expect((await served.bucket.listVersions({ prefix: '' })).versions).toEqual([]);
});

test('without permission to write the bucket can be read', async () => {
  await served.bucket.put('there', Buffer.from('text\n'));
  await throughLies({ deniesWrites: true });
  expect((await storeOf()).note).toBe('The credentials may not write to the bucket.');
  expect(await served.out('cat there')).toBe('text\n');
});
