// The store of one's own, used as the README says: what it prints is all that the other commands need.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Sandbox, type RunningCommand } from '../testing/command.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 120_000;

let sandbox: Sandbox;
let store: RunningCommand | undefined;

beforeAll(() => {
  sandbox = new Sandbox();
});
afterEach(async () => {
  store?.child.kill('SIGTERM');
  await store?.ended;
  store = undefined;
  expect(await sandbox.clean()).toEqual([]);
}, 60_000);
afterAll(() => sandbox.remove());

/** Starts the store; gives back the variables it prints. */
async function serve(...args: readonly string[]): Promise<Record<string, string>> {
  store = sandbox.start(['local-s3', '--dir', sandbox.path('s3'), ...args]);
  await store.saw(/^AWS_REGION=.*\n/m);
  const lines = store.output().matchAll(/^(AWS_\w+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name as string, value as string]));
}

test(
  'buckets are made with versioning on, can be mounted, and are still there the next time',
  async () => {
    const mountPoint = sandbox.path('mnt');
    mkdirSync(mountPoint);
    const both = ['--bucket', 'work', '--bucket', 'other'];
    let env = await serve(...both);
    expect(Object.keys(env).sort()).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_ENDPOINT_URL_S3',
      'AWS_REGION',
      'AWS_SECRET_ACCESS_KEY',
    ]);
    for (const bucket of ['work', 'other']) {
      const mounted = await sandbox.run(['mount', `s3://${bucket}`, mountPoint], { env });
      expect(mounted.status, mounted.stderr).toBe(0);
      writeFileSync(sandbox.path('mnt', bucket), `kept in ${bucket}\n`);
      expect(await sandbox.run(['unmount', mountPoint], { env })).toMatchObject({ status: 0 });
    }
    store?.child.kill('SIGTERM');
    expect((await store?.ended)?.status).toBe(0);

    env = await serve(...both);
    expect(await sandbox.run(['mount', 's3://work', mountPoint], { env })).toMatchObject({
      status: 0,
    });
    expect(readFileSync(sandbox.path('mnt', 'work'), 'utf8')).toBe('kept in work\n');
    expect(existsSync(sandbox.path('mnt', 'other'))).toBe(false);
    expect(await sandbox.run(['unmount', mountPoint], { env })).toMatchObject({ status: 0 });
  },
  LIMIT_MS,
);

test(
  'a bucket that is not there is said to be missing at the endpoint in use',
  async () => {
    const env = await serve();
    const [mountPoint, repository] = [sandbox.path('empty'), sandbox.path('planted')];
    mkdirSync(mountPoint);
    mkdirSync(repository);
    plantRepository(repository);
    for (const args of [
      ['mount', 's3://absent', mountPoint],
      ['review', repository, '--bucket', 's3://absent'],
    ]) {
      const { status, stderr } = await sandbox.run(args, { env });
      expect(status, stderr).toBe(2);
      expect(stderr).toMatch(/There is no bucket "?absent"? at /);
      expect(stderr).toContain(`at ${env.AWS_ENDPOINT_URL_S3}.`);
      expect(stderr).not.toContain('Amazon');
    }
  },
  LIMIT_MS,
);

test('what cannot be a bucket is refused', async () => {
  const args = ['local-s3', '--dir', sandbox.path('s3'), '--bucket', 'No_Bucket'];
  const { status, stdout, stderr } = await sandbox.run(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^moorage: "No_Bucket" cannot be a bucket: /);
});
