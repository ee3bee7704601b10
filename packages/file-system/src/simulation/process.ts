/**
 * The simulated process: a file system on its data directory, its planner, the transfer side over the model store.
 * It can be killed and started again on the same directory and the same kernel session; the transfer side's own
 * promises are let run until everything waits for the store or the planner.
 */
import { existsSync, fstatSync, mkdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fullTraits, guardedBucket } from '@moorage/object-store';
import type { StoreTraits } from '@moorage/object-store';
import type { FsyncTarget } from '../core/durability.ts';
import { Failpoint, installFailpoints } from '../failpoint.ts';
import { FileSystem } from '../file-system.ts';
import { Kind, newAttributes } from '../operations.ts';
import { createPlanner } from '../sync/planner.ts';
import type { Sync } from '../sync/port.ts';
import type { TransferResult } from '../transfer/jobs.ts';
import { Transfers } from '../transfer/transfers.ts';
import type { ModelStore } from './model-store.ts';
import type { Weather } from './plan.ts';
import type { SeededRandom } from './seeded-random.ts';
import { StoreClient } from './store-client.ts';

/** Thrown where the process dies. */
export class Crash extends Error {}

export interface ProcessOptions {
  dir: string;
  id: string;
  store: ModelStore;
  random: SeededRandom;
  pageKeys: number;
  manyNames: number;
  escapes: boolean;
  fsync: FsyncTarget;
  clock: { now(): number };
  trace: (line: string) => void;
  /** What the kernel holds. */
  holds: (ino: number) => boolean;
}

const journalBytes = 256 * 1024;
const relistMs = 5_000;

/** Points at which a full disk is noticed. */
const diskPoints: ReadonlySet<Failpoint> = new Set([
  Failpoint.slotWrite,
  Failpoint.cacheMake,
  Failpoint.cacheWrite,
  Failpoint.commit,
  Failpoint.reserveMake,
  Failpoint.downloadWrite,
]);

/** What a probe of a careless store finds. */
const careless: StoreTraits = {
  ...fullTraits,
  putIfAbsent: 'no',
  putIfMatch: 'no',
  copyCondition: 'no',
  completeCondition: 'no',
  deleteIfMatch: 'no',
};

export class SimulatedProcess {
  readonly #o: ProcessOptions;
  #armed: { failpoint: Failpoint; count: number } | undefined;
  #isUp = false;
  diskFull = false;
  readonly ready: Set<number> = new Set();
  #inbox: TransferResult[] = [];
  /** Descriptors of the flush under way. */
  #flushing: readonly number[] | undefined;
  /** What is on disk since the last flush: of each file that was flushed. */
  flushed: Buffer[] = [];
  /** Counts the lives. */
  life = 0;
  fs!: FileSystem;
  sync!: Sync;
  #client!: StoreClient;
  #transfers!: Transfers;

