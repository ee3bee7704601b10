import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DurableService, systemClock, systemRandom } from '@moorage/durable';
import { FunctionHost } from '@moorage/functions';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ARN = 'arn:aws:lambda:us-east-1:123456789012:function:agent';
const HANDLER = fileURLToPath(new URL('./crashing-agent-fixture.ts', import.meta.url));

let dir: string;
let ledger: string;
let server: Server;
let host: FunctionHost;
let service: DurableService;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'durable-agent-'));
  ledger = join(dir, 'ledger');
  writeFileSync(ledger, '');
  server = createServer((req, res) => {
    if (!service.api()(req, res)) res.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const codeDir = join(dir, 'code');
  mkdirSync(codeDir);
  writeFileSync(join(codeDir, 'index.mjs'), `export { handler } from ${JSON.stringify(HANDLER)};`);
  host = new FunctionHost({ dir: join(dir, 'host'), log: () => {} });
  host.register({
    name: 'agent',
    arn: ARN,
    version: '1',
    handler: 'index.handler',
    codeDir,
    env: {
      LEDGER: ledger,
      AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    },
    timeoutSeconds: 60,
    memoryMb: 512,
    binds: [],
  });
  service = await DurableService.open({
    dir: join(dir, 'durable'),
    clock: systemClock,
    random: systemRandom,
    log: () => {},
    timeScale: 50,
    invoker: { invoke: (request) => invoke(request) },
    functions: {
      resolve: () => ({
        functionName: 'agent',
        version: '1',
        functionArn: ARN,
        durable: { executionTimeoutSeconds: 1_000_000 },
      }),
    },
  });
});

afterEach(async () => {
  await service.close();
  await host.close();
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true });
});

async function invoke(request: { payload: Uint8Array; requestId: string }) {
  const { payload, functionError } = await host.invoke({ functionName: 'agent', ...request });
  if (functionError === undefined) return { payload };
  const error = JSON.parse(Buffer.from(payload).toString()) as {
    errorType: string;
    errorMessage: string;
  };
  return { error };
}

test('a worker killed in mid-run costs what was under way and nothing else', async () => {
  const { executionArn } = await service.startExecution({ functionName: 'agent', payload: '{}' });
  const result = await service.waitFor(executionArn);
  expect(result.error).toBeUndefined();
  expect(JSON.parse(result.result!)).toEqual({
    text: 'finished',
    usage: { inputTokens: 40, outputTokens: 20, totalTokens: 60 },
  });
  // The worker died in the tool `die` and in turn 2: these two ran twice, in two further workers.
  expect(readFileSync(ledger, 'utf8').trim().split('\n')).toEqual([
    'turn 0',
    'tool one',
    'turn 1',
    'tool die',
    'tool die',
    'turn 2',
    'turn 2',
    'tool two',
    'turn 3',
  ]);
});
