/**
 * One execution environment: a worker process and the Runtime API it speaks to.
 *
 * Life: starting → idle ⇄ busy → gone. `gone` is final and reached through the process's exit alone;
 * whoever wants it there kills the process group. Between a response and the worker's next request
 * the environment is still busy, and its deadline still runs.
 *
 * A response arrives on a socket and the log lines before it on a pipe: both were written before the
 * host reads the one, so one more turn of the event loop has delivered the other.
 *
 * Unlike Lambda's, an idle environment is not frozen: what a handler left running goes on. No result
 * depends on that, for an answer or a checkpoint of an invocation that is over is refused; a
 * stopped process, though, could neither notice the end of its host nor be told from one that hangs.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

import type { FunctionConfiguration } from './function-configuration.ts';
import { LineSplitter } from './log-lines.ts';
import type { Clock, Random } from './ports.ts';
import { RuntimeApi, type RuntimeInvocation } from './runtime-api.ts';
import { MOUNT_FAILED, NO_CODE_DIR, type Sandbox } from './sandbox.ts';

export type InitOutcome =
  | { kind: 'ready' }
  /** The worker's own error object, as JSON. */
  | { kind: 'error'; body: Uint8Array }
  | { kind: 'exit'; reason: string }
  /** The environment could not be made: nothing of the function ran. */
  | { kind: 'broken'; message: string }
  | { kind: 'timeout' };

export type InvocationOutcome =
  | { kind: 'response'; body: Uint8Array; maxMemoryUsedMb: number | undefined }
  | { kind: 'error'; body: Uint8Array; maxMemoryUsedMb: number | undefined }
  | { kind: 'too-large'; bytes: number }
  | { kind: 'exit'; reason: string }
  | { kind: 'timeout' }
  /** It died before it had read the invocation: the handler saw nothing of it. */
  | { kind: 'unreached' };

export interface WorkerOptions {
  f: FunctionConfiguration;
  sandbox: Sandbox;
  clock: Clock;
  random: Random;
  /** A line that belongs to no invocation. */
  onLine: (line: string) => void;
  /** Asked for its next invocation. */
  onIdle: (worker: Worker) => void;
  onGone: (worker: Worker) => void;
}

type State =
  | { kind: 'starting'; done: (outcome: InitOutcome) => void }
  | { kind: 'idle' }
  | { kind: 'busy'; done: (outcome: InvocationOutcome) => void; onLine: (line: string) => void }
  /** Answered, but neither asked for the next invocation nor had its lines collected. */
  | { kind: 'answered'; onLine: (line: string) => void; collected: boolean; asked: boolean }
  | { kind: 'gone' };

const STDERR_CHARS_MAX = 4096;
/** All of a killed environment is gone by then, or hangs in the kernel. */
const LAST_WORD_MS_MAX = 1000;

export class Worker {
  readonly f: FunctionConfiguration;
  readonly #options: WorkerOptions;
  readonly #api: RuntimeApi;
  readonly #lines: LineSplitter;
  #state: State = { kind: 'gone' };
  #child: ChildProcess | undefined;
  #cancelDeadline: () => void = () => {};
  #timedOut = false;
  #stderr = '';

