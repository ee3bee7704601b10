/**
 * For tests: an endpoint on a directory of its own, an SDK client for it, and a client that writes
 * signed requests byte by byte (signing on its own, so that it does not share the server's mistakes).
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { startLocalS3 } from './start.ts';
import type { LocalS3 } from './start.ts';

export interface TestEndpoint {
  readonly dir: string;
  readonly s3: LocalS3;
  readonly client: S3Client;
  /** Makes a bucket. */
  bucket(name: string, versioning?: 'Enabled' | 'Suspended'): Promise<string>;
  close(): Promise<void>;
}

/** What of an endpoint is needed to talk to it. */
export type Reachable = Pick<LocalS3, 'endpoint' | 'region' | 'credentials'>;

/** An SDK client with the SDK's defaults but no retries. */
export function sdkClient(s3: Reachable): S3Client {
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    // A copy, because the SDK leaves marks on it.
    credentials: { ...s3.credentials },
    forcePathStyle: true,
    maxAttempts: 1,
  });
}

/** Starts an endpoint in a new temporary directory. */
export async function startTestEndpoint(): Promise<TestEndpoint> {
  const dir = mkdtempSync(join(tmpdir(), 'local-s3-test-'));
  const s3 = await startLocalS3({ dir });
  const client = sdkClient(s3);
  return {
    dir,
    s3,
    client,
    async bucket(name, versioning) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      if (versioning !== undefined) {
        const VersioningConfiguration = { Status: versioning };
        await client.send(
          new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }),
        );
      }
      return name;
    },
    async close() {
      client.destroy();
      await s3.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The status and code a failing request was answered with, as `412 PreconditionFailed`. */
export async function failure(request: Promise<unknown>): Promise<string> {
  try {
    await request;
  } catch (error) {
    if (error instanceof S3ServiceException) {
      return `${error.$metadata.httpStatusCode} ${error.name}`;
    }
    throw error;
  }
  return 'none';
}

export interface RawRequest {
  readonly method: string;
  /** Percent-encoded path and query, query sorted. */
  readonly target: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payloadHash?: string;
  /** Milliseconds since the epoch. */
  readonly time?: number;
  readonly secret?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** SHA-256 in hexadecimal. */
export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

export interface SignedParts {
  readonly headers: Record<string, string>;
  readonly signature: string;
  readonly key: Buffer;
  readonly dateTime: string;
  readonly scope: string;
}

/** Signs a request's headers. */
export function sign(s3: Reachable, request: RawRequest): SignedParts {
  const time = request.time ?? Date.now();
  const dateTime = new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const day = dateTime.slice(0, 8);
  const scope = `${day}/${s3.region}/s3/aws4_request`;
  let key = hmac(`AWS4${request.secret ?? s3.credentials.secretAccessKey}`, day);
  for (const part of [s3.region, 's3', 'aws4_request']) key = hmac(key, part);
  const payloadHash = request.payloadHash ?? sha256(request.body ?? '');
  const headers: Record<string, string> = {
    host: new URL(s3.endpoint).host,
    'x-amz-content-sha256': payloadHash,
    'x-amz-date': dateTime,
    ...request.headers,
  };
  const names = Object.keys(headers).toSorted();
  const [path = '', query = ''] = request.target.split('?');
  const canonicalQuery = query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
    .join('&');
  const canonical = `${request.method}\n${path}\n${canonicalQuery}\n${names.map((n) => `${n}:${headers[n]}\n`).join('')}\n${names.join(';')}\n${payloadHash}`;
  const toSign = `AWS4-HMAC-SHA256\n${dateTime}\n${scope}\n${sha256(canonical)}`;
  const signature = hmac(key, toSign).toString('hex');
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${s3.credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { headers, signature, key, dateTime, scope };
}

/** Sends a signed request as it stands. */
export function sendRaw(s3: Reachable, request: RawRequest): Promise<RawAnswer> {
  const { headers } = sign(s3, request);
  const body = Buffer.from(request.body ?? '');
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length =
    'transfer-encoding' in headers
      ? ''
      : `content-length: ${headers['content-length'] ?? body.length}\r\n`;
  const head = `${request.method} ${request.target} HTTP/1.1\r\n${lines.filter((l) => !l.startsWith('content-length')).join('')}${length}connection: close\r\n\r\n`;
  return sendBytes(s3, Buffer.concat([Buffer.from(head, 'latin1'), body]));
}

/** Writes bytes to the endpoint's port and reads until it closes. */
export function sendBytes(s3: Reachable, bytes: Buffer): Promise<RawAnswer> {
  const { hostname, port } = new URL(s3.endpoint);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (data) => chunks.push(data));
    // A reset after the answer is an end like any other.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString('latin1'))));
  });
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(' ')[1] ?? 0), headers, text: text.slice(end + 4) };
}
