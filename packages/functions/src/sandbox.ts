/**
 * Turns a function into the command line of one worker, one exec chain from spawn to Node:
 *
 *   setpriv (dies with the host) → unshare (mounts, processes) → sh (mounts, reaps) → setpriv (user,
 *   no capabilities) → node
 *
 * The process-id namespace is what leaves no orphan: when its first process goes, the kernel kills
 * everything in it, whatever the handler forked. Without namespaces a watchdog in the worker's
 * process group does what it can when the host dies; a child that left the group escapes it.
 *
 * Standard output and standard error of Node are one pipe, so that lines keep their order; standard
 * error of the chain before it is a pipe of its own.
 */
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Bind, FunctionConfiguration, WorkerUser } from './function-configuration.ts';
import {
  canBecome,
  probeIsolation,
  unshareArguments,
  type Isolation,
  type IsolationKind,
} from './isolation.ts';
import { fstab, TEMPORARY_DIR, within } from './mount-plan.ts';
import { workerVariables } from './worker-variables.ts';

export interface SandboxOptions {
  /** The host's own directory; nobody else writes there. */
  dir: string;
  /** Where workers keep compiled code between starts. */
  compileCacheDir?: string;
  /** For tests: less than what the machine can do. */
  isolation?: IsolationKind;
}

export interface WorkerCommand {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** Exit statuses of the chain before Node runs. */
export const MOUNT_FAILED = 90;
export const NO_CODE_DIR = 91;

const CLIENT = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? './runtime-client/main.ts' : './runtime-client/main.js',
    import.meta.url,
  ),
);

const NAMESPACE_SCRIPT = `
fstab=$1 code=$2 mount=$3; shift 3
"$mount" --no-mtab --all --fstab "$fstab" || exit ${MOUNT_FAILED}
cd "$code" || exit ${NO_CODE_DIR}
"$@" 2>&1
exit $?`;

const PLAIN_SCRIPT = `
code=$1; shift
cd "$code" || exit ${NO_CODE_DIR}
( read -r _ <&3; kill -KILL 0 ) &
"$@" 2>&1 3<&-
exit $?`;

export class Sandbox {
  readonly isolation: Isolation;
  readonly #options: SandboxOptions;
  readonly #tables = new Map<string, string>();

  private constructor(options: SandboxOptions, isolation: Isolation) {
    this.#options = options;
    this.isolation = isolation;
  }

  static async open(options: SandboxOptions): Promise<Sandbox> {
    const isolation: Isolation =
      options.isolation === 'none' ? { kind: 'none', ownProc: false } : await probeIsolation();
    rmSync(join(options.dir, 'sandbox'), { recursive: true, force: true });
    mkdirSync(join(options.dir, 'sandbox', 'stage'), { recursive: true, mode: 0o700 });
    return new Sandbox(options, isolation);
  }

  /** The command that runs one worker of `f`, which finds its Runtime API at `runtimeApi`. */
  command(f: FunctionConfiguration, runtimeApi: string, logStream: string): WorkerCommand {
    const namespaces = this.isolation.kind !== 'none';
    const user = namespaces && f.user !== undefined && canBecome(f.user) ? f.user : undefined;
    const cacheDir = this.#compileCache(f, user);
    const temporaryDir = namespaces ? TEMPORARY_DIR : this.#plainTemporaryDir(f);
    const env = workerVariables(f, { runtimeApi, logStream, temporaryDir, cacheDir });
    const node = [
      process.execPath,
      `--max-old-space-size=${f.memoryMb}`,
      '--no-warnings=ExperimentalWarning',
      CLIENT,
    ];
    if (!namespaces)
      return {
        command: tool('sh'),
        args: ['-c', PLAIN_SCRIPT, 'worker', f.codeDir, ...node],
        env: rewriteTargets(env, f.binds),
      };
    const needed = [
      dirname(process.execPath),
      dirname(dirname(CLIENT)),
      normalize(f.codeDir),
      ...(f.readable ?? []),
      ...(cacheDir === undefined ? [] : [cacheDir]),
    ];
    const table = this.#table(
      fstab({
        stage: join(this.#options.dir, 'sandbox', 'stage'),
        binds: f.binds,
        covered: [
          ...(f.hidden ?? []),
          ...fuseMountsOf(f.binds),
          ...(user === undefined ? [] : closedTo(user, needed)),
        ],
        kept: needed,
      }),
    );
    const dieWithHost = ['--pdeathsig', 'KILL', '--'];
    const unshare = [tool('unshare'), ...unshareArguments(this.isolation)];
    const shell = [tool('sh'), '-c', NAMESPACE_SCRIPT, 'worker', table, f.codeDir, tool('mount')];
    const become = [tool('setpriv'), ...privileges(user), '--'];
    return {
      command: tool('setpriv'),
      args: dieWithHost.concat(unshare, shell, become, node),
      env,
    };
  }

