/**
 * Small objects to and from the embedded store, beside an HTTP server that stores nothing: the second
 * is what the client alone costs, so the difference is ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Bucket, openBucket } from '@moorage/object-store';
import type { BenchmarkCase, Figures, Prepared } from '../case.ts';

const BODY_BYTES = 2048;
const PARALLEL = 32;

export const localS3: BenchmarkCase = {
  name: 'local-s3',
  title: `Embedded S3: objects of ${BODY_BYTES} bytes, ${PARALLEL} requests at a time`,
  async prepare({ small, directory }): Promise<Prepared> {
    const store = await startStore(join(directory, 'store'));
    const idle = await startIdleServer();
    const credentials = { accessKeyId: store.accessKeyId, secretAccessKey: store.secretAccessKey };
    const location = { bucket: 'bench', region: store.region, credentials };
    const ours = await openBucket({ ...location, endpoint: store.endpoint });
    const { port } = idle.address() as AddressInfo;
    const nothing = await openBucket({ ...location, endpoint: `http://127.0.0.1:${port}` });
    await ours.putBucket();
    await ours.putVersioning('Enabled');
    const count = small ? 200 : 10_000;
    let round = 0;
    return {
      subjects: [
        { name: 'local-s3', round: () => measure(ours, count, `r${round++}/`) },
        { name: 'server doing nothing', round: () => measure(nothing, count, '') },
      ],
      async close() {
        await Promise.all([ours.close(), nothing.close()]);
        idle.close();
        store.child.kill('SIGTERM');
      },
    };
  },
};

async function measure(bucket: Bucket, count: number, prefix: string): Promise<Figures> {
  const body = new Uint8Array(BODY_BYTES).fill(120);
  const putMs = await timed(count, (index) => bucket.put(`${prefix}${index}`, body));
  const getMs = await timed(count, async (index) => {
    const object = await bucket.get(`${prefix}${index}`);
    for await (const chunk of object.body) void chunk;
  });
  return { putsPerSecond: (count * 1000) / putMs, getsPerSecond: (count * 1000) / getMs };
}

async function timed(count: number, work: (index: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return performance.now() - start;
}

async function startStore(directory: string): Promise<{
  child: ChildProcess;
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}> {
  const main = new URL('../../packages/local-s3/dist/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, '--dir', directory, '--exit-with-stdin'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout }))
    return { child, ...JSON.parse(line) };
  throw new Error('the store did not start');
}

async function startIdleServer(): Promise<Server> {
  const body = Buffer.alloc(BODY_BYTES, 120);
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => {
      const answer = request.method === 'GET' ? body : Buffer.alloc(0);
      response.writeHead(200, {
        'content-length': answer.length,
        etag: '"0"',
        'last-modified': new Date(0).toUTCString(),
      });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
