import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { GetObjectCommand, PutObjectCommand, CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalS3 } from './start.ts';
import { sdkClient } from './test-endpoint.ts';
import type { Reachable } from './test-endpoint.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'local-s3-start-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

/** Starts the entry; gives what its first line says. */
async function child(...args: string[]): Promise<{ process: ChildProcess; s3: Reachable }> {
  const process_ = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(process_.stdout), 'line')) as [string];
  const { endpoint, region, accessKeyId, secretAccessKey } = JSON.parse(line) as Record<
    string,
    string
  >;
  const credentials = { accessKeyId, secretAccessKey } as Reachable['credentials'];
  return { process: process_, s3: { endpoint, region, credentials } as Reachable };
}

async function exitOf(process_: ChildProcess): Promise<number | null> {
  if (process_.exitCode !== null) return process_.exitCode;
  const [code] = (await once(process_, 'exit')) as [number | null];
  return code;
}

describe('an endpoint', () => {
  it('keeps objects and credentials over a restart', async () => {
    const dir = join(root, 'restart');
    const first = await startLocalS3({ dir });
    expect(first.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(statSync(join(dir, 'credentials.json')).mode & 0o777).toBe(0o600);
    const client = sdkClient(first);
    await client.send(new CreateBucketCommand({ Bucket: 'kept' }));
    await client.send(new PutObjectCommand({ Bucket: 'kept', Key: 'k', Body: 'v' }));
    await first.close();
    await first.close();
    const second = await startLocalS3({ dir });
    expect(second.credentials).toEqual(first.credentials);
    const got = await sdkClient(second).send(new GetObjectCommand({ Bucket: 'kept', Key: 'k' }));
    expect(await got.Body?.transformToString()).toBe('v');
    await second.close();
    const credentials = { accessKeyId: 'chosen', secretAccessKey: 'by the caller' };
    const third = await startLocalS3({ dir, credentials });
    expect(third.credentials).toEqual(credentials);
    await third.close();
  });

  it('says so when its directory or port is taken, or its files are broken', async () => {
    const dir = join(root, 'taken');
    const { process: holder } = await child('--dir', dir);
    await expect(startLocalS3({ dir })).rejects.toThrow(/in use by another process; stop/);
    holder.kill('SIGTERM');
    expect(await exitOf(holder)).toBe(0);

    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(startLocalS3({ dir, port })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use; choose another`,
    );
    other.close();
    await (await startLocalS3({ dir })).close();

    writeFileSync(join(dir, 'credentials.json'), '{');
    await expect(startLocalS3({ dir })).rejects.toThrow(/delete it to have new credentials made/);
    const broken = join(root, 'broken');
    await (await startLocalS3({ dir: broken })).close();
    writeFileSync(join(broken, 'index.db'), 'not a database at all'.repeat(1000));
    await expect(startLocalS3({ dir: broken })).rejects.toThrow(/not an intact index/);
  });

  it('stops as a child on SIGTERM, and at the end of its input when told so', async () => {
    const byInput = await child('--dir', join(root, 'input'), '--exit-with-stdin');
    byInput.process.stdin?.end();
    expect(await exitOf(byInput.process)).toBe(0);
    const bySignal = await child('--dir', join(root, 'signal'));
    bySignal.process.stdin?.end();
    const client = sdkClient(bySignal.s3);
    await client.send(new CreateBucketCommand({ Bucket: 'still-here' }));
    bySignal.process.kill('SIGTERM');
    expect(await exitOf(bySignal.process)).toBe(0);
  });
});
