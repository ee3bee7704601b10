/**
 * For tests: a file system with its planner and its transfer side on one thread, over a real S3 server. The clock
 * is the real one; operations that are Pending are repeated as an adapter would.
 */
import { openBucket } from '@moorage/object-store';
import type { Bucket } from '@moorage/object-store';
import type { FileSystemOptions } from '../file-system.ts';
import { errorOf, newAttributes, ok, Open, pending, rootIno } from '../operations.ts';
import type { Attributes, Result, Status, WaitId } from '../operations.ts';
import type { SyncOptions } from '../sync/context.ts';
import { createPlanner } from '../sync/planner.ts';
import type { Sync, SyncFailure } from '../sync/port.ts';
import type { TransferJob } from '../transfer/jobs.ts';
import { Transfers } from '../transfer/transfers.ts';
import { Fixture, root } from './fixture.ts';

export interface S3Server {
  endpoint: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string };
}

const bucketName = 'data';

/** A bucket client of its own, as an outside writer has it. */
export function bucketOn(server: S3Server, bucket: string = bucketName): Promise<Bucket> {
  const { endpoint, region, credentials } = server;
  return openBucket({ bucket, endpoint, region, credentials });
}

export class Live {
  readonly fixture: Fixture;
  sync: Sync;
  #transfers: Transfers;
  readonly #server: S3Server;
  #options: Partial<SyncOptions>;
  readonly #waits = new Map<WaitId, () => void>();
  /** Everything that was asked of the transfer side. */
  readonly sent: TransferJob[] = [];
  /** How far the clock is ahead of the real one. */
  aheadMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  private constructor(
    server: S3Server,
    bucket: Bucket,
    options: Partial<SyncOptions>,
    fileSystem: Partial<FileSystemOptions>,
  ) {
    this.#server = server;
    this.#options = options;
    this.fixture = new Fixture({
      remote: true,
      id: 'fs-0123456789abcdef0',
      clock: { now: () => this.#now() },
      events: {
        ready: (waitId) => this.#waits.get(waitId)?.(),
        inodeChanged: () => undefined,
        entryChanged: () => undefined,
        holds: (ino) => this.fixture.held.has(ino),
      },
      ...fileSystem,
    });
    this.sync = this.#attach();
    this.#transfers = this.#connect(bucket);
  }

  static async start(
    server: S3Server,
    options: Partial<SyncOptions> = {},
    fileSystem: Partial<FileSystemOptions> = {},
  ): Promise<Live> {
    return new Live(server, await bucketOn(server), options, fileSystem);
  }

  #attach(): Sync {
    const sync = createPlanner(this.fixture.fs.tree, {
      bucket: bucketName,
      prefix: '',
      quietMs: 10_000,
      maxAgeMs: 60_000,
      relistMs: 50,
      defaults: { uid: 0, gid: 0, fileMode: 0o644, directoryMode: 0o755 },
      clock: { now: () => this.#now() },
      random: Math.random,
      log: () => undefined,
      ...this.#options,
    });
    this.fixture.fs.attach(sync);
    return sync;
  }

  #now(): number {
    return Date.now() + this.aheadMs;
  }

