/**
 * Runs git on repositories that nobody trusts.
 *
 * Invariants: no hook, filter, pager, editor, credential helper, submodule or configured program runs; the
 * machine's and the user's git configuration are not read; only https, ssh and file are spoken; nothing
 * asks a question. What the caller's environment may add is listed here by name: credentials (askpass,
 * ssh agent, configuration by GIT_CONFIG_*), proxies and TLS roots.
 */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const handedOver =
  /^(?:PATH|LANG|TMPDIR|SSH_AUTH_SOCK|SSH_ASKPASS|GIT_ASKPASS|GIT_SSH|GIT_SSH_COMMAND|GIT_SSH_VARIANT|GIT_SSL_\w+|GIT_HTTP_\w+|GIT_PROXY_\w+|GIT_CONFIG_(?:COUNT|KEY_\d+|VALUE_\d+)|GIT_CREDENTIAL_\w+|(?:HTTPS?|NO|ALL)_PROXY|(?:https?|no|all)_proxy|SSL_CERT_(?:FILE|DIR))$/;

/** Bytes of stderr that are kept to explain a failure. */
const stderrBytesMax = 16 * 1024;

const configuration = `
[safe]
	directory = *
[core]
	hooksPath = /dev/null
	fsmonitor = false
	symlinks = false
	attributesFile = /dev/null
	excludesFile = /dev/null
	# A repository of its own that does not outlive the clone.
	fsync = none
[gc]
	auto = 0
[maintenance]
	auto = false
[fetch]
	recurseSubmodules = false
	unpackLimit = 1
[submodule]
	recurse = false
[credential]
	helper =
[http]
	lowSpeedLimit = 1
	lowSpeedTime = 30
`;

export interface GitResult {
  readonly status: number | null;
  /** Killed by us because the signal was aborted. */
  readonly aborted: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitStream {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly ended: Promise<{ status: number | null; stderr: string }>;
  kill(): void;
}

export interface Git {
  /** Where repositories made by this git live. Removed by whoever made it. */
  readonly home: string;
  run(args: readonly string[], signal: AbortSignal): Promise<GitResult>;
  /** For outputs of any length: the caller reads stdout as it comes. */
  stream(args: readonly string[], signal: AbortSignal): GitStream;
}

/** `home` is an empty directory of our own; `environment` is the caller's, of which only a list is used. */
export async function isolatedGit(
  home: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Git> {
  const configFile = join(home, 'gitconfig');
  await writeFile(configFile, configuration);
  await mkdir(join(home, 'home'));
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && handedOver.test(name)) env[name] = value;
  }
  Object.assign(env, {
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: configFile,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'file:https:ssh',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    HOME: environment['SSH_AUTH_SOCK'] ? (environment['HOME'] ?? home) : join(home, 'home'),
  });
  env['GIT_SSH_COMMAND'] ??=
    'ssh -o BatchMode=yes -o ConnectTimeout=15 -o StrictHostKeyChecking=accept-new';

  const stream = (args: readonly string[], signal: AbortSignal): GitStream => {
    // A process group of its own: git's helpers (https, ssh, index-pack) die with it.
    const child = spawn('git', args, { env, cwd: home, stdio: 'pipe', detached: true });
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has ended by itself.
      }
    };
    if (signal.aborted) kill();
    signal.addEventListener('abort', kill);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-stderrBytesMax);
    });
    child.stdin.on('error', () => {
      // git ended before it had read everything; its status says why.
    });
    const ended = new Promise<{ status: number | null; stderr: string }>((resolve) => {
      child.on('error', (error) => {
        signal.removeEventListener('abort', kill);
        resolve({ status: null, stderr: `git cannot be started: ${error.message}` });
      });
      child.on('close', (status) => {
        signal.removeEventListener('abort', kill);
        resolve({ status, stderr });
      });
    });
    return { stdin: child.stdin, stdout: child.stdout, ended, kill };
  };

  return {
    home,
    stream,
    run: async (args, signal) => {
      const child = stream(args, signal);
      child.stdin.end();
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      const { status, stderr } = await child.ended;
      return { status, aborted: signal.aborted, stdout, stderr };
    },
  };
}
