/**
 * A bucket on local-s3, mounted. Nothing here touches the mount: a server that hangs would hang its caller, so
 * everything on it is done by processes with a deadline.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { openBucket, type Bucket } from '@moorage/object-store';
import {
  startFileSystemServer,
  type FileSystemServer,
  type FileSystemServerOptions,
} from '@moorage/stack/mounts';

export interface Ran {
  code: number | null;
  signal: string | null;
  /** Both streams. */
  out: string;
}

export class ServedMount {
  readonly directory: string;
  readonly mountPoint: string;
  /** Beside the mount, on the machine's own file system. */
  readonly scratch: string;
  /** Of what is on the mount, on the machine's own file system. */
  readonly cacheDirectory: string;
  readonly server: FileSystemServer;
  readonly bucket: Bucket;
  readonly #store: LocalS3;

  private constructor(directory: string, store: LocalS3, bucket: Bucket, server: FileSystemServer) {
    this.directory = directory;
    this.mountPoint = join(directory, 'm');
    this.scratch = join(directory, 'scratch');
    this.cacheDirectory = join(directory, 'data', 'content');
    this.#store = store;
    this.bucket = bucket;
    this.server = server;
  }

  static async start(
    o: Pick<FileSystemServerOptions, 'accessPoints' | 'quietMs' | 'maxAgeMs'> = {},
  ): Promise<ServedMount> {
    const directory = mkdtempSync(join(tmpdir(), 'moorage-posix-'));
    // Other users pass through it.
    chmodSync(directory, 0o755);
    for (const name of ['m', 'scratch']) mkdirSync(join(directory, name));
    const store = await startLocalS3({ dir: join(directory, 's3') });
    const { endpoint, region, credentials } = store;
    const location = { bucket: 'posix', endpoint, region, credentials };
    const bucket = await openBucket(location);
    await bucket.putBucket();
    await bucket.putVersioning('Enabled');
    const server = await startFileSystemServer({
      bucket: location,
      dataDir: join(directory, 'data'),
      mountPoint: join(directory, 'm'),
      log: (level, message) => {
        if (level === 'error') console.error(message);
      },
      ...o,
    });
    return new ServedMount(directory, store, bucket, server);
  }

  async close(): Promise<void> {
    await this.server.stop();
    await this.bucket.close();
    await this.#store.close();
    rmSync(this.directory, { recursive: true });
  }
}

/**
 * Runs a program in `cwd`, in a process group of its own that is killed after `msMax`. The child itself changes
 * directory, because `spawn` would look at the mount from this process.
 */
export function runIn(
  cwd: string,
  command: readonly string[],
  o: { msMax: number; env?: NodeJS.ProcessEnv },
): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const child = spawn('sh', ['-c', 'cd "$0" && exec "$@"', cwd, ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', ...o.env },
  });
  let out = '';
  const take = (text: string): string => (out += text);
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), o.msMax);
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    resolve({ code, signal, out });
  });
  return promise;
}
