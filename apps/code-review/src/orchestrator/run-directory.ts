/**
 * The run directory and who may write in it. Order matters: the reviewers make their directories while
 * agents/ is open to the group and none of them has read a byte of the reviewed repository; sealing closes
 * agents/, so from then on each reviewer can write in its own directory and nowhere else.
 */
import { chmod, lstat, mkdir, rm } from 'node:fs/promises';
import { readRunRecord, writeRunRecord, type RunLayout, type RunRecord } from '@moorage/workspace';
import type { ReviewerName, ReviewLimits, ReviewResult } from '../events.ts';
import { failure, ReviewFailure, type FailureReport } from '../failure.ts';

/** run.json of a review. */
export interface ReviewRecord extends RunRecord {
  readonly executionArn: string;
  readonly repository: string;
  readonly revision: string;
  readonly model: string | null;
  readonly limits: ReviewLimits;
  readonly commit?: string;
  readonly result?: ReviewResult;
  readonly failure?: FailureReport;
}

/** Sticky and open to the group: whoever makes a name there owns it. */
const openMode = 0o1770;
const sealedMode = 0o750;

/** Makes the run directory. Repeating it in the same execution is fine; a run id is used only once. */
export async function openRunDirectory(layout: RunLayout, record: ReviewRecord): Promise<void> {
  try {
    await makeDirectory(layout.directory);
    const former = await readRunRecord<ReviewRecord>(layout.record);
    if (former !== null && former.executionArn !== record.executionArn) {
      throw failure(
        'BadRequest',
        `Run ${layout.runId} exists already.`,
        'Start each review with a new run id.',
      );
    }
    await makeDirectory(layout.agents);
    await chmod(layout.agents, openMode);
    await writeRunRecord(layout.record, record);
  } catch (error) {
    throw notWritable(layout.directory, error);
  }
}

/** An empty source/, whatever an interrupted clone has left. */
export async function emptySource(layout: RunLayout): Promise<void> {
  try {
    await rm(layout.source, { recursive: true, force: true });
    await mkdir(layout.source, { mode: 0o750 });
  } catch (error) {
    throw notWritable(layout.source, error);
  }
}

/** Closes agents/. Throws when a claimed directory is not there or is not a directory. */
export async function sealRunDirectory(
  layout: RunLayout,
  claimed: readonly ReviewerName[],
): Promise<void> {
  await chmod(layout.agents, sealedMode);
  for (const name of claimed) {
    const found = await lstat(layout.agent(name));
    if (!found.isDirectory()) throw new Error(`${layout.agent(name)} is not a directory`);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Leaves failures and surprises alone; names the remedy for what permissions and space can cause. */
export function notWritable(path: string, error: unknown): unknown {
  if (error instanceof ReviewFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return failure(
        'WorkspaceNotWritable',
        `The orchestrator may not write ${path} (${code}).`,
        'Check the access point: its user must own the root directory, and the mount must not be read-only.',
        error,
      );
    case 'ENOENT':
      return failure(
        'WorkspaceNotWritable',
        `The workspace of ${path} is not there.`,
        'Check that the file system is mounted at the path in WORKSPACE.',
        error,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return failure(
        'WorkspaceNotWritable',
        `There is no space left for ${path}.`,
        'Free space or review a smaller repository.',
        error,
      );
    default:
      return error;
  }
}
