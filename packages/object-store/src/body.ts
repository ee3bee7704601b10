/**
 * The body of a GET that survives a broken connection: it goes on where it stopped, with a ranged GET of the very
 * same object (by version, or by ETag), a few times. Its length is checked against what the store announced.
 */
import type { ObjectHead } from './bucket.ts';
import { S3Error } from './errors.ts';
import type { Incoming } from './connection.ts';

export interface ResumableBody {
  head: ObjectHead;
  /** Offset in the object of the first byte, and how many there are to be. */
  start: number;
  length: number;
  first: Incoming;
  /** Sends a GET for the rest; must be pinned to the same object. */
  resume: (start: number, end: number) => Promise<Incoming>;
  broken: (cause: unknown) => S3Error;
  signal: AbortSignal | undefined;
}

const RESUMES_MAX = 4;

export async function* resumableBody(body: ResumableBody): AsyncGenerator<Uint8Array> {
  let incoming = body.first;
  let done = 0;
  for (let resumes = 0; ; resumes++) {
    const before = done;
    try {
      for await (const chunk of incoming.body) {
        done += (chunk as Uint8Array).length;
        if (done > body.length) throw tooLong(body);
        yield chunk as Uint8Array;
      }
      if (done === body.length) return;
    } catch (error) {
      if (body.signal?.aborted === true || error instanceof S3Error) throw asS3Error(body, error);
      if (resumes >= RESUMES_MAX) throw body.broken(error);
    }
    if (resumes >= RESUMES_MAX || (done === before && resumes > 1)) throw tooShort(body, done);
    incoming = await body.resume(body.start + done, body.start + body.length - 1);
  }
}

/** All bytes of a body of known length, in one array. */
export async function collect(
  body: AsyncIterable<Uint8Array>,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const all = new Uint8Array(length);
  let at = 0;
  for await (const chunk of body) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function asS3Error(body: ResumableBody, error: unknown): S3Error {
  return error instanceof S3Error ? error : body.broken(error);
}

function tooShort(body: ResumableBody, done: number): S3Error {
  return new S3Error(
    'BrokenTransfer',
    `GET "${body.head.key}" ended after ${done} of ${body.length} bytes.`,
    { key: body.head.key },
  );
}

function tooLong(body: ResumableBody): S3Error {
  return new S3Error('BadResponse', `GET "${body.head.key}" sent more than it announced.`, {
    key: body.head.key,
  });
}