  constructor(o: ProcessOptions) {
    this.#o = o;
    mkdirSync(o.dir, { recursive: true });
    // Small ones, made beforehand: making the real ones would take most of a simulation's time.
    writeFileSync(join(o.dir, 'journal'), new Uint8Array(journalBytes));
    writeFileSync(join(o.dir, 'reserve'), new Uint8Array(1));
    installFailpoints((name) => this.#at(name));
    this.#start();
    this.fs.freshSession();
  }

  get waiting(): number {
    return this.#client.waiting;
  }

  arm(failpoint: Failpoint, count: number): void {
    this.#armed = { failpoint, count };
  }

  disarm(): void {
    this.#armed = undefined;
  }

  /** Hands the planner's new jobs over. */
  hand(): void {
    this.#transfers.accept(this.sync.take());
  }

  /** Jobs leave, results arrive, what is due is done, and one request happens. False: nothing was to be done. */
  async drive(random: SeededRandom, weather: Weather): Promise<boolean> {
    const now = this.#o.clock.now();
    this.#o.store.settleLate(now);
    if (this.sync.nextDeadline() <= now) this.sync.tick(now);
    this.hand();
    this.#flush();
    await this.#settle();
    const happened = this.#client.step(random, weather);
    if (happened) await this.#settle();
    const results = this.#inbox.splice(0).sort((a, b) => a.id - b.id);
    if (results.length > 0) this.sync.apply(results);
    this.hand();
    return happened || results.length > 0 || this.sync.nextDeadline() <= now;
  }

  /** The disk is done with it. */
  #flush(): void {
    if (this.#flushing === undefined) return;
    this.flushed = this.#flushing.map((fd) => {
      const bytes = Buffer.alloc(fstatSync(fd).size);
      readSync(fd, bytes, 0, bytes.length, 0);
      return bytes;
    });
    this.#flushing = undefined;
    this.fs.flushed(false);
  }

  /** kill -9, and a new process on the same directory and session. */
  async restart(random: SeededRandom): Promise<void> {
    this.#isUp = false;
    await this.#letGo(random);
    this.#start();
  }

  async end(random: SeededRandom): Promise<void> {
    installFailpoints(undefined);
    await this.#letGo(random);
    rmSync(this.#o.dir, { recursive: true, force: true });
  }

  async #letGo(random: SeededRandom): Promise<void> {
    await this.#transfers.close();
    this.#client.kill(random);
    await this.#settle();
    this.#inbox = [];
    this.#flushing = undefined;
    this.ready.clear();
    this.fs.abandon();
  }

  #start(): void {
    const { dir, id, store, clock, pageKeys, trace, random, fsync, manyNames } = this.#o;
    this.life++;
    const client = new StoreClient({ store, now: () => clock.now(), pageKeys, trace });
    this.#client = client;
    const deliver = (results: TransferResult[]): void => {
      if (this.#client === client) this.#inbox.push(...results);
    };
    const bucket = store.isCareless ? guardedBucket(client, Promise.resolve(careless)) : client;
    this.#transfers = new Transfers({ bucket, deliver });
    this.fs = new FileSystem({
      dir,
      id,
      remote: true,
      clock,
      events: {
        ready: (waitId) => void this.ready.add(waitId),
        inodeChanged: () => undefined,
        entryChanged: () => undefined,
        // Directories stay in the kernel's memory, so they are listed again and again.
        holds: (ino) => this.#isDirectory(ino) || this.#o.holds(ino),
      },
      fsync,
      manyNames,
      flusher: {
        flush: (descriptors) => void (this.#flushing = descriptors),
        writeBack: () => true,
      },
    });
    this.#isUp = true;
    this.sync = createPlanner(this.fs.tree, {
      bucket: 'simulated',
      prefix: '',
      quietMs: 2_000,
      maxAgeMs: 60_000,
      relistMs,
      escapeKeys: this.#o.escapes,
      defaults: { uid: 0, gid: 0, fileMode: 0o644, directoryMode: 0o755 },
      clock,
      random: () => random.next(),
      log: (line) => trace(`sync ${line}`),
    });
    this.fs.attach(this.sync);
  }

  #isDirectory(ino: number): boolean {
    const out = newAttributes();
    return this.fs.tree.attributes(ino, out) && out.kind === Kind.directory;
  }

  #at(name: Failpoint): void {
    if (this.diskFull && diskPoints.has(name)) {
      // A COMMIT needs little: what giving up the reserve sets free is enough.
      const isFull = name !== Failpoint.commit || existsSync(join(this.#o.dir, 'reserve'));
      if (isFull) throw Object.assign(new Error('simulated: disk full'), { code: 'ENOSPC' });
    }
    if (!this.#isUp || this.#armed?.failpoint !== name || --this.#armed.count > 0) return;
    this.#armed = undefined;
    this.#o.trace(`crash at ${name}`);
    throw new Crash(name);
  }

  /** Until nothing but the store and the planner is waited for. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 2;) {
      await new Promise((resolve) => setImmediate(resolve));
      const isBusy = process
        .getActiveResourcesInfo()
        .some((resource) => resource === 'FSReqPromise' || resource === 'CloseReq');
      quiet = isBusy ? 0 : quiet + 1;
    }
  }
}
