// Brings up what a template declares, in the order of its dependencies and as much side by side as
// they allow, and takes it down again.
//
//   local store ─┬─ bucket ── file system servers ── access points ─┬─ workers warm ── ready
//   template ────┼─ builds ─────────────────────────────────────────┘
//   endpoint ────┴─ modules loaded
//
// The store is started before this module's heavy parts are even loaded. Executions that were running
// when the stack last stopped are taken up as the last step, when their functions can run.
// Whatever fails, everything started so far is stopped again before the error reaches the caller.
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DurableService } from '@moorage/durable';
import type { FunctionHost } from '@moorage/functions';
import type { BucketLocation } from '@moorage/object-store';
import type { FunctionBuild } from '../build/build-functions.ts';
import type {
  FileSystemServer,
  FileSystemServerEvent,
} from '../file-system-server/file-system-server.ts';
import type { AccessPointPlan, FileSystemPlan, StackPlan } from '../template/plan.ts';
import { openEndpoint, type Endpoint } from './endpoint.ts';
import { registerFunctions } from './register-functions.ts';
import { LocalStore } from './local-store.ts';
import type { Clock, Log, Random } from './ports.ts';
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
  /** Where each bucket really is, by logical id. */
  readonly buckets: ReadonlyMap<string, BucketLocation>;
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
    const { stateDir } = this.#options;
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    const text = this.#readTemplate();
    // Known from the text alone: the store starts while the template is still being understood.
    const store = text.includes('AWS::S3::Bucket')
      ? this.#startStore()
      : Promise.resolve(undefined);
    const planned = this.#plan(text);
    const building = planned.then((plan) => this.#build(plan));
    const mounting = planned.then((plan) => this.#startFileSystems(plan, store));
    const parts = await allOrFirstError({
      store,
      plan: planned,
      endpoint: this.#openEndpoint(),
      builds: building,
      fileSystems: mounting,
      modules: this.#loadModules(),
    });
    this.#options.signal?.throwIfAborted();
    const { plan, endpoint, builds, fileSystems, modules } = parts;
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
      buckets: fileSystems.buckets,
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

  async #startStore(): Promise<LocalStore | undefined> {
    if (this.#options.bucket) return undefined;
    const { clock, log, stateDir } = this.#options;
    const store = await LocalStore.start({ dir: path.join(stateDir, 's3'), clock, log });
    this.#teardown.add({
      name: 'the local store',
      stage: 0,
      limitMs: 5_000,
      stop: () => store.stop(),
    });
    this.#progress('store');
    return store;
  }

  #readTemplate(): string {
    const { templateFile } = this.#options;
    try {
      return readFileSync(templateFile, 'utf8');
    } catch (cause) {
      throw new StackError(
        'TemplateUnreadable',
        `The template ${templateFile} cannot be read: ${(cause as Error).message}`,
        'Check the path.',
        { cause },
      );
    }
  }

  async #plan(text: string): Promise<StackPlan> {
    const { templateFile, stackName, bucket, parameters } = this.#options;
    const { readPlan } = await import('../template/read-plan.ts');
    return readPlan({
      file: templateFile,
      text,
      place: { stackName, region: bucket?.region ?? REGION, accountId: ACCOUNT_ID },
      ...(parameters && { parameters }),
      ...(bucket && { bucket: { name: bucket.bucket, prefix: bucket.prefix } }),
    });
  }

  async #openEndpoint(): Promise<Endpoint> {
    const endpoint = await openEndpoint(this.#options.stateDir, this.#options.stackName);
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
    starting: Promise<LocalStore | undefined>,
  ): Promise<{
    servers: Map<string, FileSystemServer>;
    buckets: Map<string, BucketLocation>;
    directories: Map<string, string>;
  }> {
    const servers = new Map<string, FileSystemServer>();
    const buckets = new Map<string, BucketLocation>();
    const directories = new Map<string, string>();
    if (plan.buckets.length === 0) return { servers, buckets, directories };
    const [{ checkBucket, makeBucket }, store] = await Promise.all([
      import('./prepare-bucket.ts'),
      starting,
    ]);
    await Promise.all(
      plan.buckets.map(async ({ logicalId, bucket }) => {
        const location = this.#location(bucket, store);
        await (store ? makeBucket(location) : checkBucket(location));
        buckets.set(logicalId, location);
      }),
    );
    await Promise.all(
      plan.fileSystems.map(async (fileSystem) => {
        const bucket = buckets.get(fileSystem.bucket) as BucketLocation;
        const points = plan.accessPoints.filter((p) => p.fileSystem === fileSystem.logicalId);
        const server = await this.#startFileSystem(fileSystem, bucket, points.map(accessPoint));
        servers.set(fileSystem.logicalId, server);
        for (const point of points) {
          // Known to the server since its start: this only asks for the path.
          const { path: directory } = await server.addAccessPoint(accessPoint(point));
          directories.set(point.logicalId, directory);
        }
      }),
    );
    this.#progress('file system');
    return { servers, buckets, directories };
  }

  #location(bucket: string, store: LocalStore | undefined): BucketLocation {
    if (store) return { bucket, ...store.address, addressing: 'path' };
    const { prefix: _, ...location } = this.#options.bucket as BucketLocation & { prefix: string };
    return location;
  }

  async #startFileSystem(
    plan: FileSystemPlan,
    bucket: BucketLocation,
    accessPoints: readonly AccessPoint[],
  ): Promise<FileSystemServer> {
    const { stateDir, log } = this.#options;
    const { startFileSystemServer } =
      await import('../file-system-server/start-file-system-server.ts');
    const dataDir = path.join(stateDir, 'file-systems', plan.logicalId);
    const mountPoint = path.join(stateDir, 'mounts', plan.logicalId);
    for (const directory of [dataDir, mountPoint]) mkdirSync(directory, { recursive: true });
    const server = await startFileSystemServer({
      bucket,
      prefix: plan.prefix,
      dataDir,
      mountPoint,
      accessPoints,
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
    const host = new FunctionHost({
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
    // Not waited for: an environment that does not start shows when it is first needed.
    for (const { name } of plan.functions) host.warm(name).catch(() => {});
    const functions = durableFunctions(host, plan.functions);
    const durable = await DurableService.open({
      dir: path.join(stateDir, 'executions'),
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
      invokeApi(host, { durable: durableInvoker(durable, functions) }),
      durable.api(),
    ]);
    this.#progress('functions');
    return { functions: host, durable };
  }

  #progress(part: StackProgress['part']): void {
    const milliseconds = this.#options.clock.now() - this.#startedMs;
    this.#options.onProgress?.({ part, milliseconds });
  }
}

type AccessPoint = Parameters<FileSystemServer['addAccessPoint']>[0];
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
