// What is to be reviewed, judged before anything is started: schemes that are spoken, nothing that git
// or ssh could take for an option, and a form without secrets for people to read.
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { usageError } from '../command-line/outcome.ts';

export type Target =
  | { readonly kind: 'local'; readonly directory: string; readonly display: string }
  | { readonly kind: 'remote'; readonly url: string; readonly display: string };

const SCP_LIKE = /^(?:([\w.-]+)@)?([\w][\w.-]*):(?!\/\/)([^\s-][^\s]*)$/;
const REVISION = /^[\w@+{][\w./@{}~^+:#=,-]{0,254}$/;
/** Everything git runs a program for. */
const TRANSPORT_HELPER = /^[\w.+-]+::/;

/** Throws a usage error for what is neither a repository's address nor a directory. */
export function parseTarget(text: string, workingDirectory: string): Target {
  // oxlint-disable-next-line no-control-regex -- exactly these characters are refused
  if (/[\u0000-\u001f\u007f]/.test(text) || text === '' || text.length > 2048) {
    throw usageError('The repository must be given as one address or path.');
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return parseUrl(scheme, text);
  const directory = path.resolve(workingDirectory, text);
  if (existsSync(directory)) return localTarget(directory, text);
  if (TRANSPORT_HELPER.test(text)) throw refusedScheme(text.slice(0, text.indexOf('::')));
  const scp = SCP_LIKE.exec(text);
  if (scp?.[2] !== undefined && !text.startsWith('-')) {
    return { kind: 'remote', url: text, display: `${scp[2]}:${scp[3]}` };
  }
  throw usageError(
    `There is no file or directory ${JSON.stringify(text)}, and it is not the address of a repository.`,
    'Give a path to a git repository, or an address that starts with https:// or ssh://.',
  );
}

/** Throws a usage error for a revision that git could take for something else. */
export function checkRevision(revision: string): void {
  if (REVISION.test(revision) && !revision.includes('..')) return;
  throw usageError(
    `${JSON.stringify(revision.slice(0, 80))} is not a branch, tag or commit.`,
    'Name one revision, for example --revision main, v1.2.0 or a commit id.',
  );
}

function parseUrl(scheme: string, text: string): Target {
  if (scheme !== 'https' && scheme !== 'ssh' && scheme !== 'file') throw refusedScheme(scheme);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usageError(`${JSON.stringify(text)} is not a valid address.`, 'Check its spelling.');
  }
  if (scheme === 'file') return localTarget(filePath(url, text), text);
  const parts = [url.hostname, decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const option = parts.some((part) => part.startsWith('-'));
  if (option || url.hostname === '' || /^\/*-/.test(url.pathname) || /\s/.test(text)) {
    throw usageError(
      `${JSON.stringify(withoutUser(text))} is refused: a part of it would be taken for an option.`,
      'Check the address: host, user and path must not start with a dash.',
    );
  }
  return { kind: 'remote', url: text, display: withoutUser(text) };
}

function filePath(url: URL, text: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    throw usageError(`${JSON.stringify(text)} names no path of this machine.`);
  }
}

function localTarget(directory: string, text: string): Target {
  if (!existsSync(directory)) {
    throw usageError(`There is no file or directory ${JSON.stringify(text)}.`, 'Check the path.');
  }
  const real = realpathSync(directory);
  return { kind: 'local', directory: real, display: real };
}

function refusedScheme(scheme: string): Error {
  return usageError(
    `Repositories are not read over ${scheme}.`,
    'Use an address that starts with https:// or ssh://, or a path.',
  );
}

function withoutUser(url: string): string {
  return url.replace(/^([a-z+.-]+:\/\/)[^/@]*@/i, '$1').replace(/[?#].*$/, '');
}
