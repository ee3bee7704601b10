/**
 * The host dies at every record of a workflow that uses every operation: after each of its journal
 * records, cleanly or in the middle of writing the next one, a new host reads what is there and
 * brings the workflow to its end. The result is right each time, and no step that the journal shows
 * as done runs again.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apply } from './apply.ts';
import { frame, readSegment, SEGMENT_MAGIC } from './journal-format.ts';
import { Recovery } from './recovery.ts';
import type { JournalRecord } from './records.ts';
import { State } from './state.ts';
import {
  CRASH_INPUT,
  CRASH_RESULT,
  crashFunctions,
  doneSteps,
  openCallbacks,
} from './testing/crash-workflow.ts';
import { startLocalHost, VirtualClock } from './testing/index.ts';
import type { LocalHost } from './testing/index.ts';

const START_MS = 1_800_000_000_000;
const BATCH = 10;
let dir: string;

interface Run {
  host: LocalHost;
  clock: VirtualClock;
  effects: string[];
}

async function startHost(journal: string): Promise<Run> {
  const effects: string[] = [];
  const clock = new VirtualClock(START_MS);
  const host = await startLocalHost({
    dir: journal,
    clock,
    functions: (endpoint) =>
      crashFunctions(
        new LambdaClient({
          endpoint,
          region: 'us-east-1',
          credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
        }),
        (step) => effects.push(step),
      ),
  });
  return { host, clock, effects };
}

/** Lets the execution come to its end: answers its callbacks, and moves time on when it sleeps. */
async function finish({ host, clock }: Run, executionArn: string): Promise<void> {
  for (;;) {
    do {
      await new Promise((resolve) => setTimeout(resolve, 1));
    } while (!host.service.idle);
    if (host.service.get(executionArn).status !== 'RUNNING') return;
    const [open] = openCallbacks(host.service.history(executionArn));
    if (open) await host.service.callbacks.succeed(open.id, open.answer);
    else if (!clock.advanceToNext()) throw new Error('asleep for good');
  }
}

let records: object[] = [];
let executionArn = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'crash-matrix-'));
  const journal = join(dir, 'whole');
  const run = await startHost(journal);
  ({ executionArn } = await run.host.service.startExecution({
    functionName: 'workflow',
    payload: JSON.stringify(CRASH_INPUT),
  }));
  await finish(run, executionArn);
  const { result } = await run.host.service.waitFor(executionArn);
  expect(JSON.parse(result!)).toEqual(CRASH_RESULT);
  await run.host.close();
  readSegment(await readFile(join(journal, 'segment-00000001')), (record) =>
    records.push(JSON.parse(String(record)) as object),
  );
});
afterAll(() => rm(dir, { recursive: true }));

test('reading the journal gives the state of having lived through it, after every record', () => {
  for (let count = 1; count <= records.length; count++) {
    const lived = new State();
    const read = new State();
    const recovery = new Recovery(read);
    for (const record of records.slice(0, count)) {
      apply(lived, structuredClone(record) as JournalRecord);
      recovery.take(Buffer.from(JSON.stringify(record)));
    }
    recovery.finish();
    for (const [id, execution] of lived.executions) {
      const other = read.executions.get(id)!;
      expect(other.status).toBe(execution.status);
      expect(other.sequence).toBe(execution.sequence);
      expect(other.historyText()).toBe(execution.historyText());
      expect({ ...other }).toEqual({ ...execution });
    }
    expect(read.executions.size).toBe(lived.executions.size);
  }
});

test('the workflow writes records of every kind', () => {
  const kinds = new Set(records.map((record) => (record as { k: string }).k));
  expect([...kinds].sort()).toEqual([
    'callback',
    'chained',
    'checkpoint',
    'end',
    'invoke',
    'invoked',
    'start',
    'timer',
  ]);
  // The matrix below is laid out before the workflow has run.
  expect(records.length).toBeLessThanOrEqual(BATCH * BATCHES);
  expect(records.length).toBeGreaterThan(50);
});

const BATCHES = 10;

describe.concurrent('cut off after', () => {
  test.for(Array.from({ length: BATCHES }, (_none, batch) => batch))(
    'records of batch %i',
    { timeout: 120_000 },
    async (batch) => {
      for (let kept = batch * BATCH + 1; kept <= (batch + 1) * BATCH; kept++) {
        if (kept > records.length) return;
        await dieAfter(kept);
      }
    },
  );
});

async function dieAfter(kept: number): Promise<void> {
  const journal = join(dir, `cut-${kept}`);
  const frames = records.slice(0, kept).map(frame);
  // Every other time the next record was on its way to the disk.
  if (kept % 2 === 1 && kept < records.length) {
    const next = frame(records[kept]);
    frames.push(next.subarray(0, 1 + ((kept * 7) % (next.length - 1))));
  }
  await mkdir(journal);
  await writeFile(join(journal, 'segment-00000001'), Buffer.concat([SEGMENT_MAGIC, ...frames]));
  const run = await startHost(journal);
  const done = new Set<unknown>();
  for (const { executionArn: arn } of run.host.service.list()) {
    for (const step of doneSteps(run.host.service.history(arn))) done.add(step);
  }
  await finish(run, executionArn);
  const { result, error } = await run.host.service.waitFor(executionArn);
  expect({ kept, error }).toEqual({ kept, error: undefined });
  expect({ kept, result: JSON.parse(result!) as unknown }).toEqual({ kept, result: CRASH_RESULT });
  expect({ kept, again: run.effects.filter((step) => done.has(step)) }).toEqual({
    kept,
    again: [],
  });
  const children = run.host.service.list('child');
  expect({ kept, children: children.length }).toEqual({ kept, children: 1 });
  await run.host.close();
  await rm(journal, { recursive: true });
}
