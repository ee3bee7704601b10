/** Owner and mode of the mount's own root: kept, and below a prefix in the bucket, on the prefix' marker. */
import { afterEach, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
afterEach(() => served.close());

const root = (): Promise<string> => served.out('stat -c "%u %g %a" .');

test('of a prefix: exported, and imported by a mount that knows nothing', async () => {
  served = await ServedBucket.start({ prefix: 'team/', owner: { uid: 7, gid: 8 } });
  expect(await root()).toBe('7 8 755\n');
  await served.out('chown 1234:50 .; chmod 1770 .; echo x > f');
  await served.server.sync();
  expect((await served.bucket.head('team/'))?.metadata).toMatchObject({
    'file-owner': '1234',
    'file-group': '50',
    'file-permissions': '0041770',
  });
  process.kill(served.server.pid, 'SIGKILL');
  expect(await root()).toBe('1234 50 1770\n');
  await served.server.stop();
  await served.serve({
    prefix: 'team/',
    dataDir: `${served.dir}/other`,
    owner: { uid: 7, gid: 8 },
  });
  expect(await root()).toBe('1234 50 1770\n');
  expect(await served.out('cat f')).toBe('x\n');
  expect((await served.server.status()).conflicts).toEqual([]);
});

test('of a whole bucket: kept with the mount’s data, as no key could hold it', async () => {
  served = await ServedBucket.start();
  await served.out('chown 5:6 .; chmod 700 .');
  await served.server.stop();
  await served.serve();
  expect(await root()).toBe('5 6 700\n');
  await served.server.sync();
  expect(await served.objects()).toEqual({});
});
