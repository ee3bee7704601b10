/**
 * Changes of a bucket as they happen, from stores that stream them: our own local endpoint does, at
 * `GET /bucket?moorage-events`, as lines of JSON. Others do not know the question and answer something else.
 */
import { S3Error } from '@moorage/object-store';
import type { Bucket } from '@moorage/object-store';
import type { RemoteChange, TransferJob, TransferResult } from './jobs.ts';

const contentType = 'application/x-ndjson';

/** Emits changes until the stream ends, which is a failure that can be retried. */
export async function watchChanges(
  bucket: Bucket,
  job: Extract<TransferJob, { kind: 'watch' }>,
  signal: AbortSignal,
  emit: (changes: TransferResult) => void,
): Promise<TransferResult> {
  const query = { 'moorage-events': '' };
  const answer = await bucket.requestRaw({ method: 'GET', query, signal, endless: true });
  const isStream = answer.headers['content-type']?.startsWith(contentType) ?? false;
  if (answer.status !== 200 || !isStream) {
    await answer.body[Symbol.asyncIterator]().return?.();
    const status = answer.status;
    if (isPassing(status))
      throw new S3Error('SlowDown', `Changes are not streamed now (status ${status}).`, { status });
    return { kind: 'unsupported', id: job.id };
  }
  emit({ kind: 'changes', id: job.id, changes: [] });
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of answer.body) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      const changes = lines.flatMap((line) => parse(line, job.prefix));
      if (changes.length > 0) emit({ kind: 'changes', id: job.id, changes });
    }
  } catch (error) {
    throw new S3Error('BrokenTransfer', 'The stream of changes broke.', { cause: error });
  }
  throw new S3Error('BrokenTransfer', 'The stream of changes ended.');
}

/** It may well know the question; 501 says that it does not. */
function isPassing(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

function parse(line: string, prefix: string): RemoteChange[] {
  if (line === '') return [];
  const { key, eTag, versionId } = JSON.parse(line) as Partial<RemoteChange>;
  if (key === undefined || eTag === undefined || !key.startsWith(prefix)) return [];
  return [{ key, eTag, ...(versionId !== undefined && { versionId }) }];
}
