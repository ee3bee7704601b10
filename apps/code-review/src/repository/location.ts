/**
 * Where a repository is, judged before git sees it: the schemes that are spoken, nothing that git would
 * take for an option, nothing outside the workspace for a path, and a form without secrets for reports.
 */
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { ReviewRequest } from '../events.ts';
import { failure } from '../failure.ts';

export interface RepositoryLocation {
  /** What git is given. */
  readonly remote: string;
  /** A bundle has no depth to limit and is not asked for commits by id. */
  readonly kind: 'repository' | 'bundle';
  /** What people read: no user, password or token. */
  readonly display: string;
}

const scpLike = /^(?:[\w.-]+@)?[\w][\w.-]*:(?!\/\/)[^\s-][^\s]*$/;
const revisionPattern = /^[\w@+{][\w./@{}~^+:#=,-]{0,254}$/;

/** Throws a ReviewFailure BadRequest for anything that is not a repository we may ask for. */
export async function locateRepository(
  request: Pick<ReviewRequest, 'url' | 'path' | 'displayName'>,
  workspaceRoot: string,
): Promise<RepositoryLocation> {
  if ((request.url === undefined) === (request.path === undefined)) {
    throw failure(
      'BadRequest',
      'A review needs exactly one of url and path.',
      'Give the address of the repository, or its path in the workspace.',
    );
  }
  if (request.path !== undefined) return locatePath(request.path, request, workspaceRoot);
  const url = request.url ?? '';
  // oxlint-disable-next-line no-control-regex -- exactly these characters are refused
  if (/[\u0000-\u0020\u007f]/.test(url) || url.startsWith('-') || url.length > 2048) {
    throw failure(
      'BadRequest',
      'The address of the repository holds characters that no address holds.',
      'Copy it from the page of the repository again.',
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined && scpLike.test(url) && !url.includes('::')) {
    return { remote: url, kind: 'repository', display: request.displayName ?? withoutUser(url) };
  }
  if (scheme !== 'https' && scheme !== 'ssh' && scheme !== 'file') {
    throw failure(
      'BadRequest',
      scheme === undefined
        ? `${JSON.stringify(url)} is not the address of a repository.`
        : `Repositories are not read over ${scheme}.`,
      'Use an address that starts with https://, ssh:// or file://.',
    );
  }
  return { remote: url, kind: 'repository', display: request.displayName ?? withoutUser(url) };
}

async function locatePath(
  path: string,
  request: Pick<ReviewRequest, 'displayName'>,
  workspaceRoot: string,
): Promise<RepositoryLocation> {
  const root = await realpath(workspaceRoot);
  let found: string;
  try {
    found = await realpath(join(root, path));
  } catch (error) {
    throw failure(
      'RepositoryNotFound',
      `There is no ${JSON.stringify(path)} in the workspace.`,
      'Put the repository or bundle there first, or give its address as url.',
      error,
    );
  }
  if (!found.startsWith(root + sep)) {
    throw failure(
      'BadRequest',
      `${JSON.stringify(path)} leads out of the workspace.`,
      'Give a path below the workspace.',
    );
  }
  const kind = (await stat(found)).isDirectory() ? 'repository' : 'bundle';
  const remote = kind === 'repository' ? `file://${encodeURI(found)}` : found;
  return { remote, kind, display: request.displayName ?? path };
}

/** Throws a ReviewFailure BadRequest for a revision that git could take for something else. */
export function checkRevision(revision: string): void {
  if (!revisionPattern.test(revision) || revision.includes('..')) {
    throw failure(
      'BadRequest',
      `${JSON.stringify(revision.slice(0, 80))} is not a branch, tag or commit.`,
      'Name one revision, for example main, v1.2.0 or a commit id.',
    );
  }
}

/** An address as people may read it: without user, password, query. */
export function withoutUser(url: string): string {
  return url.replace(/^([a-z+.-]+:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/, '');
}

/** Removes user and password from addresses in a text that came from git. */
export function redact(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@']*@/gi, '$1');
}
