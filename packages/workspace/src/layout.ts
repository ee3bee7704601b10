/**
 * Where things are in a run. Every other file of this package and of its users takes paths from here.
 *
 *   <root>/<runId>/run.json            the record, replaced atomically
 *                 /source/             the snapshot; only the orchestrator can write it
 *                 /manifest.json       what is in source/, with hashes, and what was left out
 *                 /agents/<name>/attempt-<n>/   one attempt's working files
 *                 /agents/<name>/DONE.json      written last; absent means not done
 *                 /report/             published whole by one rename
 *                 /locks/              leases
 */
import { join } from 'node:path';
import { isRunId } from './run-id.ts';

export interface RunLayout {
  readonly runId: string;
  readonly directory: string;
  readonly record: string;
  readonly source: string;
  readonly manifest: string;
  readonly agents: string;
  readonly report: string;
  readonly locks: string;
  agent(name: string): string;
  /** Relative to the run directory, as in a FileReference. */
  doneMarker(name: string): string;
}

/** Throws a RangeError for a run id that `newRunId` cannot have made: it would become part of a path. */
export function runLayout(root: string, runId: string): RunLayout {
  if (!isRunId(runId)) {
    throw new RangeError(
      `not a run id: ${JSON.stringify(runId.slice(0, 64))}; make one with newRunId()`,
    );
  }
  const directory = join(root, runId);
  return {
    runId,
    directory,
    record: join(directory, 'run.json'),
    source: join(directory, 'source'),
    manifest: join(directory, 'manifest.json'),
    agents: join(directory, 'agents'),
    report: join(directory, 'report'),
    locks: join(directory, 'locks'),
    agent: (name) => join(directory, 'agents', agentName(name)),
    doneMarker: (name) => `agents/${agentName(name)}/DONE.json`,
  };
}

function agentName(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw new RangeError(`not an agent's name: ${JSON.stringify(name.slice(0, 64))}`);
  }
  return name;
}
