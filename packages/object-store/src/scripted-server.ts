/** For tests: an HTTP server whose answer to each request is a function, to misbehave exactly as told. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openBucket } from './open-bucket.ts';
import type { Bucket, BucketLocation } from './bucket.ts';

export type Script = (
  request: IncomingMessage & { received: Buffer },
  response: ServerResponse,
  nth: number,
) => void;

export interface ScriptedServer {
  endpoint: string;
  /** Method and URL of each request, in order. */
  requests: string[];
  /** A bucket on this server whose retries do not wait. */
  bucket: (location?: Partial<BucketLocation>) => Promise<Bucket>;
  close: () => Promise<void>;
}

export async function scriptedServer(script: Script): Promise<ScriptedServer> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      requests.push(`${request.method} ${request.url}`);
      script(
        Object.assign(request, { received: Buffer.concat(chunks) }),
        response,
        requests.length - 1,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const opened: Bucket[] = [];
  return {
    endpoint,
    requests,
    async bucket(location = {}) {
      const bucket = await openBucket({
        bucket: 'b',
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'AKID', secretAccessKey: 'very-secret' },
        clock: { now: () => Date.now(), sleep: () => Promise.resolve() },
        ...location,
      });
      opened.push(bucket);
      return bucket;
    },
    async close() {
      await Promise.all(opened.map((bucket) => bucket.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
