/** A bucket on local-s3, mounted and served for a test. Only processes of their own (scripts) touch the mount. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3 } from '@moorage/local-s3';
import type { LocalS3 } from '@moorage/local-s3';
import { openBucket } from '@moorage/object-store';
import type { Bucket, BucketLocation } from '@moorage/object-store';
import type {
  FileSystemServer,
  FileSystemServerEvent,
  FileSystemServerOptions,
} from '../file-system-server.ts';
import { startFileSystemServer } from '../start-file-system-server.ts';

export interface Ran {
  code: number | null;
  signal: string | null;
  out: string;
}

export class ServedBucket {
  readonly dir: string = mkdtempSync(join(tmpdir(), 'moorage-server-'));
  readonly mountPoint: string = join(this.dir, 'm');
  readonly dataDir: string = join(this.dir, 'data');
  /** For what must not be in the mount. */
  readonly scratch: string = join(this.dir, 'scratch');
  readonly events: FileSystemServerEvent[] = [];
  readonly logged: string[] = [];
  location!: BucketLocation;
  bucket!: Bucket;
  server!: FileSystemServer;
  #s3: LocalS3 | undefined;
  #port = 0;

  static async start(o: Partial<FileSystemServerOptions> = {}): Promise<ServedBucket> {
    const served = new ServedBucket();
    mkdirSync(served.mountPoint);
    mkdirSync(served.scratch);
    await served.startS3();
    await served.bucket.putBucket();
    await served.bucket.putVersioning('Enabled');
    await served.serve(o);
    return served;
  }

  async startS3(): Promise<void> {
    this.#s3 = await startLocalS3({ dir: join(this.dir, 's3'), port: this.#port });
    this.#port = Number(new URL(this.#s3.endpoint).port);
    const { endpoint, region, credentials } = this.#s3;
    this.location = { bucket: 'work', endpoint, region, credentials };
    this.bucket = await openBucket(this.location);
  }

  async stopS3(): Promise<void> {
    await this.bucket.close();
    await this.#s3?.close();
    this.#s3 = undefined;
  }

  async serve(o: Partial<FileSystemServerOptions> = {}): Promise<void> {
    this.server = await startFileSystemServer({
      bucket: this.location,
      dataDir: this.dataDir,
      mountPoint: this.mountPoint,
      quietMs: 100,
      log: (level, message) => this.logged.push(`${level} ${message}`),
      onEvent: (event) => this.events.push(event),
      ...o,
    });
  }

  /** Runs a shell script in the mount, with `$SCRATCH` beside it. Output is both streams. */
  run(script: string, o: { in?: string; msMax?: number } = {}): Promise<Ran> {
    return runScript(script, o.in ?? this.mountPoint, this.scratch, o.msMax ?? 60_000);
  }

  /** The output of a script that must succeed. */
  async out(script: string, o: { in?: string; msMax?: number } = {}): Promise<string> {
    const ran = await this.run(`set -e\n${script}`, o);
    if (ran.code !== 0)
      throw new Error(`status ${ran.code} ${ran.signal}: ${ran.out}\n${this.logged.join('\n')}`);
    return ran.out;
  }

  /** All keys of the bucket and the text of each small object. */
  async objects(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    const { objects } = await this.bucket.list({ prefix: '' });
    for (const { key } of objects) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await this.bucket.get(key)).body) chunks.push(chunk);
      found[key] = Buffer.concat(chunks).toString();
    }
    return found;
  }

  async close(): Promise<void> {
    await this.server.stop();
    await this.stopS3();
    rmSync(this.dir, { recursive: true });
  }
}

export function runScript(
  script: string,
  cwd: string,
  scratch: string,
  msMax: number,
): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  // The shell itself changes directory: this process must not look at the mount.
  const child = spawn('bash', ['-c', `cd "$0" || exit 99\n${script}`, cwd], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', HOME: scratch, SCRATCH: scratch },
  });
  let out = '';
  const take = (text: string): string => (out += text);
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  // The whole group: what the script started would keep the pipes open.
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), msMax);
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    resolve({ code, signal, out });
  });
  return promise;
}

/** Shell functions that make things to work with. */
export const makeRepository = `make_repository() {
  git init -q -b main "$1"
  git -C "$1" config user.name test; git -C "$1" config user.email test@example.com
  for i in $(seq 1 "$2"); do
    mkdir -p "$1/d$((i % 10))"; seq 1 $((i % 50 + 1)) > "$1/d$((i % 10))/file$i.txt"
  done
  git -C "$1" add -A; git -C "$1" commit -q -m one
}`;
