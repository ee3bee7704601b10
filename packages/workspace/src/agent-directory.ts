/**
 * The directory of one agent: claimed by the agent itself with its own user, so that nobody else can write
 * in it; attempts in numbered directories, so that a repeated run never mixes its files with those of one
 * that died; and DONE.json, written last, which says which attempt counts and with which hashes.
 * An agent whose DONE.json is absent or does not verify is not done, whatever other files say.
 */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { writeReferenced, type FileReference } from './atomic-file.ts';
import type { RunLayout } from './layout.ts';
import { IntegrityError, readReferenced } from './manifest.ts';

/** More attempts than this in one directory mean a loop, not bad luck. */
const attemptsMax = 1000;

/** Makes the agent's directory, readable by its group; repeating it is fine. Returns its path. */
export async function claimAgentDirectory(layout: RunLayout, agent: string): Promise<string> {
  const path = layout.agent(agent);
  try {
    await mkdir(path, { mode: 0o750 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const found = await stat(path);
    if (!found.isDirectory() || (process.geteuid && found.uid !== process.geteuid())) {
      throw new IntegrityError(`${path} was made by somebody else`, { cause: error });
    }
  }
  return path;
}

export interface Attempt {
  readonly number: number;
  readonly directory: string;
}

/** Makes the next free `attempt-<n>`. Two callers at once get different numbers. */
export async function openAttempt(agentDirectory: string): Promise<Attempt> {
  for (let number = 1; number <= attemptsMax; number++) {
    const directory = join(agentDirectory, `attempt-${number}`);
    try {
      await mkdir(directory, { mode: 0o750 });
      return { number, directory };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new RangeError(
    `${agentDirectory} holds ${attemptsMax} attempts; remove the run and start anew`,
  );
}

/** What DONE.json says: the files that count, and the agent's own summary. */
export interface DoneMarker<Summary> {
  readonly agent: string;
  readonly attempt: number;
  readonly files: readonly FileReference[];
  readonly summary: Summary;
}

/** Writes a file of an attempt and returns its reference, relative to the run directory. */
export async function writeAttemptFile(
  layout: RunLayout,
  attempt: Attempt,
  name: string,
  content: Uint8Array | string,
): Promise<FileReference> {
  const path = relative(layout.directory, join(attempt.directory, name));
  return writeReferenced(layout.directory, path, content);
}

/** The agent's last act. The files must have been written (and synced) before. */
export async function writeDone<Summary>(
  layout: RunLayout,
  marker: DoneMarker<Summary>,
): Promise<FileReference> {
  const path = layout.doneMarker(marker.agent);
  return writeReferenced(layout.directory, path, `${JSON.stringify(marker, null, 2)}\n`);
}

/**
 * Reads DONE.json, checks it against the reference the agent returned (when given) and every file it names.
 * Throws an IntegrityError with the reason when the agent cannot be trusted to be done.
 */
export async function verifyDone<Summary>(
  layout: RunLayout,
  agent: string,
  reference?: FileReference,
): Promise<{ marker: DoneMarker<Summary>; files: ReadonlyMap<string, Buffer> }> {
  const path = layout.doneMarker(agent);
  const bytes = reference
    ? await readReferenced(layout.directory, { ...reference, path })
    : await readMarker(layout, path);
  const marker = JSON.parse(bytes.toString()) as DoneMarker<Summary>;
  const own = `agents/${agent}/`;
  if (marker.agent !== agent || !Array.isArray(marker.files)) {
    throw new IntegrityError(`${path} is not the marker of ${agent}`);
  }
  const files = new Map<string, Buffer>();
  for (const file of marker.files) {
    if (!file.path.startsWith(own)) {
      throw new IntegrityError(`${path} names ${file.path}, which is not ${agent}'s`);
    }
    files.set(
      file.path.slice(file.path.lastIndexOf('/') + 1),
      await readReferenced(layout.directory, file),
    );
  }
  return { marker, files };
}

async function readMarker(layout: RunLayout, path: string): Promise<Buffer> {
  try {
    return await readFile(join(layout.directory, path));
  } catch (error) {
    throw new IntegrityError(`${path} cannot be read`, { cause: error });
  }
}
