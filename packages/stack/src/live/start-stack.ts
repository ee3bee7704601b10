// Brings up what a template declares, in the order of its dependencies and as much side by side as
// they allow, and takes it down again.
//
//   template ─┬─ store, or the given bucket is checked ─┐
//             ├─ file system server starts ─────────────┴─ serves ─┬─ workers warm ── executions
//             ├─ builds                                            │
//             └─ endpoint, modules of functions and executions ────┘
//
// Everything heavy is loaded while child processes start. Executions that were running
// when the stack last stopped are taken up as the last step, when their functions can run.
// Whatever fails, everything started so far is stopped again before the error reaches the caller.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DurableService } from '@moorage/durable';
import type { Clock, FunctionHost, Log, Random } from '@moorage/functions';
import type { BucketLocation } from '@moorage/object-store';
import type { FunctionBuild } from '../build/build-functions.ts';
import type {
  FileSystemServer,
  FileSystemServerEvent,
  FileSystemServerOptions,
} from '../file-system-server/file-system-server.ts';
import { cachedPlan } from '../template/cached-plan.ts';
import type { AccessPointPlan, FileSystemPlan, StackPlan } from '../template/plan.ts';
import { openEndpoint, type Endpoint } from './endpoint.ts';
import { payloadFiles, savePayloadRoots } from './payload-files.ts';
import { registerFunctions } from './register-functions.ts';
import { LocalStore } from './local-store.ts';
import { StackError } from './stack-error.ts';
import { Teardown } from './teardown.ts';

export interface StackOptions {
  readonly templateFile: string;
  /** Prefix of the functions' names. */
  readonly stackName: string;
  /** Everything this stack keeps; one process at a time. */
  readonly stateDir: string;
  readonly cacheDir: string;
  readonly parameters?: Readonly<Record<string, string>>;
  /** Stands in for the template's bucket; its prefix comes before the file system's own. */
  readonly bucket?: BucketLocation & { readonly prefix: string };
  /** Divides waits, retry delays and callback timeouts of executions, and pauses before asynchronous retries; default 1. */
  readonly timeScale?: number;
  /** Variables the template may ask for (`PassEnvironment`). */
  readonly callerEnvironment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onProgress?: (progress: StackProgress) => void;
  /** Aborted: what is being brought up is taken down and the promise rejected. */
  readonly signal?: AbortSignal;
}

/** A part that is up, and how long it took. */
export interface StackProgress {
  readonly part: 'store' | 'code' | 'file system' | 'functions';
  readonly milliseconds: number;
}

export interface Stack {
  readonly plan: StackPlan;
  /** Invoke API and durable execution API. */
  readonly endpoint: string;
  readonly functions: FunctionHost;
  readonly durable: DurableService;
  /** By logical id. */
  readonly fileSystems: ReadonlyMap<string, FileSystemServer>;
  /** Where the bucket really is; undefined when the template has none. */
  readonly bucket: BucketLocation | undefined;
  /** Process id of the local store, when there is one. */
  readonly storePid: number | undefined;
  /** Directory of an access point on this machine: its identity and jail hold there too. */
  accessPointDirectory(logicalId: string): string;
  /** Aborted with a reason when a part is lost for good (a mount that does not come back). */
  readonly lost: AbortSignal;
  stop(): Promise<void>;
}

const ACCOUNT_ID = '000000000000';
const REGION = 'us-east-1';

