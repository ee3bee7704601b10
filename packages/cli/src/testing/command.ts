// Runs the built command as a user would, in directories of its own, and looks for what it left behind.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const MAIN: string = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface CommandResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandResult>;
  /** Standard output so far. */
  output(): string;
  /** Resolves once standard error or output holds the text; rejects when the command ends before. */
  saw(text: string | RegExp): Promise<void>;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Put before `node main.js`, such as setpriv and its options. */
  readonly lead?: readonly string[];
}

/** Builds are addressed by their content, so all tests share them; making them takes longest. */
const CACHE = fileURLToPath(
  new URL('../../../../node_modules/.cache/moorage-e2e', import.meta.url),
);

/** A place for one test file: home and data, below one temporary directory. */
export class Sandbox {
  readonly root: string;
  readonly #started = new Set<ChildProcess>();
  /** A file that holds the name of the root, for grep: whose own command line must not match. */
  readonly #pattern: string;

  constructor(base: string = tmpdir()) {
    this.root = realpathSync(mkdtempSync(path.join(base, 'mr-e2e-')));
    for (const name of ['home', 'data']) mkdirSync(path.join(this.root, name));
    this.#pattern = path.join(mkdtempSync(path.join(tmpdir(), 'mr-pattern-')), 'root');
    writeFileSync(this.#pattern, this.root);
  }

  path(...names: string[]): string {
    return path.join(this.root, ...names);
  }

  get environment(): Record<string, string> {
    return {
      PATH: `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
      HOME: this.path('home'),
      XDG_DATA_HOME: this.path('data'),
      XDG_CACHE_HOME: CACHE,
    };
  }

  start(args: readonly string[], options: CommandOptions = {}): RunningCommand {
    const command = [...(options.lead ?? []), process.execPath, MAIN, ...args];
    const child = spawn(command[0] as string, command.slice(1), {
      cwd: options.cwd ?? this.root,
      env: { ...this.environment, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.add(child);
    child.once('exit', () => this.#started.delete(child));
    let [stdout, stderr] = ['', ''];
    const listeners = new Set<() => void>();
    const heard = (): void => listeners.forEach((listener) => listener());
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      heard();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      heard();
    });
    const ended = new Promise<CommandResult>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
    });
    const saw = (wanted: string | RegExp): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const all = stdout + stderr;
          if (typeof wanted === 'string' ? all.includes(wanted) : wanted.test(all)) {
            listeners.delete(look);
            resolve();
          }
        };
        listeners.add(look);
        look();
        void ended.then(() => {
          reject(new Error(`ended before ${String(wanted)} was seen:\n${stdout}\n${stderr}`));
        });
      });
    return { child, ended, saw, output: () => stdout };
  }

  run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return this.start(args, options).ended;
  }

  /** The only run in the data directory, or the newest. */
  get runId(): string {
    return readdirSync(this.path('data', 'moorage', 'runs'))
      .sort()
      .at(-1) as string;
  }

  runPath(...names: string[]): string {
    return this.path('data', 'moorage', 'runs', this.runId, ...names);
  }

  /**
   * Waits until no process has anything of this sandbox in its command line or environment and nothing
   * of it is mounted here; gives back what still is after a while. A mount in a namespace of its own goes
   * with the last process in there (which may also be one of another test that only inherited it).
   */
  async clean(): Promise<string[]> {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const found = await this.#leftovers();
      if (found.length === 0 || Date.now() > deadline) return found;
      await sleep(50);
    }
  }

  /**
   * Each process is looked at by a child with a time limit: a process that hangs in the kernel, whoever's
   * it is, lets everyone hang who asks for its command line.
   */
  async #leftovers(): Promise<string[]> {
    const pids = readdirSync('/proc').filter((name) => isProgram(name));
    const look = 'timeout -s KILL 2 grep -lsF -f "$1" /proc/$2/cmdline /proc/$2/environ';
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      `for pid in ${pids.join(' ')}; do echo $pid; done | xargs -P 4 -n 1 sh -c '${look}; true' look "$1"`,
      'look',
      this.#pattern,
    ]);
    const mounts = readProc('self', 'mountinfo').split('\n');
    return [
      ...stdout.split('\n').filter(Boolean).map(describeProcess),
      ...mounts.filter((line) => line.includes(this.root) && line.includes('fuse')),
    ];
  }

  /** Ends what a failed test left running, too. */
  remove(): void {
    for (const child of this.#started) child.kill('SIGKILL');
    for (const directory of [this.root, path.dirname(this.#pattern)]) {
      rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}

/** Not a kernel thread, and not this process. */
function isProgram(pid: string): boolean {
  return (
    /^\d+$/.test(pid) && Number(pid) !== process.pid && readProc(pid, 'status').includes('VmSize')
  );
}

function describeProcess(file: string): string {
  const pid = file.split('/')[2] as string;
  return `${file}: ${readProc(pid, 'cmdline').replaceAll('\0', ' ').trim()}`;
}

/** Processes below another one, with their command line and environment as one text. */
export function descendants(pid: number): { pid: number; text: string }[] {
  const found: { pid: number; text: string }[] = [];
  const threads = `/proc/${pid}/task`;
  for (const thread of listProc(threads)) {
    for (const child of readProc(`${pid}/task/${thread}`, 'children').split(' ').filter(Boolean)) {
      const text = readProc(child, 'cmdline') + readProc(child, 'environ');
      found.push({ pid: Number(child), text }, ...descendants(Number(child)));
    }
  }
  return found;
}

function listProc(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(path.join('/proc', pid, name), 'utf8');
  } catch {
    return '';
  }
}
