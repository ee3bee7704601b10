// The executions of a run that no process serves, read from a copy of its journal.
//
// A copy, because opening a journal writes to it: what was cut off is noted, a torn tail is set aside.
// The run is to find its journal as it left it. On the copy time stands still at the last write, and no
// invocation ever ends, so that nothing happens that has not happened in the run.
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { DurableService, JournalError, systemRandom } from '@moorage/durable';
import { CommandError, EXIT } from '../command-line/outcome.ts';
import type { Run } from './runs.ts';

export interface EndedRun {
  /** Serves the management API. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Throws when the journal is damaged; a run that never got as far as having one has no executions. */
export async function openEndedRun(run: Run, note: (line: string) => void): Promise<EndedRun> {
  const copy = mkdtempSync(path.join(os.tmpdir(), 'moorage-journal-'));
  const remove = (): void => rmSync(copy, { recursive: true, force: true });
  try {
    if (existsSync(run.journal)) {
      cpSync(run.journal, copy, {
        recursive: true,
        preserveTimestamps: true,
        filter: (file) => path.basename(file) !== 'lock',
      });
    }
    const service = await openStill(copy);
    if (service.recovery.tornTail)
      note(`moorage: the journal of run ${run.runId} ends in a write that was cut off.`);
    const { endpoint, close } = await serve(service);
    return {
      endpoint,
      close: async () => {
        await close();
        await service.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    if (!(error instanceof JournalError)) throw error;
    throw new CommandError(EXIT.incomplete, error.message.replaceAll(copy, run.journal));
  }
}

function openStill(dir: string): Promise<DurableService> {
  const lastWrite = Math.max(
    0,
    ...readdirSync(dir).map((name) => Math.floor(statSync(path.join(dir, name)).mtimeMs)),
  );
  return DurableService.open({
    dir,
    clock: { now: () => lastWrite, after: () => () => {} },
    random: systemRandom,
    log: () => {},
    invoker: { invoke: () => new Promise(() => {}) },
    functions: {
      // Whatever an execution has called was there; this only keeps it from being reported missing.
      resolve: (functionName, version) => ({
        functionName,
        version: version ?? '$LATEST',
        functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
        durable: { executionTimeoutSeconds: 1 },
      }),
    },
  });
}

async function serve(
  service: DurableService,
): Promise<{ endpoint: string; close(): Promise<void> }> {
  const api = service.api();
  // `import 'node:http'` would read its every export, and one of them loads all of fetch: 50 ms.
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer((req, res) => {
    if (!api(req, res)) res.writeHead(404).end('{}');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