export async function startStack(options: StackOptions): Promise<Stack> {
  const teardown = new Teardown(options.clock, options.log);
  try {
    return await new BringUp(options, teardown).run();
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

class BringUp {
  readonly #options: StackOptions;
  readonly #teardown: Teardown;
  readonly #lost = new AbortController();
  readonly #startedMs: number;

  constructor(options: StackOptions, teardown: Teardown) {
    this.#options = options;
    this.#teardown = teardown;
    this.#startedMs = options.clock.now();
  }

  async run(): Promise<Stack> {
    mkdirSync(this.#options.stateDir, { recursive: true, mode: 0o700 });
    const plan = await this.#readPlan();
    const storing = this.#startStore(plan);
    const parts = await allOrFirstError({
      store: storing,
      endpoint: this.#openEndpoint(),
      builds: this.#build(plan),
      fileSystems: this.#startFileSystems(plan, storing),
      modules: this.#loadModules(),
    });
    this.#options.signal?.throwIfAborted();
    const { endpoint, builds, fileSystems, modules } = parts;
    const { durable, functions } = await this.#startFunctions(plan, {
      endpoint,
      builds,
      modules,
      directories: fileSystems.directories,
    });
    return {
      plan,
      endpoint: endpoint.url,
      functions,
      durable,
      fileSystems: fileSystems.servers,
      bucket: fileSystems.bucket,
      get storePid() {
        return parts.store?.pid;
      },
      accessPointDirectory: (logicalId) => {
        const directory = fileSystems.directories.get(logicalId);
        if (directory === undefined) throw new Error(`no access point ${logicalId}`);
        return directory;
      },
      lost: this.#lost.signal,
      stop: () => this.#teardown.run(),
    };
  }

  async #startStore({ buckets }: StackPlan): Promise<LocalStore | undefined> {
    const [bucket] = buckets;
    if (this.#options.bucket || !bucket) return undefined;
    const { clock, log, stateDir } = this.#options;
    const dir = path.join(stateDir, 's3');
    const store = await LocalStore.start({ dir, bucket: bucket.bucket, clock, log });
    this.#teardown.add({
      name: 'the local store',
      // Beside the file systems: what they have not exported by now is exported when they are started again.
      stage: 1,
      limitMs: 5_000,
      stop: () => store.stop(),
    });
    this.#progress('store');
    return store;
  }

  async #readPlan(): Promise<StackPlan> {
    const { templateFile, cacheDir, stackName, bucket, parameters } = this.#options;
    let text: string;
    try {
      text = readFileSync(templateFile, 'utf8');
    } catch (cause) {
      throw new StackError(
        'TemplateUnreadable',
        `The template ${templateFile} cannot be read: ${(cause as Error).message}`,
        'Check the path.',
        { cause },
      );
    }
    const place = { stackName, region: bucket?.region ?? REGION, accountId: ACCOUNT_ID };
    const plan = await cachedPlan(
      {
        file: templateFile,
        text,
        place,
        ...(parameters && { parameters }),
        ...(bucket && { bucket: { name: bucket.bucket, prefix: bucket.prefix } }),
      },
      path.join(cacheDir, 'plans'),
    );
    const [, second] = plan.buckets;
    if (!second) return plan;
    throw new StackError(
      'TemplateUnreadable',
      `The template ${templateFile} declares more than one bucket, which is not supported here.`,
      `Remove ${second.logicalId}, or give its files a prefix of the first one.`,
    );
  }

  async #openEndpoint(): Promise<Endpoint> {
    const endpoint = await openEndpoint(this.#options);
    this.#teardown.add({
      name: 'the endpoint',
      stage: 2,
      limitMs: 2_000,
      stop: () => endpoint.close(),
    });
    return endpoint;
  }

  async #build(plan: StackPlan): Promise<Map<string, FunctionBuild>> {
    const { buildFunctions } = await import('../build/build-functions.ts');
    const builds = await buildFunctions(plan.functions, {
      cacheDir: path.join(this.#options.cacheDir, 'build'),
      clock: () => this.#options.clock.now(),
    });
    this.#progress('code');
    return builds;
  }

  async #startFileSystems(
    plan: StackPlan,
    storing: Promise<LocalStore | undefined>,
  ): Promise<FileSystems> {
    const [bucket] = plan.buckets;
    const servers = new Map<string, FileSystemServer>();
    const directories = new Map<string, string>();
    if (!bucket) return { servers, directories, bucket: undefined };
    const locating = this.#locate(bucket.bucket, storing);
    // Whoever waits for it says what went wrong.
    locating.catch(() => {});
    await Promise.all(
      plan.fileSystems.map(async (fileSystem) => {
        const points = plan.accessPoints.filter((p) => p.fileSystem === fileSystem.logicalId);
        const accessPoints = points.map(accessPoint);
        const server = await this.#startFileSystem(fileSystem, {
          bucket: { bucket: bucket.bucket },
          located: locating,
          accessPoints,
        });
        servers.set(fileSystem.logicalId, server);
        for (const point of points) {
          // Known to the server since its start: this only asks for the path.
          const { path: directory } = await server.addAccessPoint(accessPoint(point));
          directories.set(point.logicalId, directory);
        }
      }),
    );
    this.#progress('file system');
    return { servers, directories, bucket: await locating };
  }

  /** Where the bucket is, once it is known that it can be used. */
  async #locate(name: string, storing: Promise<LocalStore | undefined>): Promise<BucketLocation> {
    const { bucket: given } = this.#options;
    if (given) {
      const { checkBucket } = await import('./check-bucket.ts');
      const location: BucketLocation & { prefix?: string } = { ...given };
      delete location.prefix;
      await checkBucket(location);
      return location;
    }
    const store = await storing;
    if (!store) throw new Error('there is neither a bucket nor a store');
    return { bucket: name, ...store.address, addressing: 'path' };
  }

  async #startFileSystem(
    plan: FileSystemPlan,
    bucket: Pick<FileSystemServerOptions, 'bucket' | 'located' | 'accessPoints'>,
  ): Promise<FileSystemServer> {
    const { stateDir, log } = this.#options;
    const { startFileSystemServer } =
      await import('../file-system-server/start-file-system-server.ts');
    const dataDir = path.join(stateDir, 'file-systems', plan.logicalId);
    const mountPoint = path.join(stateDir, 'mounts', plan.logicalId);
    for (const directory of [dataDir, mountPoint]) mkdirSync(directory, { recursive: true });
    const server = await startFileSystemServer({
      ...bucket,
      ownStore: this.#options.bucket === undefined,
      prefix: plan.prefix,
      synchronization: plan.synchronization,
      dataDir,
      mountPoint,
      log: (level, message) => log(level, message, { fileSystem: plan.logicalId }),
      onEvent: (event) => this.#onFileSystemEvent(plan.logicalId, event),
    });
    this.#teardown.add({
      name: `file system ${plan.logicalId}`,
      stage: 1,
      limitMs: 10_000,
      stop: () => server.stop(),
    });
    return server;
  }

  #onFileSystemEvent(logicalId: string, event: FileSystemServerEvent): void {
    const { log } = this.#options;
    switch (event.kind) {
      case 'restarted':
        log('warn', 'the file system server died and goes on', { logicalId, why: event.why });
        return;
      case 'gave-up':
      case 'unmounted': {
        const why = event.kind === 'unmounted' ? 'it was unmounted from outside' : event.why;
        this.#lost.abort(new Error(`The file system ${logicalId} is gone: ${why}`));
      }
    }
  }

  async #loadModules(): Promise<Modules> {
    const [functions, durable] = await Promise.all([
      import('@moorage/functions'),
      import('@moorage/durable'),
    ]);
    return { ...functions, ...durable };
  }

  async #startFunctions(
    plan: StackPlan,
    parts: {
      endpoint: Endpoint;
      builds: Map<string, FunctionBuild>;
      directories: Map<string, string>;
      modules: Modules;
    },
  ): Promise<{ functions: FunctionHost; durable: DurableService }> {
    const { stateDir, cacheDir, clock, random, log, callerEnvironment } = this.#options;
    const { FunctionHost, DurableService, invokeApi } = parts.modules;
    const { durableFunctions, durableInvoker, hostInvoker } = await import('./invocations.ts');
    const scaled = this.#options.timeScale !== undefined && { timeScale: this.#options.timeScale };
    const host = new FunctionHost({
      ...scaled,
      dir: path.join(stateDir, 'functions'),
      compileCacheDir: path.join(cacheDir, 'compiled', 'functions'),
      clock,
      random,
      log,
    });
    this.#teardown.add({
      name: 'the functions',
      stage: 2,
      limitMs: 5_000,
      stop: () => host.close(),
    });
    registerFunctions(host, plan.functions, {
      stateDir,
      builds: parts.builds,
      directories: parts.directories,
      accessPoints: plan.accessPoints,
      endpoint: parts.endpoint.url,
      callerEnvironment,
    });
    void warmInTurn(host, plan);
    const functions = durableFunctions(host, plan.functions);
    const durable = await DurableService.open({
      dir: path.join(stateDir, 'executions'),
      ...scaled,
      clock,
      random,
      log,
      invoker: hostInvoker(host),
      functions,
    });
    this.#teardown.add({
      name: 'the executions',
      stage: 2,
      limitMs: 5_000,
      stop: () => durable.close(),
    });
    parts.endpoint.serve([
      invokeApi(host, { durable: durableInvoker(durable) }),
      durable.api(),
      payloadFiles(plan, parts.directories),
    ]);
    durable.takeCheckpoints(parts.endpoint.server);
    savePayloadRoots(stateDir, plan);
    this.#progress('functions');
    return { functions: host, durable };
  }

  #progress(part: StackProgress['part']): void {
    const milliseconds = this.#options.clock.now() - this.#startedMs;
    this.#options.onProgress?.({ part, milliseconds });
  }
}