  constructor(options: WorkerOptions) {
    this.f = options.f;
    this.#options = options;
    this.#lines = new LineSplitter((line) => {
      const state = this.#state;
      if (state.kind === 'busy' || state.kind === 'answered') state.onLine(line);
      else this.#options.onLine(line);
    });
    this.#api = new RuntimeApi({
      next: () => this.#asked(),
      initError: (body) => {
        if (this.#state.kind === 'starting') this.#started({ kind: 'error', body });
      },
      response: (body, maxMemoryUsedMb) =>
        this.#answered({ kind: 'response', body, maxMemoryUsedMb }),
      error: (body, maxMemoryUsedMb) => this.#answered({ kind: 'error', body, maxMemoryUsedMb }),
      responseTooLarge: (bytes) => this.#answered({ kind: 'too-large', bytes }),
    });
  }

  /** The first process of the environment: the leader of its process group. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The first process has exited; the others are being killed. */
  get #dead(): boolean {
    return this.#child !== undefined && (this.#child.exitCode ?? this.#child.signalCode) !== null;
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** Starts the process; anything but `ready` has killed it again. */
  start(limitMs: number): Promise<InitOutcome> {
    return new Promise((resolve) => {
      this.#state = { kind: 'starting', done: resolve };
      this.#setDeadline(limitMs);
      this.#api.listen().then(
        (address) => this.#spawn(address),
        (cause: unknown) => this.#started({ kind: 'broken', message: String(cause) }),
      );
    });
  }

  /** The worker must be idle. `limitMs` from now, the environment is killed. */
  invoke(
    invocation: RuntimeInvocation,
    limitMs: number,
    onLine: (line: string) => void,
  ): Promise<InvocationOutcome> {
    return new Promise((resolve) => {
      if (!this.#api.send(invocation)) {
        this.#gone();
        resolve({ kind: 'unreached' });
        return;
      }
      this.#state = { kind: 'busy', done: resolve, onLine };
      this.#setDeadline(limitMs);
    });
  }

  /** Kills the environment with everything it started. */
  kill(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) {
      this.#started({ kind: 'broken', message: 'stopped before it started' });
      return;
    }
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The whole group is gone already.
    }
  }

  #spawn(address: string): void {
    if (this.#state.kind !== 'starting') return;
    const { f, sandbox, clock, random } = this.#options;
    const day = new Date(clock.now()).toISOString().slice(0, 10).replaceAll('-', '/');
    const logStream = `${day}/[${f.version}]${random.uuid().replaceAll('-', '')}`;
    let child: ChildProcess;
    try {
      const { command, args, env } = sandbox.command(f, address, logStream);
      const lifeline = sandbox.isolation.kind === 'none' ? 'pipe' : 'ignore';
      const stdio = ['ignore', 'pipe', 'pipe', lifeline] as const;
      child = spawn(command, args, { cwd: '/', detached: true, env, stdio: [...stdio] });
    } catch (cause) {
      this.#started({ kind: 'broken', message: String(cause) });
      return;
    }
    this.#child = child;
    // The lifeline carries nothing; its end tells the watchdog that the host is gone.
    child.stdio[3]?.on('error', () => {});
    child.stdout!.on('data', (chunk: Buffer) => this.#lines.push(chunk));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_CHARS_MAX);
    });
    child.once('error', (cause) => {
      this.#started({ kind: 'broken', message: String(cause) });
    });
    child.once('exit', (code, signal) => {
      this.kill();
      // Nobody is handed what is dead, even while its last lines are still to come.
      if (this.#state.kind === 'idle') this.#gone();
      void this.#lastWord().then((end) => afterPipes(() => this.#exited(code, signal, end)));
    });
  }

  /**
   * The first process can go a moment before Node does, which may not have read its invocation yet, or have
   * answered it: its connection tells, once it ends.
   */
  async #lastWord(): Promise<'read' | 'unread'> {
    if (this.#state.kind !== 'busy') return 'read';
    let cancel = (): void => {};
    const late = new Promise<'read'>((resolve) => {
      cancel = this.#options.clock.after(LAST_WORD_MS_MAX, () => resolve('read'));
    });
    const word = await Promise.race([this.#api.closed, late]);
    cancel();
    return word;
  }

  #asked(): void {
    const state = this.#state;
    if (state.kind === 'starting') this.#started({ kind: 'ready' });
    else if (state.kind === 'answered') {
      state.asked = true;
      this.#idleAgain(state);
    }
  }

  #started(outcome: InitOutcome): void {
    const state = this.#state;
    if (state.kind !== 'starting') return;
    this.#cancelDeadline();
    if (outcome.kind === 'ready') {
      this.#state = { kind: 'idle' };
      state.done(outcome);
      this.#options.onIdle(this);
      return;
    }
    this.#gone();
    afterPipes(() => {
      this.#lines.flush();
      state.done(outcome);
    });
  }

  #answered(outcome: InvocationOutcome): void {
    const state = this.#state;
    if (state.kind !== 'busy') return;
    const answered: State = {
      kind: 'answered',
      onLine: state.onLine,
      collected: false,
      asked: false,
    };
    this.#state = answered;
    afterPipes(() => {
      this.#lines.flush();
      answered.collected = true;
      state.done(outcome);
      this.#idleAgain(answered);
    });
  }

  #idleAgain(state: State & { kind: 'answered' }): void {
    if (!state.asked || !state.collected || this.#state !== state || this.#dead) return;
    this.#cancelDeadline();
    this.#state = { kind: 'idle' };
    this.#options.onIdle(this);
  }

  #exited(code: number | null, signal: NodeJS.Signals | null, invocation: 'read' | 'unread'): void {
    this.#lines.flush();
    const state = this.#state;
    this.#cancelDeadline();
    const reason = exitReason(code, signal);
    this.#gone();
    if (state.kind === 'starting') {
      if (this.#timedOut) state.done({ kind: 'timeout' });
      else if (code === MOUNT_FAILED && this.#stderr !== '')
        state.done({ kind: 'broken', message: this.#stderr.trim() });
      else if (code === NO_CODE_DIR && this.#stderr !== '')
        state.done({ kind: 'broken', message: `codeDir ${this.f.codeDir} cannot be entered` });
      else {
        // What Node or the chain before it said, when it did not come as far as a log line.
        for (const line of this.#stderr.trim().split('\n'))
          if (line !== '') this.#options.onLine(line);
        state.done({ kind: 'exit', reason });
      }
    } else if (state.kind === 'busy') {
      if (this.#timedOut) state.done({ kind: 'timeout' });
      else state.done(invocation === 'unread' ? { kind: 'unreached' } : { kind: 'exit', reason });
    }
  }

  #gone(): void {
    if (this.#state.kind === 'gone') return;
    this.#state = { kind: 'gone' };
    this.#cancelDeadline();
    if (this.#child !== undefined) this.kill();
    this.#api.close();
    this.#options.onGone(this);
  }

  #setDeadline(limitMs: number): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#options.clock.after(Math.max(0, limitMs), () => {
      this.#timedOut = true;
      this.kill();
    });
  }
}

/** One whole turn of the event loop: every pipe that was readable has been read. */
function afterPipes(run: () => void): void {
  setImmediate(() => setImmediate(run));
}

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGILL: 'illegal instruction',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace/breakpoint trap',
};

/** In Lambda's words. A shell reports a signal as 128 more than its number. */
function exitReason(code: number | null, signal: NodeJS.Signals | null): string {
  const name =
    signal ?? Object.entries(constants.signals).find(([, value]) => value + 128 === code)?.[0];
  if (name !== undefined)
    return `Runtime exited with error: signal: ${SIGNAL_WORDS[name] ?? name.toLowerCase()}`;
  if (code === 0) return 'Runtime exited without providing a reason';
  return `Runtime exited with error: exit status ${code}`;
}
