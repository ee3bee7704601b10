/** Requests with retries, for the operations of a bucket. */
import type { ObjectHead } from './bucket.ts';
import { Connection, discard, readText } from './connection.ts';
import type { Incoming, Outgoing } from './connection.ts';
import { S3Error } from './errors.ts';
import { errorOfAnswer } from './messages.ts';
import { retryPolicy, withRetries } from './retry.ts';
import type { RetryContext } from './retry.ts';
import { headOf } from './wire.ts';

export class Requests {
  readonly connection: Connection;
  readonly #context: RetryContext;

  constructor(connection: Connection, context: RetryContext) {
    this.connection = connection;
    this.#context = context;
  }

  get bucketName(): string {
    return this.connection.settings.bucket;
  }

  retrying<T>(
    signal: AbortSignal | undefined,
    attempt: (triesBefore: number) => Promise<T>,
  ): Promise<T> {
    return withRetries(this.#context, retryPolicy, signal, attempt);
  }

  /** One try. */
  once(outgoing: Outgoing): Promise<Incoming> {
    return this.connection.send(outgoing);
  }

  /** With retries; the body of the answer is left to the caller. */
  open(outgoing: Outgoing): Promise<Incoming> {
    return this.retrying(outgoing.signal, () => this.connection.send(outgoing));
  }

  /** With retries; the answer's body is dropped. */
  async empty(outgoing: Outgoing): Promise<Incoming> {
    const answer = await this.open(outgoing);
    await discard(answer);
    return answer;
  }

  /** With retries, reading the answer included. Each try shows what came first. */
  text(outgoing: Outgoing, beginning?: (text: string) => void): Promise<string> {
    return this.retrying(outgoing.signal, async () =>
      readText(this.connection, await this.connection.send(outgoing), beginning),
    );
  }

  read(answer: Incoming): Promise<string> {
    return readText(this.connection, answer);
  }

  /** What a key holds at this moment, undefined = nothing. */
  async headNow(key: string, signal: AbortSignal | undefined): Promise<ObjectHead | undefined> {
    try {
      const answer = await this.empty({ method: 'HEAD', key, signal });
      return headOf(key, answer.headers);
    } catch (error) {
      if (error instanceof S3Error && error.code === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  /** The error that came within an answer of status 200. */
  errorInBody(key: string, xml: string): S3Error {
    const subject = { method: 'POST', key };
    return errorOfAnswer(this.connection.settings, subject, {
      status: 500,
      headers: {},
      body: xml,
    });
  }

  badAnswer(key: string | undefined, operation: string): S3Error {
    return new S3Error(
      'BadResponse',
      `${this.connection.settings.endpoint} answered ${operation} with something that is not S3's XML. Is it an S3 endpoint?`,
      { key },
    );
  }
}
