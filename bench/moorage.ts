/** Runs the `moorage` command as a user would, as its own process with directories of its own. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const main = new URL('../packages/cli/dist/main.js', import.meta.url).pathname;
const execute = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;

/** What `moorage local-s3 --json` prints. */
export interface Store {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  stop(): Promise<void>;
}

/** `prefix` is put before the command: `['taskset', '-c', '0']` keeps it on one processor. */
export class Moorage {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #prefix: readonly string[];

  constructor(dataDirectory: string, prefix: readonly string[] = []) {
    this.#environment = { ...process.env, XDG_DATA_HOME: dataDirectory };
    this.#prefix = prefix;
  }

  /** Standard output of a command that must succeed. */
  async run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const [program, ...rest] = [...this.#prefix, process.execPath, main, ...args];
    const { stdout } = await execute(program!, rest, {
      env: { ...this.#environment, ...environment },
      maxBuffer: outputBytesMax,
    });
    return stdout;
  }

  async startStore(directory: string): Promise<Store> {
    const [program, ...rest] = [...this.#prefix, process.execPath, main];
    const child = spawn(program!, [...rest, 'local-s3', '--dir', directory, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: this.#environment,
    });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line.trimEnd().endsWith('}')) break;
    }
    return {
      ...JSON.parse(lines.join('\n')),
      async stop() {
        child.kill('SIGTERM');
        await once(child, 'exit');
      },
    };
  }
}
