// The report of a run, out of the workspace into directories of the user's.
import path from 'node:path';
import type { Stack } from '@moorage/stack';
import { copyFiles, isThere } from './workspace-files.ts';

export const ORCHESTRATOR_ACCESS = 'OrchestratorAccess';
const REPORT_FILES = ['report.md', 'report.sarif', 'findings.json'];

/** Copies the report of `runId` to the directories, which are made. False when there is none yet. */
export async function copyReport(
  stack: Stack,
  runId: string,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const workspace = stack.accessPointDirectory(ORCHESTRATOR_ACCESS);
  const source = path.join(workspace, runId, 'report');
  if (!(await isThere(path.join(source, 'report.md'), signal))) return false;
  const [own = '', ...others] = directories;
  await copyFiles(source, REPORT_FILES, own, signal);
  for (const directory of others) await copyFiles(own, REPORT_FILES, directory, signal);
  return true;
}
