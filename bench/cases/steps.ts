/**
 * Durable steps as AWS's SDK makes them: worker process, HTTP, journal with fsync. On the standard
 * path through the AWS SDK for Lambda, on the fast path through the worker's own client.
 */
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DurableService, systemClock, systemRandom } from '@moorage/durable';
import { FunctionHost } from '@moorage/functions';
import { build } from 'esbuild';
import type { BenchmarkCase, Figures, Prepared } from '../case.ts';
import { percentile } from '../statistics.ts';

const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:';
/** Functions of the same code, and the client their SDK uses. */
const FUNCTIONS = { 'standard-path': 'sdk', 'fast-path': 'endpoint' };

export const steps: BenchmarkCase = {
  name: 'steps',
  title: 'Durable execution, fsync on',
  async prepare({ small, directory }): Promise<Prepared> {
    const codeDir = await bundle(join(directory, 'code'));
    const host = new FunctionHost({ dir: join(directory, 'functions'), log: () => undefined });
    const service = await DurableService.open({
      dir: join(directory, 'journal'),
      clock: systemClock,
      random: systemRandom,
      log: () => undefined,
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
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (const [name, client] of Object.entries(FUNCTIONS)) {
      host.register({
        ...{ name, arn: ARN + name, version: '$LATEST', handler: 'handler.handler', codeDir },
        ...{ timeoutSeconds: 300, memoryMb: 512, binds: [] },
        env: {
          AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${port}`,
          AWS_REGION: 'us-east-1',
          AWS_ACCESS_KEY_ID: 'bench',
          AWS_SECRET_ACCESS_KEY: 'bench',
          MOORAGE_DURABLE_CLIENT: client,
        },
      });
    }
    const execute = async (functionName: string, count: number): Promise<number[]> => {
      const payload = JSON.stringify(count);
      const { executionArn } = await service.startExecution({ functionName, payload });
      const { result, error } = await service.waitFor(executionArn);
      if (result === undefined) throw new Error(`the workflow failed: ${JSON.stringify(error)}`);
      return JSON.parse(result) as number[];
    };
    const round = async (functionName: string): Promise<Figures> => {
      const stepsMs = await execute(functionName, small ? 20 : 1000);
      const oneStepMs: number[] = [];
      for (let index = 0; index < (small ? 5 : 100); index++) {
        const start = performance.now();
        await execute(functionName, 1);
        oneStepMs.push(performance.now() - start);
      }
      return {
        stepMsMedian: percentile(stepsMs, 0.5),
        stepMsP99: percentile(stepsMs, 0.99),
        oneStepExecutionMsMedian: percentile(oneStepMs, 0.5),
      };
    };
    const names = Object.keys(FUNCTIONS);
    for (const name of names) await round(name);
    return {
      subjects: names.map((name) => ({ name, round: () => round(name) })),
      async close() {
        await service.close();
        await host.close();
        server.close();
      },
    };
  },
};

/** A handler that runs as many steps as its event says and answers how long each took, in ms. */
async function bundle(directory: string): Promise<string> {
  await mkdir(directory);
  await build({
    stdin: {
      contents: `
        import { withDurableExecution } from '@aws/durable-execution-sdk-js';
        export const handler = withDurableExecution(async (count, context) => {
          const tookMs = [];
          for (let index = 0; index < count; index++) {
            const start = performance.now();
            await context.step('step', async () => index);
            tookMs.push(performance.now() - start);
          }
          return tookMs;
        });`,
      resolveDir: new URL('..', import.meta.url).pathname,
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
