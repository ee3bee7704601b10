import { expect, test } from 'vitest';
import { apply, stored } from './apply.ts';
import { Recovery } from './recovery.ts';
import type { JournalRecord } from './records.ts';
import { State } from './state.ts';

const x = '0f0e0d0c-0000-4000-8000-000000000001';

/** A step, then stopped from outside while the invocation goes on; forgotten in the end. */
const RECORDS: readonly JournalRecord[] = [
  {
    ...{ k: 'start', x, t: 1, n: 1, arn: 'arn', name: 'one', functionName: 'f', version: '1' },
    ...{ functionArn: 'f', timeoutSeconds: 9, timeoutAt: 9001, retentionDays: 1 },
  },
  { k: 'invoke', x, t: 2, n: 2, requestId: 'r' },
  {
    ...{ k: 'checkpoint', x, t: 3, n: 3, secondMs: 1000 },
    updates: [{ Id: 'a', Type: 'STEP', Action: 'SUCCEED', Payload: '"line\\nfeed"' }],
  },
  { k: 'end', x, t: 4, n: 4, status: 'STOPPED', error: { ErrorType: 'Enough' } },
  { k: 'invoked', x, t: 5, n: 5, requestId: 'r', startedAt: 2 },
  { k: 'forget', x, t: 6, n: 6 },
];

function lived(records: readonly JournalRecord[]): State {
  const state = new State();
  for (const record of records) apply(state, structuredClone(record));
  return state;
}

function read(records: readonly JournalRecord[]): State {
  const state = new State();
  const recovery = new Recovery(state);
  for (const record of records) recovery.take(Buffer.from(JSON.stringify(record)));
  recovery.finish();
  return state;
}

test('reading gives what living through it gave, wherever it is cut off', () => {
  for (let count = 1; count < RECORDS.length; count++) {
    const was = lived(RECORDS.slice(0, count)).executions.get(x)!;
    const is = read(RECORDS.slice(0, count)).executions.get(x)!;
    // Before its history is asked for, and after.
    expect([is.status, is.sequence, is.endedAt]).toEqual([was.status, was.sequence, was.endedAt]);
    expect(is.historyText()).toBe(was.historyText());
    expect({ ...is }).toEqual({ ...was });
  }
  expect(read(RECORDS).executions.size).toBe(0);
});

test('what a snapshot contains already is not carried out again', () => {
  const execution = stored(lived(RECORDS.slice(0, 4)).executions.get(x)!);
  const snapshot: JournalRecord = { k: 'state', x, t: 9, n: 4, execution };
  const again = read([snapshot, ...RECORDS.slice(1, 5)]).executions.get(x)!;
  expect(again.historyText()).toBe(lived(RECORDS.slice(0, 5)).executions.get(x)!.historyText());
});
