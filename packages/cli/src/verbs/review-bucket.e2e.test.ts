// Reviews in a bucket that the user brought along.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { openBucket } from '@moorage/object-store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Sandbox } from '../testing/command.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 240_000;

let sandbox: Sandbox;
let repository: string;
let store: LocalS3;
let environment: Record<string, string>;

beforeAll(async () => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  plantRepository(repository);
  await openStore(0);
  const bucket = await openBucket({ ...store, bucket: 'team' });
  await bucket.putBucket();
  await bucket.putVersioning('Enabled');
  await bucket.close();
  environment = {
    AWS_ACCESS_KEY_ID: store.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: store.credentials.secretAccessKey,
    AWS_REGION: store.region,
  };
});
afterAll(async () => {
  await store.close();
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

async function openStore(port: number): Promise<void> {
  store = await startLocalS3({ dir: sandbox.path('store'), port });
}

async function reportKeys(): Promise<string[]> {
  const bucket = await openBucket({ ...store, bucket: 'team' });
  const { objects } = await bucket.list({ prefix: `tools/reviews/${sandbox.runId}/report/` });
  await bucket.close();
  return objects
    .map(({ key }) => key.slice(key.lastIndexOf('/') + 1))
    .filter((name) => name !== '')
    .sort();
}

const REPORTS = ['findings.json', 'report.md', 'report.sarif'];

test(
  'the report is below the given prefix, no store of our own is started, no secret is kept',
  async () => {
    const { status, stdout, stderr } = await sandbox.run(
      ['review', repository, '--bucket', 's3://team/tools'],
      { env: { ...environment, AWS_ENDPOINT_URL_S3: store.endpoint } },
    );
    expect(status, stderr).toBe(0);
    expect(stdout).toContain(`s3://team/tools/reviews/${sandbox.runId}/report/`);
    expect(stdout).toContain(`aws s3 ls --endpoint-url ${store.endpoint} s3://team/tools/`);
    expect(await reportKeys()).toEqual(REPORTS);
    expect(existsSync(sandbox.runPath('stack', 's3'))).toBe(false);
    for (const file of ['request.json', 'stack/executions', 'moorage.log']) {
      if (!existsSync(sandbox.runPath(file)) || file.endsWith('executions')) continue;
      expect(readFileSync(sandbox.runPath(file), 'utf8')).not.toContain(
        store.credentials.secretAccessKey,
      );
    }
  },
  LIMIT_MS,
);

test(
  'the store goes away in the middle: the report is on disk, and --resume brings it into the bucket',
  async () => {
    const address = ['--bucket', 's3://team/tools', '--endpoint', store.endpoint];
    const command = sandbox.start(['review', repository, ...address], { env: environment });
    await command.saw('✓ clone');
    const { port } = new URL(store.endpoint);
    await store.close();
    try {
      const { status, stderr } = await command.ended;
      expect(status, stderr).toBe(3);
      expect(stderr).toMatch(/^moorage: .*(bucket|S3|store)/m);
      expect(stderr).toContain('--resume');
      expect(stderr).not.toContain('defect of Moorage');
      expect(await sandbox.clean()).toEqual([]);
    } finally {
      await openStore(Number(port));
    }
    const resumed = await sandbox.run(['review', '--resume', sandbox.runId, '--json'], {
      env: environment,
    });
    expect(resumed.status, resumed.stderr).toBe(0);
    expect(JSON.parse(resumed.stdout)).toMatchObject({ status: 'complete' });
    expect(await reportKeys()).toEqual(REPORTS);
  },
  LIMIT_MS,
);

test(
  'the store goes away before anything was read from it',
  async () => {
    const address = ['--bucket', 's3://team/tools', '--endpoint', store.endpoint];
    const command = sandbox.start(['review', repository, ...address], { env: environment });
    await command.saw('✓ workspace');
    const { port } = new URL(store.endpoint);
    await store.close();
    try {
      const { status, stderr } = await command.ended;
      expect(status, stderr).toBe(3);
      expect(stderr).toMatch(/^moorage: .*bucket/m);
      expect(stderr).not.toContain('defect of Moorage');
      expect(await sandbox.clean()).toEqual([]);
    } finally {
      await openStore(Number(port));
    }
  },
  LIMIT_MS,
);