  #connect(bucket: Bucket): Transfers {
    return new Transfers({
      bucket,
      deliver: (results) => {
        this.sync.apply(results);
        this.pump();
      },
    });
  }

  /** Sends what the planner has to send and comes back when it is due. */
  pump(): void {
    if (this.#ended) return;
    const now = this.#now();
    this.sync.tick(now);
    const jobs = this.sync.take();
    this.sent.push(...jobs);
    if (jobs.length > 0) this.#transfers.accept(jobs);
    const due = this.sync.nextDeadline();
    clearTimeout(this.#timer);
    if (due !== Infinity) {
      this.#timer = setTimeout(() => this.pump(), Math.max(0, Math.min(due - now, 60_000)));
    }
  }

  /** Carries an operation out, waiting while it is Pending. */
  async result(operation: () => Result): Promise<Result> {
    for (;;) {
      const result = operation();
      if (result !== pending) {
        this.pump();
        return result;
      }
      await this.#ready(this.fixture.fs.pendingOn);
    }
  }

  async must(operation: () => Status): Promise<void> {
    const status = await this.result(operation);
    if (status !== ok) throw new Error(`refused: ${status}`);
  }

  async mustResult(operation: () => Result): Promise<number> {
    const result = await this.result(operation);
    if (result < 0) throw new Error(`refused: ${errorOf(result)}`);
    return result;
  }

  #ready(waitId: WaitId): Promise<void> {
    const wait = new Promise<void>((resolve) => {
      this.#waits.set(waitId, () => {
        this.#waits.delete(waitId);
        resolve();
      });
    });
    this.pump();
    return wait;
  }

  /** Everything dirty is in S3, or is in the list. */
  async barrier(ino: number = 0): Promise<SyncFailure[]> {
    const waitId = this.sync.barrier(ino);
    await this.#ready(waitId);
    return this.sync.barrierFailures(waitId);
  }

  async lookup(path: string): Promise<Attributes> {
    const out = newAttributes();
    out.ino = rootIno;
    for (const name of path.split('/').filter((part) => part !== '')) {
      const parent = out.ino;
      await this.must(() => this.fixture.fs.lookup(root, parent, name, out));
    }
    return out;
  }

  async exists(path: string): Promise<boolean> {
    try {
      await this.lookup(path);
      return true;
    } catch {
      return false;
    }
  }

  async read(path: string, offset: number = 0, length: number = 1 << 20): Promise<string> {
    const { ino } = await this.lookup(path);
    const into = Buffer.alloc(length);
    const { fs } = this.fixture;
    const n = await this.mustResult(() => fs.read(root, ino, offset, length, into, 0));
    return into.toString('latin1', 0, n);
  }

  async names(path: string): Promise<string[]> {
    const { ino } = await this.lookup(path);
    const names: string[] = [];
    await this.must(() => {
      names.length = 0;
      return this.fixture.fs.readdir(root, ino, 0, ({ name }) => {
        if (name !== '.' && name !== '..') names.push(name);
        return true;
      });
    });
    return names.toSorted();
  }

  async write(path: string, text: string | Uint8Array, mode: number = 0o644): Promise<number> {
    const { fs } = this.fixture;
    const { parent, name } = await this.#split(path);
    const out = newAttributes();
    const flags = Open.readWrite | Open.truncate;
    const handle = await this.mustResult(() => fs.create(root, parent, name, mode, flags, out));
    const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
    if (bytes.length > 0) {
      await this.mustResult(() => fs.write(root, out.ino, 0, bytes, 0, bytes.length, 0));
    }
    fs.release(out.ino, handle, 0n);
    return out.ino;
  }

  async mkdir(path: string, mode: number = 0o755): Promise<number> {
    const { parent, name } = await this.#split(path);
    const out = newAttributes();
    await this.must(() => this.fixture.fs.mkdir(root, parent, name, mode, out));
    return out.ino;
  }

  async unlink(path: string): Promise<void> {
    const { parent, name } = await this.#split(path);
    await this.must(() => this.fixture.fs.unlink(root, parent, name));
  }

  async rmdir(path: string): Promise<void> {
    const { parent, name } = await this.#split(path);
    await this.must(() => this.fixture.fs.rmdir(root, parent, name));
  }

  async rename(path: string, to: string, flags: number = 0): Promise<void> {
    const a = await this.#split(path);
    const b = await this.#split(to);
    const { fs } = this.fixture;
    await this.must(() => fs.rename(root, a.parent, a.name, b.parent, b.name, flags));
  }

  async #split(path: string): Promise<{ parent: number; name: string }> {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    const { ino } = await this.lookup(parts.join('/'));
    return { parent: ino, name };
  }

  /** As kill -9 of the process: nothing is told to anybody, requests may or may not have arrived. */
  async crash(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#transfers.close();
    this.fixture.crash();
    this.sync = this.#attach();
    this.#transfers = this.#connect(await bucketOn(this.#server));
    this.pump();
  }

  /** An orderly end and a start with these options instead; rejects with what the planner says to them. */
  async restart(options: Partial<SyncOptions>): Promise<void> {
    clearTimeout(this.#timer);
    await this.#transfers.close();
    this.fixture.restart();
    this.#options = options;
    this.sync = this.#attach();
    this.#transfers = this.#connect(await bucketOn(this.#server));
    this.pump();
  }

  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#transfers.close();
    this.fixture.end();
  }
}
