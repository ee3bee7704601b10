// A bucket to mount: a store of its own with the versioned bucket `files`, an empty directory, and the command with
// the store's credentials.
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { startLocalS3, type LocalS3 } from '@moorage/local-s3';
import { collect, openBucket, type Bucket } from '@moorage/object-store';
import { expect } from 'vitest';
import { Sandbox, type CommandResult } from './command.ts';

const run = promisify(execFile);

export class MountableBucket {
  readonly sandbox: Sandbox;
  readonly mountPoint: string;
  readonly bucket: Bucket;
  store: LocalS3;

  private constructor(sandbox: Sandbox, store: LocalS3, bucket: Bucket) {
    this.sandbox = sandbox;
    this.mountPoint = sandbox.path('mnt');
    this.store = store;
    this.bucket = bucket;
  }

  static async open(): Promise<MountableBucket> {
    const sandbox = new Sandbox();
    mkdirSync(sandbox.path('mnt'));
    const store = await startLocalS3({ dir: sandbox.path('store') });
    const bucket = await openBucket({ ...store, bucket: 'files' });
    await bucket.putBucket();
    await bucket.putVersioning('Enabled');
    return new MountableBucket(sandbox, store, bucket);
  }

  /** The store is away for as long as `work` takes, and then back at the same address. */
  async withoutStore(work: () => Promise<void>): Promise<void> {
    const port = Number(new URL(this.store.endpoint).port);
    await this.store.close();
    try {
      await work();
    } finally {
      this.store = await startLocalS3({ dir: this.sandbox.path('store'), port });
    }
  }

  get environment(): Record<string, string> {
    return {
      AWS_ACCESS_KEY_ID: this.store.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.store.credentials.secretAccessKey,
      AWS_REGION: this.store.region,
    };
  }

  moorage(...args: string[]): Promise<CommandResult> {
    return this.sandbox.run(args, { env: this.environment });
  }

  /** In a child with a time limit: this process must not hang on a mount that is broken. */
  async sh(script: string): Promise<string> {
    const { stdout } = await run('bash', ['-c', script], { cwd: '/', timeout: 30_000 });
    return stdout;
  }

  async put(key: string, text: string): Promise<void> {
    await this.bucket.put(key, Buffer.from(text));
  }

  async text(key: string): Promise<string> {
    const { body, length } = await this.bucket.get(key);
    return Buffer.from(await collect(body, length)).toString();
  }

  /** After each test: nothing is left mounted or running. */
  async unmount(): Promise<void> {
    await this.moorage('unmount', '--force', this.mountPoint);
    expect(await this.sandbox.clean()).toEqual([]);
  }

  async close(): Promise<void> {
    await this.bucket.close();
    await this.store.close();
    this.sandbox.remove();
  }
}
