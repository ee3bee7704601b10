// The embedded S3 endpoint as a child process, for stacks that were given no bucket.
//
// It watches its standard input and goes when this process goes. Should it die before, it is started
// again on the same port with the same credentials, so that everyone who talks to it only sees a pause.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Clock, Log } from '@moorage/functions';
import { StackError } from './stack-error.ts';

export interface LocalStoreOptions {
  readonly dir: string;
  /** Made when it is not there yet. */
  readonly bucket: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StoreAddress {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

interface Running {
  readonly child: ChildProcess;
  readonly address: StoreAddress;
  /** Resolves with a reason once the process has ended. */
  readonly ended: Promise<string>;
}

const RESTARTS_IN_A_ROW_MAX = 5;
const STEADY_MS = 10_000;
const STOP_MS = 3_000;

export class LocalStore {
  readonly #options: LocalStoreOptions;
  #running: Running;
  #stopping = false;
  #restarts = 0;

  private constructor(options: LocalStoreOptions, running: Running) {
    this.#options = options;
    this.#running = running;
    void this.#watch();
  }

  static async start(options: LocalStoreOptions): Promise<LocalStore> {
    return new LocalStore(options, await launch(options, 0));
  }

  get address(): StoreAddress {
    return this.#running.address;
  }

  get pid(): number | undefined {
    return this.#running.child.pid;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const { child, ended } = this.#running;
    child.stdin?.end();
    child.kill('SIGTERM');
    const cancel = this.#options.clock.after(STOP_MS, () => child.kill('SIGKILL'));
    await ended;
    cancel();
  }

  async #watch(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stopping) {
      const startedMs = clock.now();
      const reason = await this.#running.ended;
      if (this.#stopping) return;
      if (clock.now() - startedMs > STEADY_MS) this.#restarts = 0;
      if (++this.#restarts > RESTARTS_IN_A_ROW_MAX) {
        log('error', 'the local store keeps dying and is not started again', { reason });
        return;
      }
      log('warn', 'the local store died and is started again', { reason });
      const port = Number(new URL(this.address.endpoint).port);
      try {
        this.#running = await launch(this.#options, port);
      } catch (error) {
        log('error', 'the local store cannot be started again', { reason: String(error) });
        return;
      }
      if (this.#stopping) this.#running.child.kill('SIGKILL');
    }
  }
}

async function launch(options: LocalStoreOptions, port: number): Promise<Running> {
  const main = fileURLToPath(new URL('./main.js', import.meta.resolve('@moorage/local-s3')));
  // A session of its own: Ctrl-C at the terminal reaches the supervisor only, which stops in order.
  const child = spawn(
    process.execPath,
    [
      main,
      '--dir',
      options.dir,
      '--bucket',
      options.bucket,
      '--port',
      String(port),
      '--exit-with-stdin',
    ],
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  child.stdin.on('error', () => {});
  let lastWords = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-2000);
    options.log('debug', text.trimEnd());
  });
  const ended = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      const words = lastWords.trim().split('\n').at(-1) ?? '';
      resolve(words || (signal === null ? `exit code ${code}` : `killed by ${signal}`));
    });
  });
  const firstLine = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  const line = await Promise.race([firstLine, ended.then((reason) => ({ reason }))]);
  if (typeof line !== 'string') {
    throw new StackError(
      'StoreFailed',
      `The local S3 store on ${options.dir} did not start: ${line.reason}`,
      'Check that the directory is writable, that its disk has space, and that no other run uses it.',
    );
  }
  const { endpoint, region, accessKeyId, secretAccessKey } = JSON.parse(line) as StoreAddress &
    StoreAddress['credentials'];
  return {
    child,
    ended,
    address: { endpoint, region, credentials: { accessKeyId, secretAccessKey } },
  };
}
