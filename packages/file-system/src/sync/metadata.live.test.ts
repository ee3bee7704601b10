/** What others change of an object without changing its bytes: a copy onto itself with other metadata. */
import { startLocalS3 } from '@moorage/local-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Live } from '../testing/live.ts';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig(startLocalS3);
});
afterEach(async () => {
  await rig.end();
});

/** Changes metadata alone. */
async function describe(key: string, metadata: Record<string, string>): Promise<void> {
  const { eTag } = await rig.outside.head(key);
  const copied = await rig.outside.copy({ key, ifMatch: eTag }, key, { replace: { metadata } });
  expect(copied.eTag).toBe(eTag);
}

const sent = (live: Live, kind: string): number =>
  live.sent.filter((job) => job.kind === kind).length;

test('mode, owner and time are those of the object, told by the store; data stays', async () => {
  const { live, outside } = rig;
  await live.mkdir('/d');
  await live.write('/d/ours', 'content');
  await live.barrier();
  await outside.put('d/theirs', Buffer.alloc(300_000, 'x'));
  await eventually(async () => (await live.names('/d')).length === 2, 'theirs is visible');
  await live.read('/d/theirs');
  const before = sent(live, 'fetch');
  const metadata = {
    ...{ 'file-owner': '7', 'file-group': '8', 'file-permissions': '0100640' },
    'file-mtime': '1600000000000000009ns',
  };
  for (const name of ['ours', 'theirs']) await describe(`d/${name}`, metadata);
  await describe('d/', { ...metadata, 'file-permissions': '0040711' });
  const shows = async (path: string, mode: number): Promise<boolean> => {
    const a = await live.lookup(path);
    return a.mode === mode && a.uid === 7 && a.gid === 8 && a.mtimeNsec === 9;
  };
  for (const name of ['ours', 'theirs'])
    await eventually(() => shows(`/d/${name}`, 0o640), `the new mode of ${name}`);
  await eventually(() => shows('/d', 0o711), 'the new mode of the directory');
  expect(await live.read('/d/ours')).toBe('content');
  expect((await live.read('/d/theirs')).length).toBe(300_000);
  expect(sent(live, 'fetch')).toBe(before);
});

test('what another mount has changed with chmod is seen, and its next change here goes on from there', async () => {
  const { live } = rig;
  await live.write('/f', 'content', 0o600);
  await live.barrier();
  const other = await rig.second();
  const { ino } = await other.lookup('/f');
  await other.must(() => other.fixture.chmod(ino, 0o644));
  await other.barrier();
  await eventually(async () => (await live.lookup('/f')).mode === 0o644, 'the new mode');
  await live.write('/f', 'ours', 0o644);
  expect(await live.barrier()).toEqual([]);
  await eventually(async () => (await other.read('/f')) === 'ours', 'the new content');
});
