/**
 * The supervisor of one file system's server: mounts, starts the server process with the mount's descriptor, and
 * starts another on the same descriptor when it dies, so that applications only see a pause.
 *
 * The supervisor never touches the mount itself: it would wait for a server that may be waiting for it. Least of all
 * may it hold a file of the mount open: starting the next server closes the copy of it that the new process gets,
 * and that asks the server which is just being started.
 * It holds the descriptor too; once it lets go and no server is left, the kernel fails every waiting call.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Session } from '@moorage/fuse';
import {
  MountError,
  mountedAt,
  openAndMount,
  unmount,
  viewDirectoryName,
} from '@moorage/fuse/mounting';
import type { KernelMount } from '@moorage/fuse/mounting';
import type { AccessPoint, FailureList, PendingList, Settlement } from '@moorage/file-system';
import { checkDocument, SynchronizationError } from '@moorage/file-system/configuration';
import type { SynchronizationConfiguration } from '@moorage/file-system/configuration';
import type { StoreReport } from '@moorage/file-system/transfer';
import type {
  FromServer,
  ServerAnswers,
  ServerConfiguration,
  ServerRequest,
} from './control-messages.ts';
import { FileSystemServerError } from './file-system-server.ts';
import type {
  ConflictEnd,
  FileSystemServer,
  FileSystemServerEvent,
  FileSystemMetrics,
  FileSystemServerOptions,
  FileSystemStatus,
} from './file-system-server.ts';
import { newRestartPolicy } from './restart-policy.ts';
import { ServerProcess, valueOf } from './server-process.ts';

/**
 * Mounts the bucket and resolves when it is being served. Throws `MountError` or `FileSystemServerError`, and
 * then leaves neither a mount nor a process.
 */
export async function startFileSystemServer(
  options: FileSystemServerOptions,
): Promise<FileSystemServer> {
  if (options.synchronization !== undefined) checkSynchronization(options.synchronization);
  try {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new FileSystemServerError(
      'DATA_DIRECTORY_UNUSABLE',
      `the data directory ${options.dataDir} cannot be made: ${(error as Error).message}`,
    );
  }
  const mount = await openAndMount({
    dir: options.mountPoint,
    fsName: `s3://${options.bucket.bucket}/${options.prefix ?? ''}`,
    readOnly: options.readOnly ?? false,
  });
  const supervisor = new Supervisor(options, mount);
  await supervisor.start();
  return supervisor;
}

function checkSynchronization(document: unknown): void {
  try {
    checkDocument(document);
  } catch (error) {
    if (!(error instanceof SynchronizationError)) throw error;
    throw new FileSystemServerError(error.errorCode, error.message);
  }
}

/** Files are read ahead this far (the kernel's default of 128 KiB would be one small request at a time). */
const readAheadKib = 1024;
/** How long a server may take to close its store when asked to stop. */
const stopMsMax = 5_000;
/** How long the kernel may take to write back what it holds when the mount is taken away. */
const unmountMsMax = 20_000;

/**
 * `unmounted`: by somebody else, and the server ends by itself. `stopping`: by us; it is over only when the mount
 * has gone as well as the server, whichever goes first.
 */
type State = 'starting' | 'serving' | 'restarting' | 'unmounted' | 'stopping' | 'over';

class Supervisor implements FileSystemServer {
  readonly mountPoint: string;
  readonly ended: Promise<void>;
  restarts = 0;
  readonly #options: FileSystemServerOptions;
  readonly #mount: KernelMount;
  readonly #configuration: ServerConfiguration;
  readonly #policy = newRestartPolicy();
  readonly #listeners = new Set<(event: FileSystemServerEvent) => void>();
  readonly #resolveEnded: () => void;
  #server: ServerProcess | undefined;
  #state: State = 'starting';
  #session: Session | undefined;
  #store: StoreReport | undefined;
  #readyAt = 0;
  /** Settles when the current server serves or none ever will again. */
  #ready = Promise.withResolvers<void>();
  #restartTimer: NodeJS.Timeout | undefined;
  /** Why it is over, when nobody asked for that. */
  #failure: Error | undefined;
  #processGone = Promise.withResolvers<void>();

