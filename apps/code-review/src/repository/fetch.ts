/**
 * From a location and a revision to one commit in a bare repository of our own. Where the other side can,
 * exactly that commit is fetched and no history; a revision that only history can resolve (an abbreviated
 * commit id, HEAD~3) costs a whole fetch.
 */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReviewLimits } from '../events.ts';
import { failure, type ReviewFailure } from '../failure.ts';
import type { Git, GitResult } from './git.ts';
import { redact, type RepositoryLocation } from './location.ts';

export interface FetchedCommit {
  /** The bare repository that holds it. */
  readonly gitDirectory: string;
  readonly commit: string;
}

type FetchLimits = Pick<ReviewLimits, 'cloneSecondsMax' | 'downloadBytesMax'>;

const target = 'refs/review/target';
const watchIntervalMs = 200;

/** Which hash the other side uses is known once it has refused ours: in git's second and in its older protocol. */
const otherHash = /client sha1; server sha256|not support this repository's object format/;

/** Throws a ReviewFailure that says what is wrong with the location or the revision. */
export async function fetchCommit(
  git: Git,
  location: RepositoryLocation,
  revision: string,
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<FetchedCommit> {
  const gitDirectory = join(git.home, 'repository.git');
  const explain = (result: GitResult): ReviewFailure =>
    explainFetch(result, location, revision, limits);
  const initialise = async (format: 'sha1' | 'sha256'): Promise<void> => {
    const options = ['--quiet', '--bare', '--template=', `--object-format=${format}`];
    const made = await git.run(['init', ...options, gitDirectory], signal);
    if (made.status !== 0) throw explain(made);
  };
  const fetch = async (args: readonly string[]): Promise<GitResult> => {
    const result = await watchedFetch(git, gitDirectory, args, limits, signal);
    if (!otherHash.test(result.stderr)) return result;
    await rm(gitDirectory, { recursive: true });
    await initialise('sha256');
    return watchedFetch(git, gitDirectory, args, limits, signal);
  };
  await initialise('sha1');

  if (!/[~^{:]/.test(revision)) {
    const depth = location.kind === 'bundle' ? [] : ['--depth=1'];
    const direct = await fetch([...depth, '--', location.remote, `+${revision}:${target}`]);
    if (direct.status === 0) {
      const commit = await parseCommit(git, gitDirectory, target, signal);
      if (commit === null) throw noSuchRevision(location, revision);
      return { gitDirectory, commit };
    }
    if (!/^[0-9a-f]{4,64}$/.test(revision) || !isMissing(direct.stderr)) {
      if (isMissing(direct.stderr) && (await isEmpty(git, location, signal))) {
        throw failure(
          'RepositoryEmpty',
          `${location.display} holds no commit.`,
          'Push a first commit, then review it.',
        );
      }
      throw explain(direct);
    }
  }

  const whole = await fetch([
    '--',
    location.remote,
    '+HEAD:refs/review/head',
    '+refs/heads/*:refs/heads/*',
    '+refs/tags/*:refs/tags/*',
  ]);
  if (whole.status !== 0) throw explain(whole);
  await git.run(
    ['--git-dir', gitDirectory, 'update-ref', '--no-deref', 'HEAD', 'refs/review/head'],
    signal,
  );
  const commit = await parseCommit(git, gitDirectory, revision, signal);
  if (commit === null) throw noSuchRevision(location, revision);
  return { gitDirectory, commit };
}

async function parseCommit(
  git: Git,
  gitDirectory: string,
  revision: string,
  signal: AbortSignal,
): Promise<string | null> {
  const parsed = await git.run(
    [
      '--git-dir',
      gitDirectory,
      'rev-parse',
      '--verify',
      '--quiet',
      '--end-of-options',
      `${revision}^{commit}`,
    ],
    signal,
  );
  const commit = parsed.stdout.trim();
  return parsed.status === 0 && /^[0-9a-f]{40,64}$/.test(commit) ? commit : null;
}

/** A fetch that is stopped when what it has downloaded exceeds the limit. */
async function watchedFetch(
  git: Git,
  gitDirectory: string,
  args: readonly string[],
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<GitResult> {
  const tooLarge = new AbortController();
  const watch = setInterval(() => {
    void packBytes(gitDirectory).then((bytes) => {
      if (bytes > limits.downloadBytesMax) tooLarge.abort();
    });
  }, watchIntervalMs);
  try {
    const result = await git.run(
      [
        '--git-dir',
        gitDirectory,
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-recurse-submodules',
        '--no-auto-maintenance',
        '--no-write-fetch-head',
        ...args,
      ],
      AbortSignal.any([signal, tooLarge.signal]),
    );
    if (tooLarge.signal.aborted || (await packBytes(gitDirectory)) > limits.downloadBytesMax) {
      throw failure(
        'RepositoryTooLarge',
        `The repository is larger than ${megabytes(limits.downloadBytesMax)} to download.`,
        'Review a smaller repository, or raise the limit downloadBytesMax.',
      );
    }
    return result;
  } finally {
    clearInterval(watch);
  }
}

async function packBytes(gitDirectory: string): Promise<number> {
  const packs = join(gitDirectory, 'objects', 'pack');
  let bytes = 0;
  try {
    for (const name of await readdir(packs)) bytes += (await stat(join(packs, name))).size;
  } catch {
    // Between listing and asking git renames its temporary packs; the next look sees them.
  }
  return bytes;
}

async function isEmpty(
  git: Git,
  location: RepositoryLocation,
  signal: AbortSignal,
): Promise<boolean> {
  const listed = await git.run(['ls-remote', '--quiet', '--', location.remote], signal);
  return listed.status === 0 && listed.stdout.trim() === '';
}

function isMissing(stderr: string): boolean {
  return /couldn't find remote ref|not our ref|unadvertised object|invalid refspec|did not send all necessary/i.test(
    stderr,
  );
}

function noSuchRevision(location: RepositoryLocation, revision: string): ReviewFailure {
  return failure(
    'RevisionNotFound',
    `${location.display} has no revision ${JSON.stringify(revision)}.`,
    'Check the name of the branch or tag, or give a commit id that has been pushed.',
  );
}

/** One message for each way in which git says no. */
export function explainFetch(
  result: GitResult,
  location: RepositoryLocation,
  revision: string,
  limits: FetchLimits,
): ReviewFailure {
  const text = result.stderr;
  const cause = new Error(redact(text.trim()).slice(-2000));
  if (result.aborted) {
    return failure(
      'CloneTimedOut',
      `Fetching ${location.display} took longer than ${limits.cloneSecondsMax} s.`,
      'Try again, or raise the limit cloneSecondsMax.',
      cause,
    );
  }
  if (isMissing(text)) return noSuchRevision(location, revision);
  if (
    /could not read (?:Username|Password)|Authentication failed|Permission denied|Host key verification|terminal prompts disabled|The requested URL returned error: 40[13]|access denied|No user exists/i.test(
      text,
    )
  ) {
    return failure(
      'RepositoryPrivate',
      `${location.display} does not exist or is not readable without credentials.`,
      'Check the address; for a private repository hand over credentials (GIT_ASKPASS, an ssh agent, or GIT_CONFIG_* with an extra header).',
      cause,
    );
  }
  if (/Could not resolve host|Could not resolve hostname|Name or service not known/i.test(text)) {
    return failure(
      'RepositoryUnreachable',
      `The host of ${location.display} has no address.`,
      'Check the spelling of the address and the network.',
      cause,
    );
  }
  if (
    /not found|does not exist|does not appear to be a git repository|not a git repository|No such file or directory|error: 404/i.test(
      text,
    )
  ) {
    return failure(
      'RepositoryNotFound',
      `There is no git repository at ${location.display}.`,
      'Check the address.',
      cause,
    );
  }
  return failure(
    'RepositoryUnreachable',
    `${location.display} cannot be fetched: ${lastLine(redact(text))}`,
    'Check the network and try again.',
    cause,
  );
}

function lastLine(text: string): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.find((line) => line.startsWith('fatal:')) ?? lines.at(-1) ?? 'git gave no reason')
    .replace(/^fatal:\s*/, '')
    .slice(0, 300);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}
