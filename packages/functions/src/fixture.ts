/** For tests: a host on a directory of its own, and functions written on the spot. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { FunctionConfiguration } from './function-configuration.ts';
import { FunctionHost, type FunctionHostOptions } from './function-host.ts';
import type { InvocationRequest, InvocationResult } from './invocation.ts';

export interface Fixture {
  dir: string;
  host: FunctionHost;
  /** Lines of the host's own log. */
  hostLog: string[];
  /** Writes `source` as `index.mjs` of a function and registers it. */
  define(name: string, source: string, more?: Partial<FunctionConfiguration>): void;
  invoke(
    name: string,
    event?: unknown,
    more?: Partial<InvocationRequest>,
  ): Promise<InvocationResult & { value: unknown }>;
  /** A new host on the same directory, after closing this one. */
  restart(options?: Partial<FunctionHostOptions>): Promise<void>;
  close(): Promise<void>;
}

export function openFixture(options: Partial<FunctionHostOptions> = {}): Fixture {
  const dir = mkdtempSync(join(tmpdir(), 'moorage-functions-'));
  const hostLog: string[] = [];
  const open = (more: Partial<FunctionHostOptions>): FunctionHost =>
    new FunctionHost({
      dir: join(dir, 'host'),
      log: (level, message, fields) =>
        void hostLog.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
      ...options,
      ...more,
    });
  const fixture: Fixture = {
    dir,
    host: open({}),
    hostLog,
    define(name, source, more = {}) {
      const codeDir = join(dir, 'code', name, more.version ?? 'latest');
      mkdirSync(codeDir, { recursive: true });
      writeFileSync(join(codeDir, 'index.mjs'), source);
      fixture.host.register(configuration(name, codeDir, more));
    },
    async invoke(name, event = {}, more = {}) {
      const payload = Buffer.from(JSON.stringify(event));
      const result = await fixture.host.invoke({ functionName: name, payload, ...more });
      return { ...result, value: JSON.parse(Buffer.from(result.payload).toString()) as unknown };
    },
    async restart(more = {}) {
      await fixture.host.close();
      fixture.host = open(more);
    },
    async close() {
      await fixture.host.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return fixture;
}

export function configuration(
  name: string,
  codeDir: string,
  more: Partial<FunctionConfiguration> = {},
): FunctionConfiguration {
  return {
    name,
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    version: '$LATEST',
    handler: 'index.handler',
    codeDir,
    env: {},
    timeoutSeconds: 60,
    memoryMb: 256,
    binds: [],
    ...more,
  };
}

/** Processes of this machine whose command line contains `text`. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Polls until `condition` holds; fails after 20 seconds. */
export async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 20_000; waited += 20) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error('it never became true');
}
