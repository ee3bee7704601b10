// A repository that only this user can read, made ready to be handed to the orchestrator: one commit of
// it in a bare repository of the run, fetched with the user's own git configuration and credentials.
//
// Local paths always come this way (functions do not see the user's files); private addresses when the
// orchestrator was refused. Nothing of the repository is executed: fetch runs no hooks, and only the
// named protocols are spoken. The user's own helpers for credentials are meant to run.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CommandError, EXIT, usageError } from '../command-line/outcome.ts';
import { gitRefusal } from './git-refusal.ts';
import { killGroup } from './process-group.ts';
import type { Target } from './target.ts';

export interface HandInOptions {
  readonly target: Target;
  /** As the user gave it; undefined = what HEAD stands for. */
  readonly revision: string | undefined;
  /** The bare repository to make. */
  readonly directory: string;
  /** Arguments put before `git`: in a user namespace, the way back to the user's own id. */
  readonly asUser: readonly string[];
  readonly signal: AbortSignal;
}

interface GitResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const VERIFY = ['rev-parse', '--verify', '--quiet', '--end-of-options'];
const FETCH = [
  '-c',
  'fetch.unpackLimit=1',
  '-c',
  'gc.auto=0',
  // A fetch that a power loss cut short is made again by --resume.
  '-c',
  'core.fsync=none',
  'fetch',
  '--quiet',
  '--no-tags',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--no-write-fetch-head',
];

/** As git says it in the second and in the older protocol (ssh servers that pass no environment on). */
const OTHER_HASH = /client sha1; server sha256|not support this repository's object format/;

/** What HEAD of the bare repository is: the commit to review. */
const HANDED_IN_BRANCH = 'handed-in';
const HANDED_IN = `refs/heads/${HANDED_IN_BRANCH}`;

/**
 * Makes the bare repository, of `commit` when it is known; gives back by which revision the orchestrator
 * finds the commit in it. Throws a CommandError for what the user can cause.
 */
