// Which runs there are, and which of them a stack is serving at this moment.
//
// A stack that was killed leaves its endpoint file behind, so the process named there has to exist too.
// Whether it answers is seen when it is asked.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { endpointFile, type EndpointFile } from '@moorage/stack';
import { isRunId } from '@moorage/workspace';
import { usageError } from '../command-line/outcome.ts';
import { runDirectory } from '../review/run-directory.ts';

export interface Run {
  readonly dataDir: string;
  readonly runId: string;
  /** `http://127.0.0.1:port`; undefined when no process serves the run. */
  readonly endpoint: string | undefined;
  /** The state directory of its stack. */
  readonly stack: string;
  /** The directory of its journal, which need not exist. */
  readonly journal: string;
}

/** All runs below the data directory, oldest first. */
export function allRuns(dataDir: string): Run[] {
  const runs = path.join(dataDir, 'runs');
  if (!existsSync(runs)) return [];
  return readdirSync(runs)
    .filter(isRunId)
    .sort()
    .map((runId) => describe(dataDir, runId));
}

/** The run whose id an execution's name or ARN begins with: those of a review are named after it. */
export function runNamedBy(dataDir: string, reference: string): string | undefined {
  const name = /\/durable-execution\/([^/]+)/.exec(reference)?.[1] ?? reference;
  const isOf = ({ runId }: Run): boolean => name === runId || name.startsWith(`${runId}-`);
  return allRuns(dataDir).find(isOf)?.runId;
}

/** Throws a usage error when there is no such run. */
export function oneRun(dataDir: string, runId: string): Run {
  if (!isRunId(runId) || !existsSync(runDirectory(dataDir, runId).path)) {
    const runs = path.join(dataDir, 'runs');
    throw usageError(
      `There is no run ${JSON.stringify(runId)} in ${runs}.`,
      `List them: ls ${runs}`,
    );
  }
  return describe(dataDir, runId);
}

function describe(dataDir: string, runId: string): Run {
  const { stack } = runDirectory(dataDir, runId);
  return {
    dataDir,
    runId,
    endpoint: endpointIn(stack),
    stack,
    journal: path.join(stack, 'executions'),
  };
}

function endpointIn(stateDir: string): string | undefined {
  let file: EndpointFile;
  try {
    file = JSON.parse(readFileSync(endpointFile(stateDir), 'utf8')) as EndpointFile;
  } catch {
    // None, or one that a full disk cut short.
    return undefined;
  }
  return exists(file.pid) ? file.endpoint : undefined;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
