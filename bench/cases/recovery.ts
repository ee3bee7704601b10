/** Opening a long journal, and what executions cost that only wait. Each in a process of its own. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeJournal } from '@moorage/durable/testing';
import type { BenchmarkCase, Prepared } from '../case.ts';

const RECORDS_EACH = 500;
/** Of the records of an execution, those that are no steps. */
const RECORDS_AROUND = 4;

const opener = new URL('../durable/open-journal.ts', import.meta.url).pathname;

interface Opened {
  openMs: number;
  records: number;
  executions: number;
  heldBytes: number;
}

export const recovery: BenchmarkCase = {
  name: 'recovery',
  title: 'Durable execution: a journal of a million records, and executions that sleep',
  async prepare({ small, directory }): Promise<Prepared> {
    const long = join(directory, 'long');
    await writeJournal({
      ...{ dir: long, executions: small ? 2 : 2000, end: 'succeeded' },
      steps: RECORDS_EACH - RECORDS_AROUND,
    });
    const sleeping = join(directory, 'sleeping');
    await writeJournal({
      ...{ dir: sleeping, executions: small ? 100 : 20_000, steps: 2, end: 'sleeping' },
    });
    return {
      subjects: [
        {
          name: 'long journal',
          async round() {
            const { openMs, records } = await opened(long);
            return { openMs, records };
          },
        },
        {
          name: 'sleeping executions',
          async round() {
            const { executions, heldBytes, openMs } = await opened(sleeping);
            return { executions, heldBytesEach: heldBytes / executions, openMs };
          },
        },
      ],
      close: () => rm(directory, { recursive: true, force: true }),
    };
  },
};

async function opened(dir: string): Promise<Opened> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', opener, dir]);
  return JSON.parse(stdout) as Opened;
}
