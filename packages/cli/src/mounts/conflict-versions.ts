// The two versions of a conflict, compared: a diff of text, size and hash of anything else.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';

export interface Comparison {
  readonly kind: 'text' | 'binary';
  /** For people: the diff, or a line for each version. */
  readonly lines: readonly string[];
  /** SHA-256 in hexadecimal; absent: there is no such file. */
  readonly hereSha256?: string;
  readonly thereSha256?: string;
}

const DIFF_BYTES_MAX = 1024 * 1024;

/** `there` is what has the name now: it may be gone, or another version than the one that won. */
export async function compareVersions(here: string, there: string): Promise<Comparison> {
  if ((await isText(here)) && (await isText(there))) {
    const lines = await diff(here, there);
    if (lines !== undefined) return { kind: 'text', lines };
  }
  const [ours, theirs] = [await summary(here), await summary(there)];
  return {
    kind: 'binary',
    lines: [`local copy  ${said(ours)}`, `in bucket   ${said(theirs)}`],
    ...(ours !== undefined && { hereSha256: ours.sha256 }),
    ...(theirs !== undefined && { thereSha256: theirs.sha256 }),
  };
}

/** As git decides it, and small enough to be read by a person. */
async function isText(file: string): Promise<boolean> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > DIFF_BYTES_MAX) return false;
      const { bytesRead, buffer } = await handle.read({ buffer: Buffer.alloc(8000), position: 0 });
      return !buffer.subarray(0, bytesRead).includes(0);
    } finally {
      await handle.close();
    }
  } catch {
    return false;
  }
}

/** Undefined where there is no diff(1). */
async function diff(here: string, there: string): Promise<string[] | undefined> {
  const labels = ['--label', 'in bucket', '--label', 'local copy'];
  const { promise, resolve } = Promise.withResolvers<string[] | undefined>();
  execFile('diff', ['-u', ...labels, '--', there, here], (error, stdout) => {
    const differs = (error as { code?: unknown } | null)?.code === 1;
    if (error !== null && !differs) return resolve(undefined);
    resolve(stdout === '' ? ['Both have the same bytes.'] : stdout.trimEnd().split('\n'));
  });
  return promise;
}

interface Summary {
  readonly size: number;
  readonly sha256: string;
}

async function summary(file: string): Promise<Summary | undefined> {
  try {
    const { size } = await stat(file);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return { size, sha256: hash.digest('hex') };
  } catch {
    return undefined;
  }
}

function said(summary: Summary | undefined): string {
  return summary === undefined ? 'deleted' : `${summary.size} bytes, SHA-256 ${summary.sha256}`;
}