  close(): void {
    rmSync(join(this.#options.dir, 'sandbox'), { recursive: true, force: true });
  }

  /** A file per distinct content: one that a starting worker reads is never written again. */
  #table(content: string): string {
    let path = this.#tables.get(content);
    if (path === undefined) {
      path = join(this.#options.dir, 'sandbox', `fstab-${this.#tables.size}`);
      writeFileSync(path, content);
      this.#tables.set(content, path);
    }
    return path;
  }

  #plainTemporaryDir(f: FunctionConfiguration): string {
    const dir = join(this.#options.dir, 'sandbox', `tmp-${f.name}`);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  /** Per function and user: nobody runs code that another function compiled. */
  #compileCache(f: FunctionConfiguration, user: WorkerUser | undefined): string | undefined {
    if (this.#options.compileCacheDir === undefined) return undefined;
    const dir = join(this.#options.compileCacheDir, `${f.name}-${user?.uid ?? 'host'}`);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (user !== undefined) chownSync(dir, user.uid, user.gid);
    return dir;
  }
}

/** Root of a user namespace keeps its id, but no capability: it cannot undo its mounts. */
function privileges(user: WorkerUser | undefined): string[] {
  const none = ['--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];
  if (user === undefined) return [...none, '--securebits', '+noroot,+noroot_locked'];
  const groups = user.groups ?? [];
  return [
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
    ...none,
  ];
}

/** The host's own FUSE mounts behind the binds. */
function fuseMountsOf(binds: readonly Bind[]): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[fields.indexOf('-') + 1]?.startsWith('fuse') === true)
    .map((fields) =>
      fields[4]!.replace(/\\(\d{3})/g, (_, o) => String.fromCharCode(parseInt(o, 8))),
    );
  return mounts.filter((dir) => binds.some((bind) => within(bind.source, dir)));
}

/** For each path the highest directory above it that `user` may not pass. */
function closedTo(user: WorkerUser, paths: readonly string[]): string[] {
  const closed: string[] = [];
  for (const path of paths) {
    let dir = '';
    for (const name of path.split('/').slice(1)) {
      dir += `/${name}`;
      if (mayPass(user, dir)) continue;
      closed.push(dir);
      break;
    }
  }
  return closed;
}

function mayPass(user: WorkerUser, dir: string): boolean {
  const found = statSync(dir, { throwIfNoEntry: false });
  if (found === undefined) return true;
  const { mode, uid, gid } = found;
  if (uid === user.uid) return (mode & 0o100) !== 0;
  if (gid === user.gid || user.groups?.includes(gid) === true) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

function rewriteTargets(
  env: Readonly<Record<string, string>>,
  binds: readonly Bind[],
): Record<string, string> {
  const rewritten: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    const bind = binds.find((candidate) => within(value, candidate.target));
    rewritten[name] = bind === undefined ? value : bind.source + value.slice(bind.target.length);
  }
  return rewritten;
}

const TOOLS = new Map<string, string>();

function tool(name: string): string {
  let path = TOOLS.get(name);
  if (path === undefined) {
    const dirs = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'];
    path = dirs.map((dir) => join(dir, name)).find((candidate) => existsSync(candidate)) ?? name;
    TOOLS.set(name, path);
  }
  return path;
}
