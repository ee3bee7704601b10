/** A durable execution service with its functions, as a stack has them: real workers, real HTTP, fsync on. */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DurableService, systemClock, systemRandom } from '@moorage/durable';
import { FunctionHost } from '@moorage/functions';
import { build } from 'esbuild';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:';

/**
 * Functions of the same code, by the way their checkpoints go: through the AWS SDK, or through the
 * worker's own client.
 */
export const PATHS = { 'standard-path': 'sdk', 'fast-path': 'endpoint' } as const;
export type PathName = keyof typeof PATHS;

export interface BenchHost {
  /** Runs an execution to its end and gives what its handler returned. */
  execute(path: PathName, input: unknown): Promise<unknown>;
  /** Milliseconds the last invocation of the latest execution took, as its history tells. */
  lastInvocationMs(): number;
  close(): Promise<void>;
}

export interface BenchHostOptions {
  directory: string;
  /** Body of `async (input, context) => { … }`. */
  handler: string;
  /** Workers of each function. */
  concurrency: number;
  /** Divides every wait; default 1. */
  timeScale?: number;
}

export async function startBenchHost(o: BenchHostOptions): Promise<BenchHost> {
  const codeDir = await bundle(join(o.directory, 'code'), o.handler);
  const host = new FunctionHost({ dir: join(o.directory, 'functions'), log: () => undefined });
  const service = await DurableService.open({
    dir: join(o.directory, 'journal'),
    clock: systemClock,
    random: systemRandom,
    log: () => undefined,
    ...(o.timeScale !== undefined && { timeScale: o.timeScale }),
    functions: {
      resolve: (functionName) => ({
        ...{ functionName, version: '$LATEST', functionArn: ARN + functionName },
        durable: { executionTimeoutSeconds: 3600 },
      }),
    },
    invoker: {
      async invoke({ functionName, payload, requestId }) {
        const result = await host.invoke({ functionName, payload, requestId });
        if (!result.functionError) return { payload: result.payload };
        return { error: JSON.parse(Buffer.from(result.payload).toString()) };
      },
    },
  });
  const api = service.api();
  const server = createServer((request, response) => void api(request, response));
  server.keepAliveTimeout = 0;
  service.takeCheckpoints(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const [name, client] of Object.entries(PATHS)) {
    host.register({
      ...{ name, arn: ARN + name, version: '$LATEST', handler: 'handler.handler', codeDir },
      ...{ timeoutSeconds: 300, memoryMb: 512, binds: [], concurrency: o.concurrency },
      env: {
        AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}`,
        AWS_REGION: 'us-east-1',
        AWS_ACCESS_KEY_ID: 'bench',
        AWS_SECRET_ACCESS_KEY: 'bench',
        MOORAGE_DURABLE_CLIENT: client,
      },
    });
  }
  let latest = '';
  return {
    async execute(functionName, input) {
      const payload = JSON.stringify(input);
      const { executionArn } = await service.startExecution({ functionName, payload });
      latest = executionArn;
      const { result, error } = await service.waitFor(executionArn);
      if (result === undefined) throw new Error(`the workflow failed: ${JSON.stringify(error)}`);
      return JSON.parse(result) as unknown;
    },
    lastInvocationMs() {
      const completed = service
        .history(latest)
        .map((event) => event['InvocationCompletedDetails'])
        .findLast((details) => details !== undefined) as Record<
        'StartTimestamp' | 'EndTimestamp',
        number
      >;
      return (completed.EndTimestamp - completed.StartTimestamp) * 1000;
    },
    async close() {
      await service.close();
      await host.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function bundle(directory: string, handler: string): Promise<string> {
  await mkdir(directory);
  await build({
    stdin: {
      contents: `
        import { withDurableExecution } from '@aws/durable-execution-sdk-js';
        export const handler = withDurableExecution(async (input, context) => {${handler}});`,
      resolveDir: import.meta.dirname,
    },
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node24', minify: true },
    banner: {
      js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
    },
    outfile: join(directory, 'handler.mjs'),
    logLevel: 'error',
  });
  return directory;
}
