// The directory of one run: how it was asked for, and everything it needs to be finished later.
//
//   <data>/runs/<runId>/request.json   what was asked; --resume starts from it
//                      /stack/         store, file system, journal, mount point
//                      /incoming.git   the repository, when it is handed in from this machine
//                      /report/        copy of the report, once there is one
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { ReviewRequest } from '@moorage/code-review';
import { isRunId } from '@moorage/workspace';
import { CommandError, usageError } from '../command-line/outcome.ts';

export interface GivenBucket {
  readonly bucket: string;
  /** Empty, or ends in `/`. */
  readonly prefix: string;
  readonly endpoint?: string;
  readonly region?: string;
}

/** Content of request.json. Its directory is closed to others: an address may hold a password. */
export interface RunRequest {
  readonly format: 1;
  readonly createdAt: number;
  /** The address, or the absolute path, of the repository. */
  readonly repository: string;
  readonly revision?: string;
  readonly model?: string;
  /** The orchestrator's event, once it is settled. The same again finds the same execution. */
  readonly event?: ReviewRequest;
  readonly bucket?: GivenBucket;
  /** Set once its report is in the bucket and nothing of it runs any more. Milliseconds since the epoch. */
  readonly finishedAt?: number;
}

export interface RunDirectory {
  readonly runId: string;
  readonly path: string;
  readonly stack: string;
  readonly incoming: string;
  readonly report: string;
}

export function runDirectory(dataDir: string, runId: string): RunDirectory {
  const directory = path.join(dataDir, 'runs', runId);
  return {
    runId,
    path: directory,
    stack: path.join(directory, 'stack'),
    incoming: path.join(directory, 'incoming.git'),
    report: path.join(directory, 'report'),
  };
}

/** Its time of change says when the run was last used. */
export function requestFile(run: RunDirectory): string {
  return path.join(run.path, 'request.json');
}

/** Makes the directory if need be and writes the request, whole or not at all. */
export function saveRequest(run: RunDirectory, request: RunRequest): void {
  try {
    makeDirectory(run.path, 0o700);
    const file = requestFile(run);
    writeFileSync(`${file}.new`, JSON.stringify(request, null, 1), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(
      `The run directory ${run.path} cannot be written (${code}).`,
      'Choose another place with --data-dir, or free space there.',
    );
  }
}

/** Before anything is started, so that a review is not lost for want of a place to put its report. */
export function prepareOutput(directory: string): void {
  try {
    makeDirectory(directory, 0o777);
    accessSync(directory, constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usageError(
      `--output ${directory} cannot be written (${code}).`,
      'Choose another directory.',
    );
  }
}

/**
 * Makes it and its parents. Not by the `recursive` of mkdirSync, which never returns where a parent exists in which
 * nothing can be made (ENOENT), as in /proc or below an automounter's directory.
 */
function makeDirectory(directory: string, mode: number): void {
  if (existsSync(directory)) return;
  const parent = path.dirname(directory);
  if (parent !== directory) makeDirectory(parent, mode);
  try {
    mkdirSync(directory, { mode });
  } catch (error) {
    // Another review may have made it just now.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !existsSync(directory)) throw error;
  }
}

/** The run has nothing left to be resumed. If that cannot be written, it is only kept longer. */
export function markFinished(run: RunDirectory, nowMs: number): void {
  const request = JSON.parse(readFileSync(requestFile(run), 'utf8')) as RunRequest;
  try {
    saveRequest(run, { ...request, finishedAt: nowMs });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
}

/** Reads the request of an earlier run. */
export function openRun(
  dataDir: string,
  runId: string,
): { run: RunDirectory; request: RunRequest } {
  const runs = path.join(dataDir, 'runs');
  const run = runDirectory(dataDir, runId);
  const file = requestFile(run);
  if (!isRunId(runId) || !existsSync(file)) {
    throw usageError(
      `There is no run ${JSON.stringify(runId)} in ${runs}.`,
      `List them: ls ${runs}`,
    );
  }
  return { run, request: JSON.parse(readFileSync(file, 'utf8')) as RunRequest };
}
