/** The command-line clients Debian ships, unchanged: awscli, s3cmd, rclone. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestEndpoint } from './test-endpoint.ts';
import type { TestEndpoint } from './test-endpoint.ts';

let t: TestEndpoint;
let home: string;
const big = Buffer.alloc(20 * 2 ** 20, 'twenty mebibytes ');

beforeAll(async () => {
  t = await startTestEndpoint();
  home = mkdtempSync(join(tmpdir(), 'local-s3-home-'));
  mkdirSync(join(home, 'tree/sub dir'), { recursive: true });
  writeFileSync(join(home, 'tree/a.txt'), 'a');
  writeFileSync(join(home, 'tree/sub dir/ü+&.txt'), 'odd name');
  writeFileSync(join(home, 'tree/big'), big);
});
afterAll(async () => {
  await t.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs a client; rejects with what it wrote when it fails. */
function run(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const options = {
    cwd: home,
    timeout: 100_000,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, LANG: 'C.UTF-8', ...env },
  };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
    child.stdin?.end();
  });
}

function digest(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function expectSameTree(copy: string): void {
  expect(readdirSync(join(home, copy), { recursive: true }).toSorted()).toEqual(
    readdirSync(join(home, 'tree'), { recursive: true }).toSorted(),
  );
  expect(digest(readFileSync(join(home, copy, 'big')))).toBe(digest(big));
  expect(readFileSync(join(home, copy, 'sub dir/ü+&.txt'), 'utf8')).toBe('odd name');
}

describe('awscli', () => {
  const aws = (...args: string[]): Promise<string> =>
    run('aws', ['--endpoint-url', t.s3.endpoint, ...args], {
      AWS_ACCESS_KEY_ID: t.s3.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: t.s3.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: t.s3.region,
      AWS_EC2_METADATA_DISABLED: 'true',
    });

  it('makes buckets, copies, lists, syncs and removes', { timeout: 180_000 }, async () => {
    await aws('s3', 'mb', 's3://awscli');
    await aws('s3', 'cp', '--recursive', 'tree', 's3://awscli/tree');
    const listed = await aws('s3', 'ls', '--recursive', 's3://awscli');
    expect(listed).toContain('tree/sub dir/ü+&.txt');
    await aws('s3', 'sync', 's3://awscli/tree', 'from-aws');
    expectSameTree('from-aws');
    await aws('s3', 'mv', 's3://awscli/tree/big', 's3://awscli/moved');
    const head = await aws('s3api', 'head-object', '--bucket', 'awscli', '--key', 'moved');
    expect(JSON.parse(head)).toMatchObject({ ContentLength: big.length });
    const url = await aws('s3', 'presign', 's3://awscli/tree/sub dir/ü+&.txt');
    expect(await (await fetch(url.trim())).text()).toBe('odd name');
    await aws('s3', 'rb', '--force', 's3://awscli');
    expect(await aws('s3', 'ls')).not.toContain('awscli');
  });
});

describe('s3cmd', () => {
  const s3cmd = (...args: string[]): Promise<string> => {
    const { host } = new URL(t.s3.endpoint);
    return run('s3cmd', [
      `--access_key=${t.s3.credentials.accessKeyId}`,
      `--secret_key=${t.s3.credentials.secretAccessKey}`,
      `--host=${host}`,
      `--host-bucket=${host}`,
      `--region=${t.s3.region}`,
      '--no-ssl',
      '--multipart-chunk-size-mb=6',
      ...args,
    ]);
  };

  it('makes buckets, syncs both ways, shows and removes', { timeout: 180_000 }, async () => {
    await s3cmd('mb', 's3://s3cmd');
    await s3cmd('sync', 'tree/', 's3://s3cmd/tree/');
    mkdirSync(join(home, 'from-s3cmd'));
    await s3cmd('sync', 's3://s3cmd/tree/', 'from-s3cmd/');
    expectSameTree('from-s3cmd');
    expect(await s3cmd('info', 's3://s3cmd/tree/a.txt')).toContain('MD5 sum');
    await s3cmd('modify', '--add-header=x-amz-meta-own:1', 's3://s3cmd/tree/a.txt');
    expect(await s3cmd('info', 's3://s3cmd/tree/a.txt')).toContain('own');
    await s3cmd('cp', 's3://s3cmd/tree/a.txt', 's3://s3cmd/copied');
    await s3cmd('del', '--recursive', '--force', 's3://s3cmd');
    await s3cmd('rb', 's3://s3cmd');
  });
});

describe('rclone', () => {
  const rclone = (...args: string[]): Promise<string> =>
    run('rclone', ['--s3-chunk-size=6M', '--s3-upload-cutoff=6M', ...args], {
      RCLONE_CONFIG_T_TYPE: 's3',
      RCLONE_CONFIG_T_PROVIDER: 'Other',
      RCLONE_CONFIG_T_ENDPOINT: t.s3.endpoint,
      RCLONE_CONFIG_T_REGION: t.s3.region,
      RCLONE_CONFIG_T_ACCESS_KEY_ID: t.s3.credentials.accessKeyId,
      RCLONE_CONFIG_T_SECRET_ACCESS_KEY: t.s3.credentials.secretAccessKey,
    });

  it('copies both ways, checks, moves and purges', { timeout: 180_000 }, async () => {
    await rclone('mkdir', 't:rclone');
    await rclone('copy', 'tree', 't:rclone/tree');
    await rclone('check', 'tree', 't:rclone/tree');
    await rclone('copy', 't:rclone/tree', 'from-rclone');
    expectSameTree('from-rclone');
    await rclone('moveto', 't:rclone/tree/big', 't:rclone/moved');
    expect(await rclone('lsf', '-R', 't:rclone')).toContain('moved');
    await rclone('purge', 't:rclone');
    expect(await rclone('lsd', 't:')).not.toContain('rclone');
  });
});
