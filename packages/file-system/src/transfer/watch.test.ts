import type { Bucket, RawResponse } from '@moorage/object-store';
import { expect, test } from 'vitest';
import type { TransferResult } from './jobs.ts';
import { watchChanges } from './watch.ts';

const job = { kind: 'watch', id: 1, prefix: 'mine/' } as const;

/** What a store is taken for that answers so, and what it told before. */
async function watch(
  status: number,
  contentType: string,
  lines: string[] = [],
): Promise<{ end: unknown; told: TransferResult[] }> {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const line of lines) yield Buffer.from(line);
  }
  const answer = { status, headers: { 'content-type': contentType }, body: body() };
  const bucket = { requestRaw: async () => answer as unknown as RawResponse } as unknown as Bucket;
  const told: TransferResult[] = [];
  const { signal } = new AbortController();
  const end = await watchChanges(bucket, job, signal, (result) => told.push(result)).catch(
    (error: unknown) => error,
  );
  return { end, told };
}

test.each([429, 500, 503])('status %i: it is asked again later', async (status) => {
  const { end, told } = await watch(status, 'application/xml');
  expect(end).toMatchObject({ code: 'SlowDown', retryable: true });
  expect(told).toEqual([]);
});

test.each([200, 400, 403, 501])('status %i and no stream: it does not know how', async (status) => {
  const { end } = await watch(status, 'application/xml');
  expect(end).toEqual({ kind: 'unsupported', id: 1 });
});

test('a stream that ends is asked for again; what it told of this mount counts', async () => {
  const lines = ['{"key":"mine/a","eTag":"1"}\n{"key":"other/b","eTag', '":"2"}\n\n'];
  const { end, told } = await watch(200, 'application/x-ndjson', lines);
  expect(told).toEqual([
    { kind: 'changes', id: 1, changes: [] },
    { kind: 'changes', id: 1, changes: [{ key: 'mine/a', eTag: '1' }] },
  ]);
  expect(end).toMatchObject({ code: 'BrokenTransfer', retryable: true });
});
