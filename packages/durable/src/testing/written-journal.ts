/**
 * Journals as the service would have written them, made at once: to measure what a restart takes
 * and what executions cost that only wait.
 */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { executionArn } from '../arn.ts';
import { frame, SEGMENT_MAGIC } from '../journal-format.ts';
import type { NewRecord } from '../records.ts';

const FUNCTION_ARN = 'arn:aws:lambda:us-east-1:123456789012:function:work';
const STARTED_AT = 1_700_000_000_000;
const YEAR_SECONDS = 31_536_000;
const SLICE_FRAMES = 10_000;

/** `count` executions, each with `steps` steps behind it, that have succeeded or sleep for a year. */
export interface WrittenJournal {
  dir: string;
  executions: number;
  steps: number;
  end: 'succeeded' | 'sleeping';
}

/** Returns how many records were written. */
export async function writeJournal(o: WrittenJournal): Promise<number> {
  await mkdir(o.dir, { recursive: true });
  const file = await open(join(o.dir, 'segment-00000001'), 'wx');
  let records = 0;
  try {
    await file.write(SEGMENT_MAGIC);
    let slice: Buffer[] = [];
    for (const record of recordsOf(o)) {
      slice.push(frame(record));
      records++;
      if (slice.length < SLICE_FRAMES) continue;
      await file.write(Buffer.concat(slice));
      slice = [];
    }
    await file.write(Buffer.concat(slice));
  } finally {
    await file.close();
  }
  return records;
}

function* recordsOf(o: WrittenJournal): Iterable<NewRecord & { n: number }> {
  for (let execution = 0; execution < o.executions; execution++) {
    let n = 0;
    for (const record of executionRecords(o, id('e', execution))) yield { ...record, n: ++n };
  }
}

function* executionRecords(o: WrittenJournal, x: string): Iterable<NewRecord> {
  const t = STARTED_AT;
  const requestId = id('r', 1);
  yield {
    ...{ k: 'start', x, t, name: x, functionName: 'work', version: '1', functionArn: FUNCTION_ARN },
    arn: executionArn({ functionArn: FUNCTION_ARN, version: '1', name: x, id: x }),
    input: '{"order":4711}',
    ...{ timeoutSeconds: YEAR_SECONDS * 10, timeoutAt: t + YEAR_SECONDS * 10_000 },
    retentionDays: 90,
  };
  yield { k: 'invoke', x, t, requestId };
  for (let step = 0; step < o.steps; step++) {
    yield checkpoint(x, t, {
      ...{ Id: id('', step), Type: 'STEP', SubType: 'Step', Action: 'SUCCEED', Name: 'charge' },
      ...{ Payload: '{"charged":true,"cents":1250}', started: true },
    });
  }
  if (o.end === 'sleeping') {
    yield checkpoint(x, t, {
      ...{ Id: id('', o.steps), Type: 'WAIT', SubType: 'Wait', Action: 'START', Name: 'sleep' },
      WaitOptions: { WaitSeconds: YEAR_SECONDS },
    });
    yield { k: 'invoked', x, t, requestId, startedAt: t };
  } else {
    yield { k: 'invoked', x, t, requestId, startedAt: t };
    yield { k: 'end', x, t, status: 'SUCCEEDED', result: '{"charged":true}' };
  }
}

function checkpoint(
  x: string,
  t: number,
  update: Extract<NewRecord, { k: 'checkpoint' }>['updates'][number],
): NewRecord {
  return { k: 'checkpoint', x, t, secondMs: 1000, updates: [update] };
}

/** 16 hexadecimal digits, as the ids of operations. */
function id(prefix: string, number: number): string {
  return prefix + number.toString(16).padStart(16 - prefix.length, '0');
}
