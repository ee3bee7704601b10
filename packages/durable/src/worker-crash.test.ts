/**
 * The worker dies at every event of a workflow that uses every operation, while the host lives: run
 * `n` loses its worker at events n, n + 7, n + 14 … What was given up goes on as a zombie in this
 * process and must not get a word in.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  CRASH_INPUT,
  CRASH_RESULT,
  crashFunctions,
  openCallbacks,
} from './testing/crash-workflow.ts';
import { startLocalHost, VirtualClock, WorkerCrash } from './testing/index.ts';
import type { LocalFunction } from './testing/index.ts';

/** Far enough apart for progress in between: crashes without it fail the execution in the end. */
const APART = 7;

// The SDK of a zombie logs that it was refused.
beforeAll(() => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterAll(() => {
  vi.restoreAllMocks();
});

describe.concurrent('a worker that dies at events', () => {
  test.for(Array.from({ length: APART }, (_none, first) => first))(
    `%i, and every ${APART}th after it`,
    { timeout: 120_000 },
    async (first) => {
      const dir = await mkdtemp(join(tmpdir(), 'worker-crash-'));
      const { kills, again } = await runWithCrashes(dir, first);
      expect(kills).toBeGreaterThan(3);
      expect(again).toEqual([]);
      await rm(dir, { recursive: true });
    },
  );
});

async function runWithCrashes(
  dir: string,
  first: number,
): Promise<{ kills: number; again: string[] }> {
  const kill = new Map<string, (error: WorkerCrash) => void>();
  const done = new Set<unknown>();
  const again: string[] = [];
  let kills = 0;
  let events = 0;
  const mortal = (name: string, { handler, ...rest }: LocalFunction): LocalFunction => ({
    ...rest,
    handler: (event, context) => {
      const working = handler(event, context);
      working.catch(() => {});
      return Promise.race([
        working,
        new Promise((_resolve, reject) => {
          kill.set(name, reject);
        }),
      ]);
    },
  });
  const clock = new VirtualClock(1_800_000_000_000);
  const host = await startLocalHost({
    dir,
    clock,
    functions(endpoint) {
      const client = new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      });
      const functions = crashFunctions(client, (step) => {
        if (done.has(step)) again.push(step);
      });
      return Object.fromEntries(
        Object.entries(functions).map(([name, one]) => [name, mortal(name, one)]),
      );
    },
  });
  host.service.watch(({ functionName, event }) => {
    if (event.EventType === 'StepSucceeded') done.add(event.Name);
    if (event.EventType === 'InvocationCompleted') kill.delete(functionName);
    if (events++ % APART !== first) return;
    const dying = kill.get(functionName);
    if (!dying) return;
    kill.delete(functionName);
    kills++;
    dying(new WorkerCrash());
  });
  const { executionArn } = await host.service.startExecution({
    functionName: 'workflow',
    payload: JSON.stringify(CRASH_INPUT),
  });
  for (;;) {
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (!host.service.idle);
    if (host.service.get(executionArn).status !== 'RUNNING') break;
    const [open] = openCallbacks(host.service.history(executionArn));
    if (open) await host.service.callbacks.succeed(open.id, open.answer);
    else if (!clock.advanceToNext()) throw new Error('asleep for good');
  }
  const { result, error } = await host.service.waitFor(executionArn);
  expect(error).toBeUndefined();
  expect(JSON.parse(result!)).toEqual(CRASH_RESULT);
  await host.close();
  return { kills, again };
}
