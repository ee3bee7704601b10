/**
 * An SQS queue, as far as reading notifications goes: long polling and deleting, in SQS's JSON protocol (which other
 * queues with SQS's interface speak too), signed with the credentials of the bucket.
 */
import type { Pool as PoolType } from 'undici';
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { BucketLocation } from './bucket.ts';
import { S3Error } from './errors.ts';
import { resolveSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { Signer } from './signature.ts';

export interface QueueMessage {
  body: string;
  receiptHandle: string;
}

/** How long a request waits for messages; 20 s is the most that SQS allows. */
const waitSecondsMax = 20;
const messagesMax = 10;

export class MessageQueue {
  readonly #url: URL;
  readonly #pool: PoolType;
  readonly #signer: Signer = new Signer('sqs');
  readonly #region: string;
  readonly #credentials: Settings['credentials'];

  private constructor(
    url: URL,
    pool: PoolType,
    settings: Pick<Settings, 'region' | 'credentials'>,
  ) {
    this.#url = url;
    this.#pool = pool;
    this.#region = settings.region;
    this.#credentials = settings.credentials;
  }

  /** `location`: whose credentials are used, and the region unless the address names it. */
  static async open(url: URL, location: BucketLocation): Promise<MessageQueue> {
    const settings = await resolveSettings(location, process.env);
    const region = /^sqs\.([^.]+)\.amazonaws\./.exec(url.host)?.[1] ?? settings.region;
    const pool = new Pool(url.origin, { connections: 2, allowH2: false });
    return new MessageQueue(url, pool, { region, credentials: settings.credentials });
  }

  /** Waits for messages at most 20 s; with `wait` false not at all. */
  async receive(wait: boolean, signal: AbortSignal): Promise<QueueMessage[]> {
    const answer = (await this.#call('ReceiveMessage', signal, {
      MaxNumberOfMessages: messagesMax,
      WaitTimeSeconds: wait ? waitSecondsMax : 0,
    })) as { Messages?: { Body?: string; ReceiptHandle?: string }[] };
    return (answer.Messages ?? []).map(({ Body = '', ReceiptHandle = '' }) => ({
      body: Body,
      receiptHandle: ReceiptHandle,
    }));
  }

  async delete(messages: readonly QueueMessage[], signal: AbortSignal): Promise<void> {
    await this.#call('DeleteMessageBatch', signal, {
      Entries: messages.map(({ receiptHandle }, i) => ({
        Id: String(i),
        ReceiptHandle: receiptHandle,
      })),
    });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #call(action: string, signal: AbortSignal, parameters: object): Promise<unknown> {
    const url = this.#url;
    const body = JSON.stringify({ QueueUrl: url.href, ...parameters });
    const headers = this.#signer.sign(
      {
        method: 'POST',
        path: '/',
        search: '',
        headers: {
          host: url.host,
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `AmazonSQS.${action}`,
        },
        body,
      },
      { credentials: await this.#credentials(), region: this.#region, at: new Date() },
    );
    let status: number;
    let text: string;
    try {
      const answer = await request.call(this.#pool, {
        method: 'POST',
        path: '/',
        headers,
        body,
        signal,
      });
      status = answer.statusCode;
      text = await answer.body.text();
    } catch (error) {
      throw new S3Error('Unreachable', `Cannot reach the queue ${url.href}.`, { cause: error });
    }
    if (status === 200) return text === '' ? {} : JSON.parse(text);
    throw refusal(url.href, action, status, text);
  }
}

function refusal(queue: string, action: string, status: number, text: string): S3Error {
  let why = text.slice(0, 200);
  try {
    const { message, Message, __type: type } = JSON.parse(text) as Record<string, string>;
    why = `${type?.replace(/^.*#/, '') ?? ''} ${message ?? Message ?? ''}`.trim();
  } catch {
    // Not the queue itself has answered, but something before it.
  }
  const code = status === 403 ? 'AccessDenied' : status >= 500 ? 'ServerError' : 'InvalidRequest';
  const remedy = 'Check --events and that the credentials may receive and delete its messages.';
  return new S3Error(code, `The queue ${queue} refuses ${action}: ${why} ${remedy}`, { status });
}