type AccessPoint = Parameters<FileSystemServer['addAccessPoint']>[0];

interface FileSystems {
  /** By logical id, as the directories of the access points. */
  readonly servers: Map<string, FileSystemServer>;
  readonly directories: Map<string, string>;
  /** undefined when the template has none. */
  readonly bucket: BucketLocation | undefined;
}

/**
 * Environments start one after the other, in the order of the template: side by side they would only slow down the
 * one that is needed first. One that does not start shows when it is needed.
 */
async function warmInTurn(host: FunctionHost, { functions }: StackPlan): Promise<void> {
  for (const { name } of functions) await host.warm(name).catch(() => {});
}

type Modules = typeof import('@moorage/functions') & typeof import('@moorage/durable');

function accessPoint(plan: AccessPointPlan): AccessPoint {
  const { id, rootPath, posixUser, creationPermissions } = plan;
  return {
    id,
    rootPath,
    ...(posixUser && { posixUser }),
    ...(creationPermissions && {
      creationPermissions: {
        ownerUid: creationPermissions.uid,
        ownerGid: creationPermissions.gid,
        permissions: creationPermissions.mode.toString(8).padStart(4, '0'),
      },
    }),
  };
}

/**
 * Like Promise.all over a record, but an error waits until the others have ended too: whatever they
 * start meanwhile is then known to the teardown.
 */
async function allOrFirstError<R extends Record<string, Promise<unknown>>>(
  parts: R,
): Promise<{ [K in keyof R]: Awaited<R[K]> }> {
  let first: { error: unknown } | undefined;
  const entries = await Promise.all(
    Object.entries(parts).map(async ([name, part]) => {
      try {
        return [name, await part];
      } catch (error) {
        first ??= { error };
        return [name, undefined];
      }
    }),
  );
  if (first) throw first.error;
  return Object.fromEntries(entries) as { [K in keyof R]: Awaited<R[K]> };
}
