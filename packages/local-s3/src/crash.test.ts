/** kill -9 in the middle of writing: nothing acknowledged is lost, nothing is half there. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { expect, it } from 'vitest';
import { sdkClient } from './test-endpoint.ts';
import type { Reachable } from './test-endpoint.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const Bucket = 'crash';
const writers = 8;
const rounds = 6;

interface Running {
  readonly client: S3Client;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

async function start(dir: string): Promise<Running> {
  const child = spawn(process.execPath, [main, '--dir', dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const said = JSON.parse(line) as Reachable & Reachable['credentials'];
  const client = sdkClient({ ...said, credentials: said });
  return {
    client,
    async kill(signal) {
      const gone = once(child, 'exit');
      child.kill(signal);
      await gone;
      client.destroy();
    },
  };
}

/** Bodies of many sizes; the metadata holds their digest. */
function bodyOf(writer: number, n: number): Buffer {
  const size = n % 5 === 0 ? 200_000 + n : (n * 37) % 5000;
  return Buffer.alloc(size, `${writer}/${n} `);
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

it('kill -9 in a loop of puts', { timeout: 120_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'local-s3-crash-'));
  const acknowledged = new Map<string, { eTag: string; versionId: string }[]>();
  let n = 0;
  for (let round = 0; round < rounds; round++) {
    const { client, kill } = await start(dir);
    if (round === 0) {
      await client.send(new CreateBucketCommand({ Bucket }));
      const VersioningConfiguration = { Status: 'Enabled' as const };
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    }
    let done = 0;
    let killed: Promise<void> | undefined;
    const write = async (writer: number): Promise<void> => {
      while (killed === undefined) {
        const Body = bodyOf(writer, n++);
        const Key = `w${writer}/${n % 13}`;
        const put = new PutObjectCommand({ Bucket, Key, Body, Metadata: { sha: digest(Body) } });
        const made = await client.send(put).catch((error: unknown) => {
          if (killed === undefined) throw error;
          return undefined;
        });
        if (made === undefined) return;
        const versions = acknowledged.get(Key) ?? [];
        versions.push({ eTag: made.ETag as string, versionId: made.VersionId as string });
        acknowledged.set(Key, versions);
        // The kill falls wherever the others are: receiving, writing, committing, syncing.
        if (++done === 60 + round * 7) killed = kill('SIGKILL');
      }
    };
    await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
    await killed;
  }

  const { client, kill } = await start(dir);
  const listed = new Map<string, string>();
  let KeyMarker: string | undefined;
  let VersionIdMarker: string | undefined;
  for (;;) {
    const page = await client.send(
      new ListObjectVersionsCommand({ Bucket, KeyMarker, VersionIdMarker }),
    );
    for (const v of page.Versions ?? []) listed.set(v.VersionId as string, v.Key as string);
    if (!page.IsTruncated) break;
    ({ NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page);
  }
  let count = 0;
  for (const [key, versions] of acknowledged) {
    for (const { versionId } of versions) expect(listed.get(versionId)).toBe(key);
    count += versions.length;
  }
  expect(count).toBeGreaterThanOrEqual(60 * rounds);
  // Everything that is there is whole, acknowledged or not: body and metadata belong together.
  let files = 0;
  for (const [VersionId, Key] of listed) {
    const got = await client.send(new GetObjectCommand({ Bucket, Key, VersionId }));
    const body = (await got.Body?.transformToByteArray()) ?? new Uint8Array();
    expect(digest(body)).toBe(got.Metadata?.['sha']);
    if (body.length > 128 * 1024) files++;
  }
  expect(readdirSync(join(dir, 'blobs'))).toHaveLength(files);
  await kill('SIGTERM');
  rmSync(dir, { recursive: true, force: true });
});