  constructor(options: FileSystemServerOptions, mount: KernelMount) {
    this.#options = options;
    if (options.onEvent !== undefined) this.#listeners.add(options.onEvent);
    this.#mount = mount;
    this.mountPoint = mount.dir;
    this.#configuration = {
      bucket: options.bucket,
      bucketFollows: options.located !== undefined,
      ownStore: options.ownStore ?? false,
      prefix: options.prefix ?? '',
      dataDir: options.dataDir,
      mountPoint: mount.dir,
      readOnly: options.readOnly ?? false,
      hasAccessPoints: options.accessPoints !== undefined,
      accessPoints: (options.accessPoints ?? []).map(withToken),
      quietMs: options.quietMs ?? 2_000,
      maxAgeMs: options.maxAgeMs ?? 60_000,
      escapeKeys: options.escapeKeys,
      changes: options.changes,
      synchronization: options.synchronization,
      cacheBytesMax: options.cacheBytesMax,
      fsync: options.fsync ?? 'disk',
      owner: options.owner ?? { uid: 0, gid: 0 },
      identity: mount.identity,
      mountId: randomBytes(16).toString('hex'),
      restarted: false,
    };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#ready.promise.catch(() => {});
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  async start(): Promise<void> {
    this.#launch();
    void this.#options.located?.then(
      (bucket) => {
        this.#configuration.bucket = bucket;
        this.#configuration.bucketFollows = false;
        this.#server?.locate(bucket);
      },
      (error: Error) => this.#fail(error),
    );
    await this.#ready.promise;
  }

  async addAccessPoint(accessPoint: AccessPoint): Promise<{ id: string; path: string }> {
    const known = this.#configuration.accessPoints.find((a) => a.accessPoint.id === accessPoint.id);
    if (known !== undefined) {
      if (isDeepStrictEqual(known.accessPoint, accessPoint)) return this.#located(known);
      throw new FileSystemServerError(
        'ACCESS_POINT_UNUSABLE',
        `there is another access point ${accessPoint.id}: access points cannot be changed, choose a new id`,
      );
    }
    // Locks are the kernel's there, and it would not know that one file has two numbers.
    if (!this.#configuration.hasAccessPoints)
      throw new FileSystemServerError(
        'ACCESS_POINT_UNUSABLE',
        `${this.mountPoint} was mounted without access points: give a list of them, which may be empty, when it is mounted`,
      );
    const added = withToken(accessPoint);
    await this.#request({ kind: 'addAccessPoint', accessPoint: added });
    this.#configuration.accessPoints.push(added);
    return this.#located(added);
  }

  #located(a: { accessPoint: AccessPoint; token: string }): { id: string; path: string } {
    return { id: a.accessPoint.id, path: join(this.mountPoint, viewDirectoryName(a.token)) };
  }

  async sync(path = '/', signal?: AbortSignal): Promise<void> {
    await this.#request({ kind: 'sync', path }, signal);
  }

  async status(): Promise<FileSystemStatus> {
    const status = await this.#request({ kind: 'status' });
    return {
      ...status,
      ...(this.#store !== undefined && { store: this.#store }),
      bucket: this.#configuration.bucket.bucket,
      prefix: this.#configuration.prefix,
      mountPoint: this.mountPoint,
      readOnly: this.#configuration.readOnly,
      pid: this.pid,
      restarts: this.restarts,
      accessPoints: this.#configuration.accessPoints.map((a) => this.#located(a)),
    };
  }

  failures(from: number, countMax: number): Promise<FailureList> {
    return this.#request({ kind: 'failures', from, countMax });
  }

  metrics(): Promise<FileSystemMetrics> {
    return this.#request({ kind: 'metrics' });
  }

  pending(path: string, countMax: number): Promise<PendingList> {
    return this.#request({ kind: 'pending', path, countMax });
  }

  settleConflict(conflictId: string, how: ConflictEnd, as?: string): Promise<Settlement> {
    const request = { kind: 'settleConflict' as const, conflictId, how };
    return this.#request(as === undefined ? request : { ...request, as });
  }

  synchronization(): Promise<SynchronizationConfiguration> {
    return this.#request({ kind: 'synchronization' });
  }

  putSynchronization(document: unknown): Promise<SynchronizationConfiguration> {
    return this.#request({ kind: 'putSynchronization', document });
  }

  listen(listener: (event: FileSystemServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(event: FileSystemServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async stop(o: { drain?: boolean; signal?: AbortSignal } = {}): Promise<void> {
    if (this.#state === 'over') return;
    if (o.drain === true) await this.#drain(o.signal);
    this.#state = 'stopping';
    clearTimeout(this.#restartTimer);
    await (this.pid === 0 ? this.#removeMount() : this.#unmount());
    if (this.#server !== undefined && this.#server.pid !== 0) {
      this.#server.stop();
      const timer = setTimeout(() => this.#server?.kill(), stopMsMax);
      await this.#processGone.promise;
      clearTimeout(timer);
    }
    this.#over();
  }

  async #drain(signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.sync('/', signal);
    } catch (error) {
      const failures = error instanceof FileSystemServerError ? error.failures : [];
      const status = await this.status().catch(() => undefined);
      const left = status === undefined ? 'changes' : `${status.pending} changes`;
      const why = status?.lastError === undefined ? '' : ` (S3: ${status.lastError.message})`;
      throw new FileSystemServerError(
        'NOT_DRAINED',
        `${left} are not in S3 yet${why}: they are kept in ${this.#configuration.dataDir} and will be exported when the bucket is mounted again with it`,
        failures,
      );
    }
  }

  /** Asks the server; when that dies before it answers, the next one is asked. */
  async #request<R extends ServerRequest>(
    request: R,
    signal?: AbortSignal,
  ): Promise<ServerAnswers[R['kind']]> {
    for (;;) {
      await abortable(this.#ready.promise, signal);
      const reply = await abortable(this.#server!.request(request), signal);
      if (reply.ok || reply.code !== 'SERVER_GONE' || this.#isEnding())
        return valueOf(reply) as ServerAnswers[R['kind']];
      // Its death is known to this loop before `exit` has been handled.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #launch(): void {
    this.#processGone = Promise.withResolvers();
    this.#readyAt = 0;
    this.#server = new ServerProcess(this.#mount.fd, this.#configuration, {
      message: (message) => this.#heard(message),
      said: (line) => this.#options.log('error', line),
      exit: (why) => this.#died(why),
    });
    this.#configuration.restarted = true;
  }

  #heard(message: Exclude<FromServer, { kind: 'reply' }>): void {
    switch (message.kind) {
      case 'ready':
        this.#readyAt = performance.now();
        if (this.#state === 'starting' || this.#state === 'restarting') this.#state = 'serving';
        this.#ready.resolve();
        return;
      case 'session':
        this.#session = message.session;
        this.#raiseReadAhead();
        return;
      case 'store':
        this.#store = message.report;
        return;
      case 'failed':
        return this.#fail(new FileSystemServerError(message.code, message.message));
      case 'conflict':
        return this.#tell(message);
      case 'log':
        return this.#options.log(message.level, message.message);
      case 'unmounted':
        if (this.#isEnding()) return;
        this.#state = 'unmounted';
        this.#tell({ kind: 'unmounted' });
        return;
    }
  }

  #died(why: string): void {
    this.#processGone.resolve();
    if (this.#state === 'unmounted') return this.#over();
    if (this.#isEnding()) return;
    const pauseMs = this.#policy.died(this.#readyAt === 0 ? 0 : performance.now() - this.#readyAt);
    if (this.#session?.resend === false)
      return this.#giveUp(
        `the file system server died (${why}), and this kernel cannot hand its requests to another: Linux 6.9 or newer can`,
      );
    if (pauseMs === undefined) return this.#giveUp(`the file system server keeps dying (${why})`);
    this.#options.log('warn', `the file system server is restarted: ${why}`);
    if (this.#state === 'serving') {
      this.#ready = Promise.withResolvers();
      this.#ready.promise.catch(() => {});
    }
    if (this.#state !== 'starting') this.#state = 'restarting';
    this.#restartTimer = setTimeout(() => {
      this.restarts++;
      this.#launch();
      this.#tell({ kind: 'restarted', restarts: this.restarts, why });
    }, pauseMs);
  }

  /** Nobody is to wait for a server that will not come: the mount goes and waiting calls fail. */
  #giveUp(why: string): void {
    this.#options.log('error', why);
    this.#tell({ kind: 'gave-up', why });
    this.#fail(new FileSystemServerError('SERVER_GONE', why));
  }

  #fail(error: Error): void {
    if (this.#isEnding()) return;
    this.#failure = error;
    this.#state = 'stopping';
    clearTimeout(this.#restartTimer);
    this.#server?.kill();
    void this.#abandon();
  }

  async #abandon(): Promise<void> {
    await this.#removeMount();
    await this.#processGone.promise;
    this.#over();
  }

  #isEnding(): boolean {
    return this.#state === 'unmounted' || this.#state === 'stopping' || this.#state === 'over';
  }

  /** While the server still serves: what the kernel holds is written back first. */
  async #unmount(): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error('the server does not answer')), unmountMsMax);
    try {
      await Promise.race([unmount(this.mountPoint), late]);
    } catch {
      // In use, or the server is stuck: gone from the tree now, and whoever uses it gets an error.
      await this.#removeMount();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Only what was mounted here by us: somebody may have taken it away and mounted something else. */
  async #removeMount(): Promise<void> {
    try {
      if (mountedAt(this.mountPoint)?.device === this.#mount.device)
        await unmount(this.mountPoint, { lazy: true, abort: true });
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      this.#options.log('warn', error.message);
    }
  }

  #over(): void {
    if (this.#state === 'over') return;
    const why = this.#failure ?? new FileSystemServerError('SERVER_GONE', 'the server was stopped');
    this.#state = 'over';
    clearTimeout(this.#restartTimer);
    // The last descriptor of the mount: the kernel now fails every call that still waits.
    closeSync(this.#mount.fd);
    this.#ready.reject(why);
    this.#resolveEnded();
  }

  #raiseReadAhead(): void {
    try {
      writeFileSync(`/sys/class/bdi/${this.#mount.device}/read_ahead_kb`, String(readAheadKib));
    } catch {
      // Only root of the machine may; reading is then slower, nothing else.
    }
  }
}

function withToken(accessPoint: AccessPoint): { accessPoint: AccessPoint; token: string } {
  return { accessPoint, token: randomBytes(16).toString('hex') };
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
