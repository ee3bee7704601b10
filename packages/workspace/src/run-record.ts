/**
 * run.json: the record of one run, and its source of truth. It has one writer (the orchestrator) and is
 * only ever replaced whole, so a reader at any moment sees a consistent record.
 */
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from './atomic-file.ts';

export type RunStatus = 'running' | 'complete' | 'incomplete' | 'failed';

/** The part that every run has. Applications add fields of their own. */
export interface RunRecord {
  readonly runId: string;
  readonly status: RunStatus;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly updatedAt: number;
}

export async function writeRunRecord<R extends RunRecord>(path: string, record: R): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`);
}

/** Null when the run has no record (yet). Throws on a record that is not JSON of an object. */
export async function readRunRecord<R extends RunRecord>(path: string): Promise<R | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('runId' in value)) {
    throw new TypeError(`${path} is not a run record`);
  }
  return value as R;
}
