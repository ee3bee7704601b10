/**
 * The whole way from a request to a snapshot: locate, fetch one commit, screen its tree, write its files.
 * Temporary things are outside the workspace and removed whatever happens.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReviewLimits, ReviewRequest } from '../events.ts';
import { failure } from '../failure.ts';
import { fetchCommit } from './fetch.ts';
import { isolatedGit } from './git.ts';
import { checkRevision, locateRepository } from './location.ts';
import { writeSnapshot, type Snapshot } from './snapshot.ts';
import { screenTree } from './tree.ts';

export interface Clone extends Snapshot {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
}

export interface CloneOptions {
  readonly request: Pick<ReviewRequest, 'url' | 'path' | 'revision' | 'displayName'>;
  readonly workspaceRoot: string;
  /** An existing empty directory that only we can write. */
  readonly source: string;
  readonly limits: ReviewLimits;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Throws a ReviewFailure for everything that a user can cause. */
export async function cloneRepository(options: CloneOptions): Promise<Clone> {
  const { request, limits } = options;
  const location = await locateRepository(request, options.workspaceRoot);
  const revision = request.revision ?? 'HEAD';
  checkRevision(revision);
  const home = await mkdtemp(join(tmpdir(), 'moorage-clone-'));
  const signal = AbortSignal.timeout(limits.cloneSecondsMax * 1000);
  try {
    const git = await isolatedGit(home, options.environment);
    const { gitDirectory, commit } = await fetchCommit(git, location, revision, limits, signal);
    const tree = await screenTree(git, gitDirectory, commit, limits, signal);
    const snapshot = await writeSnapshot(git, gitDirectory, tree, options.source, signal);
    return { repository: location.display, revision, commit, ...snapshot };
  } catch (error) {
    if (signal.aborted && !(error instanceof Error && error.name === 'CloneTimedOut')) {
      throw failure(
        'CloneTimedOut',
        `Cloning ${location.display} took longer than ${limits.cloneSecondsMax} s.`,
        'Try again, or raise the limit cloneSecondsMax.',
        error,
      );
    }
    throw error;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