export async function handIn(
  options: HandInOptions,
  commit: string | undefined,
): Promise<string | undefined> {
  const { target } = options;
  await initialise(options, commit?.length === 64 ? 'sha256' : 'sha1');
  const source = target.kind === 'local' ? `file://${encodeURI(target.directory)}` : target.url;
  const revision = commit ?? options.revision ?? 'HEAD';
  const direct = /[~^{:]/.test(revision)
    ? undefined
    : await fetch(options, ['--depth=1', '--', source, `+${revision}:${HANDED_IN}`]);
  if (direct?.status !== 0) await fetchWhole(options, source, revision, direct);
  if (options.revision === undefined || !/^[\w][\w./-]*$/.test(options.revision)) return undefined;
  // A commit id names the commit in any repository that has it.
  if (/^[0-9a-f]{4,64}$/.test(options.revision)) return options.revision;
  // Under the name the user knows it by, so that the report can say it.
  const tag = ['update-ref', `refs/tags/${options.revision}`, HANDED_IN];
  const tagged = await git(options, ['--git-dir', options.directory, ...tag]);
  return tagged.status === 0 ? options.revision : undefined;
}

async function initialise(options: HandInOptions, format: 'sha1' | 'sha256'): Promise<void> {
  rmSync(options.directory, { recursive: true, force: true });
  const init = ['init', '--quiet', '--bare', '--template=', `--object-format=${format}`];
  init.push(`--initial-branch=${HANDED_IN_BRANCH}`);
  await must(options, [...init, options.directory]);
}

/** The commit of a local repository, found before anything is started; undefined for an address. */
export async function resolveLocal(options: HandInOptions): Promise<string | undefined> {
  const { target } = options;
  if (target.kind !== 'local') return undefined;
  const revision = options.revision ?? 'HEAD';
  const parsed = await git(options, ['-C', target.directory, ...VERIFY, `${revision}^{commit}`]);
  if (parsed.status === 0) return parsed.stdout.trim();
  const inside = await git(options, ['-C', target.directory, 'rev-parse', '--git-dir']);
  if (inside.status !== 0) {
    if (isClosed(target.directory, inside)) throw mayNotBeRead(target);
    throw usageError(
      `${target.display} is not a git repository.`,
      'Give the directory that holds .git (or a bare repository).',
    );
  }
  const any = await git(options, ['-C', target.directory, 'rev-list', '--all', '--max-count=1']);
  if (any.stdout.trim() === '') {
    if (isClosed(target.directory, any)) throw mayNotBeRead(target);
    throw usageError(
      `${target.display} holds no commit.`,
      'Commit something first, then review it.',
    );
  }
  throw noSuchRevision(target, revision);
}

/** Git takes what it may not look into for something that is not there. */
function isClosed(directory: string, { stderr }: GitResult): boolean {
  if (stderr.includes('Permission denied')) return true;
  return ['.git', '.git/objects', 'objects'].some((name) => {
    try {
      accessSync(path.join(directory, name), constants.R_OK | constants.X_OK);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EACCES';
    }
  });
}

function mayNotBeRead({ display }: Target): CommandError {
  return usageError(
    `${display} may not be read by this user.`,
    'Review it as its owner, or have the permissions of the directory and its .git changed.',
  );
}

async function fetchWhole(
  options: HandInOptions,
  source: string,
  revision: string,
  direct: GitResult | undefined,
): Promise<void> {
  const { target } = options;
  const missing =
    /couldn't find remote ref|not our ref|unadvertised object|did not send all|non-commit object/i;
  if (direct && !missing.test(direct.stderr)) throw gitRefusal(target, direct.stderr);
  const refs = ['+refs/heads/*:refs/handed-in/heads/*', '+refs/tags/*:refs/tags/*'];
  // Asked for only when it is needed: it may name a branch that is not there.
  if (revision.startsWith('HEAD')) refs.push('+HEAD:refs/handed-in/head');
  const whole = await fetch(options, ['--', source, ...refs]);
  if (whole.status !== 0) throw gitRefusal(target, whole.stderr);
  const gitDir = ['--git-dir', options.directory];
  const name = revision.replace(/^HEAD\b/, 'refs/handed-in/head');
  for (const candidate of [`refs/handed-in/heads/${name}`, name]) {
    const parsed = await git(options, [...gitDir, ...VERIFY, `${candidate}^{commit}`]);
    if (parsed.status !== 0) continue;
    await must(options, [...gitDir, 'update-ref', HANDED_IN, parsed.stdout.trim()]);
    return;
  }
  throw noSuchRevision(target, revision);
}

function noSuchRevision(target: Target, revision: string): CommandError {
  return usageError(
    `${target.display} has no revision ${JSON.stringify(revision)}.`,
    'Check the name of the branch or tag, or give a commit id.',
  );
}

/** Which hash an address uses is known once its server has refused the other. */
async function fetch(options: HandInOptions, args: readonly string[]): Promise<GitResult> {
  const command = ['--git-dir', options.directory, ...FETCH, ...args];
  const result = await git(options, command);
  if (!OTHER_HASH.test(result.stderr)) return result;
  await initialise(options, 'sha256');
  return git(options, command);
}

async function must(options: HandInOptions, args: readonly string[]): Promise<string> {
  const result = await git(options, args);
  if (result.status === 0) return result.stdout;
  throw new CommandError(
    EXIT.internal,
    `git ${args.at(0)} failed: ${result.stderr.trim() || `status ${result.status}`}`,
  );
}

function git(
  options: HandInOptions,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<GitResult> {
  const [command = 'git', ...lead] = [...options.asUser, 'git'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...lead, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that ssh and index-pack end with it.
      detached: true,
      env: {
        ...process.env,
        LC_ALL: 'C',
        // Nobody is there to answer: no terminal, no window. What helps without asking goes on helping.
        GIT_TERMINAL_PROMPT: '0',
        GIT_ASKPASS: process.env.GIT_ASKPASS ?? '',
        SSH_ASKPASS_REQUIRE: 'never',
        GIT_ALLOW_PROTOCOL: 'file:https:ssh',
        GIT_NO_REPLACE_OBJECTS: '1',
        GIT_OPTIONAL_LOCKS: '0',
        ...(options.target.kind === 'local' && localEnvironment(options)),
        ...environment,
      },
    });
    const stop = (): void => killGroup(child);
    options.signal.addEventListener('abort', stop, { once: true });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', (error: NodeJS.ErrnoException) => {
      options.signal.removeEventListener('abort', stop);
      reject(
        error.code === 'ENOENT'
          ? usageError('git is not installed.', 'Install it: sudo apt-get install git')
          : error,
      );
    });
    child.on('close', (status) => {
      options.signal.removeEventListener('abort', stop);
      if (options.signal.aborted) reject(options.signal.reason as Error);
      else resolve({ status, stdout, stderr });
    });
  });
}

/**
 * Local repositories may belong to anyone (a checkout made by another user in CI): what runs on them here,
 * rev-parse and upload-pack, executes nothing that a repository's configuration can name.
 */
function localEnvironment(options: HandInOptions): Record<string, string> {
  const file = `${options.directory}.gitconfig`;
  // What travels a few centimetres is not worth searching for deltas: half of the time of a fetch.
  const config = '[safe]\n\tdirectory = *\n[pack]\n\twindow = 0\n';
  if (!existsSync(file)) writeFileSync(file, config);
  return { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: file };
}

/**
 * Whether a function, which knows nothing of this user's git configuration and keys, can read an address.
 * ssh always needs keys; https is tried. Not waited for longer than it takes to bring up the workspace.
 */
export async function needsHandIn(options: HandInOptions): Promise<boolean> {
  const { target } = options;
  if (target.kind === 'local' || !target.url.startsWith('https://')) return true;
  const probe = await git(
    { ...options, asUser: [] },
    ['-c', 'credential.helper=', 'ls-remote', '--quiet', '--', target.url, 'HEAD'],
    { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_ASKPASS: '' },
  );
  return probe.status !== 0;
}

/** Whether the repository has been made ready already (a run that is resumed). */
export function isHandedIn(directory: string): boolean {
  return existsSync(path.join(directory, 'refs'));
}
