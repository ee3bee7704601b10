/**
 * One simulation: an application, an outside writer, the store's faults and crashes, as the plan has it, on a virtual
 * clock and one thread; checked against the models after every step and, when all is at rest, against the bucket.
 */
import { join } from 'node:path';
import type {
  ExportDataRule,
  ImportDataRule,
  SynchronizationDocument,
} from '../configuration/synchronization.ts';
import { Kind, pending, rootIno } from '../operations.ts';
import type { Caller, Result } from '../operations.ts';
import { checkBucket, checkStep } from './checks.ts';
import { checkFreshMount } from './fresh-mount.ts';
import { newNode } from './model-tree.ts';
import type { ModelNode } from './model-tree.ts';
import { ModelStore } from './model-store.ts';
import { Operations, pattern } from './operations.ts';
import { outsideStep } from './outside-writer.ts';
import type { Plan, Step, Weather } from './plan.ts';
import { Crash, SimulatedProcess } from './process.ts';
import { SeededRandom } from './seeded-random.ts';
import { Trace } from './trace.ts';
import { Broken, newModel } from './world.ts';
import type { Held, World } from './world.ts';

const startMs = 1_700_000_000_000;
const relistMs = 5_000;
/** What goes wrong may be felt for so long after: requests are tried again, failures are shown for a while. */
const excusedMs = 60_000;
/** Longer than any configuration keeps data that nobody reads. */
const expiredMs = 32 * 24 * 60 * 60 * 1000;
const fair: Weather = { faults: 0, staleMs: 0 };

export class Simulation implements World {
  readonly plan: Plan;
  readonly store: ModelStore;
  readonly process: SimulatedProcess;
  readonly trace: Trace = new Trace();
  readonly model: ModelNode = newModel();
  readonly guarded: Map<number, Uint8Array> = new Map();
  readonly held: Held[] = [];
  excuses: { disk: boolean; store: boolean } = { disk: false, store: false };
  #now = startMs;
  #serial = 0;
  #request = 0;
  #weather: Weather = fair;
  #badDiskMs = 0;
  #badStoreMs = 0;
  readonly #dir: string;
  #random: SeededRandom;

  constructor(plan: Plan, dir: string) {
    this.plan = plan;
    this.#dir = dir;
    this.#random = new SeededRandom(plan.seed + 1);
    this.store = new ModelStore(() => this.#now, plan.careless);
    this.#fillBucket();
    this.process = this.#newProcess('first');
  }

  #newProcess(name: string): SimulatedProcess {
    return new SimulatedProcess({
      dir: join(this.#dir, name),
      id: 'fs-0',
      store: this.store,
      random: new SeededRandom(this.plan.seed + 2),
      pageKeys: this.plan.pageKeys,
      manyNames: this.plan.manyNames,
      escapes: this.plan.escapes,
      fsync: this.plan.fsyncsToBucket ? 's3' : 'disk',
      // No two changes at the same time.
      clock: { now: () => (this.#now += 0.001) },
      trace: (line) => this.trace.add(`  ${line}`),
      holds: (ino) => this.held.some((entry) => entry.ino === ino),
    });
  }

  /** Runs the plan to its end. Throws `Broken`; `stepsDone` then says how far it came. */
  async run(): Promise<void> {
    for (const [i, step] of this.plan.steps.entries()) {
      this.#random = new SeededRandom(step.seed);
      this.trace.add(`${i} ${stepText(step)}`);
      if (this.process.diskFull) this.#badDiskMs = this.#now;
      if (this.#weather.faults > 0) this.#badStoreMs = this.#now;
      const since = this.#now - excusedMs;
      this.excuses = { disk: this.#badDiskMs >= since, store: this.#badStoreMs >= since };
      await this.#step(step);
      checkStep(this);
    }
    await this.#comeToRest();
  }

  async end(): Promise<void> {
    await this.process.end(this.#random);
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  async act(
    operation: (c: Caller) => Result,
  ): Promise<{ result: Result; ino: number | undefined }> {
    const request = ++this.#request;
    const caller: Caller = { view: 0, uid: 0, gid: 0, pid: 7, request, groups: () => [] };
    for (let tries = 0; tries < 1_000; tries++) {
      const { life, fs } = this.process;
      let result: Result = pending;
      await this.guard(() => {
        result = operation(caller);
        this.process.hand();
      });
      if (life !== this.process.life) {
        const done = this.process.fs.carriedOut(request);
        if (done !== undefined) return done;
      } else if (result !== pending) return { result, ino: undefined };
      else await this.#wait(fs.pendingOn);
    }
    throw new Broken('an operation was repeated a thousand times');
  }

  async guard(work: () => void): Promise<void> {
    try {
      work();
    } catch (error) {
      await this.#afterCrash(error);
    }
  }

  async #afterCrash(error: unknown): Promise<void> {
    for (let crash = error; ;) {
      if (!(crash instanceof Crash)) throw crash;
      this.trace.add('  starting again');
      try {
        await this.process.restart(this.#random);
        return;
      } catch (again) {
        crash = again;
      }
    }
  }

  /** Until the operation is to be repeated. */
  async #wait(waitId: number): Promise<void> {
    const { life } = this.process;
    for (let i = 0; i < 30_000; i++) {
      if (this.process.life !== life || this.process.ready.has(waitId)) return;
      await this.#drive();
    }
    throw new Broken('an operation waits for ever');
  }

  /** One thing happens; when nothing can, the time of the next comes. */
  async #drive(): Promise<void> {
    try {
      if (await this.process.drive(this.#random, this.#weather)) this.#now += 1;
      else this.#skip();
    } catch (error) {
      await this.#afterCrash(error);
    }
  }

  #skip(): void {
    const late = Math.min(...this.store.late.map(({ at }) => at));
    const next = Math.min(this.process.sync.nextDeadline(), late);
    if (Number.isFinite(next)) this.#now = Math.max(this.#now, next);
    else this.#now += 1_000;
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case 'operation':
        return new Operations(this, this.#random).any();
      case 'drive':
        for (let i = 0; i < step.requests; i++) await this.#drive();
        return;
      case 'sleep':
        this.#now += step.ms;
        return;
      case 'crash':
        return this.#afterCrash(new Crash('between operations'));
      case 'arm':
        this.process.arm(step.failpoint, step.count);
        return;
      case 'outside':
        outsideStep(this, this.#random);
        return;
      case 'disk':
        this.process.diskFull = step.full;
        return;
      case 'weather':
        this.#weather = step.weather;
        return;
      case 'barrier':
        return this.guard(() => void this.process.sync.barrier(0));
      case 'maintain':
        return this.guard(() => void this.process.fs.maintain(true));
      case 'fsync':
        return new Operations(this, this.#random).fsync();
      case 'configure':
        return this.guard(() => this.process.sync.configure(drawRules(this.#random), true));
      case 'expire':
        if (this.#random.chance(0.5)) await new Operations(this, this.#random).overwriteLarge();
        this.#now += expiredMs;
        // Otherwise whoever comes next finds everything as it was left.
        if (this.#random.chance(0.5)) return;
        return this.guard(() => this.process.sync.tick(this.#now));
    }
  }

  /** Faults stop, everybody stops, and what is to happen happens. */
  async #comeToRest(): Promise<void> {
    this.trace.add('rest');
    this.#random = new SeededRandom(this.plan.seed + 3);
    this.#weather = fair;
    this.process.disarm();
    this.process.diskFull = false;
    // Failures are shown for some seconds before they are tried again, and uploads nobody knows looked for after 30.
    this.#now += 60_000;
    let before = '';
    for (let round = 0; round < 20; round++) {
      await this.#wait(this.process.sync.barrier(0));
      await this.#importAll();
      this.#touchAll();
      this.#now += relistMs;
      for (let quiet = 0; quiet < 3;) {
        quiet = (await this.process.drive(this.#random, fair)) ? 0 : quiet + 1;
        this.#now += 1;
      }
      const after = this.#picture();
      if (after === before && round >= 2) break;
      before = after;
    }
    await this.#readAll(rootIno);
    checkStep(this, Infinity);
    checkBucket(this);
    if (!this.plan.outside && this.plan.seed % 4 === 0) await this.#checkFresh();
  }

  async #checkFresh(): Promise<void> {
    const fresh = this.#newProcess('fresh');
    try {
      await checkFreshMount(this.process, fresh, this.#random);
    } finally {
      await fresh.end(this.#random);
    }
  }

  /** Everything there is in S3 is known here. */
  async #importAll(): Promise<void> {
    for (let tries = 0; tries < 1_000; tries++) {
      const waitId = this.process.sync.needTree(rootIno);
      if (waitId === 0) return;
      if (waitId < pending) throw new Broken(`the tree cannot be listed: ${waitId}`);
      await this.#wait(waitId);
    }
    throw new Broken('the tree is listed for ever');
  }

  #touchAll(): void {
    const touch = (ino: number): void => {
      this.process.sync.touched(ino);
      this.process.fs.tree.children(ino, (_, child, kind) => {
        if (kind === Kind.directory) touch(child);
      });
    };
    touch(rootIno);
  }

  /** What must not change any more. */
  #picture(): string {
    const versions = [...this.store.versions.values()].reduce((n, list) => n + list.length, 0);
    const lines: string[] = [`${versions} ${this.process.sync.status().pending}`];
    const walk = (ino: number): void => {
      this.process.fs.tree.children(ino, (name, child, kind) => {
        lines.push(`${child} ${kind} ${name} ${this.process.fs.tree.base(child)}`);
        if (kind === Kind.directory) walk(child);
      });
    };
    walk(rootIno);
    return lines.join('\n');
  }

  async #readAll(directory: number): Promise<void> {
    const { fs } = this.process;
    const children: { ino: number; kind: Kind }[] = [];
    fs.tree.children(directory, (_, ino, kind) => children.push({ ino, kind }));
    for (const { ino, kind } of children) {
      await this.act((c) => (fs.access(c, ino, 0) === pending ? pending : 0));
      if (kind === Kind.directory) await this.#readAll(ino);
      else {
        for (let i = 0; i < 100; i++) {
          const span = fs.tree.missing(ino)[0];
          if (span === undefined) break;
          const bytes = new Uint8Array(span.end - span.start);
          await this.act((c) => fs.read(c, ino, span.start, bytes.length, bytes, 0));
        }
      }
    }
  }

  /** What was in the bucket before it was mounted. */
  #fillBucket(): void {
    const random = new SeededRandom(this.plan.seed + 4);
    const about = { metadata: {}, headers: {}, tagging: '' };
    for (const key of ['a', 'b/a', 'b/c', 'c/d/a', 'c/d/b', 'd']) {
      if (random.chance(0.5)) continue;
      const bytes = pattern(this.nextSerial(), random.pick([0, 40, 5_000, 70_000, 300_000]));
      this.store.write(key, bytes, about, 'outside');
      let node = this.model;
      const parts = key.split('/');
      for (const part of parts.slice(0, -1)) {
        const known = node.children.get(part) ?? newNode(Kind.directory);
        node.children.set(part, known);
        node = known;
      }
      node.children.set(parts.at(-1)!, newNode(Kind.file, bytes));
    }
    this.#now += 10_000;
  }
}

function drawRules(random: SeededRandom): SynchronizationDocument {
  const importRule = (prefix: string): ImportDataRule => ({
    prefix,
    trigger: random.pick(['ON_DIRECTORY_FIRST_ACCESS', 'ON_FILE_ACCESS']),
    sizeLessThan: random.pick([0, 1_000, 66_000, 131_072, 400_000, 100_000_000]),
  });
  const exportRule = (prefix: string): ExportDataRule => {
    const quietMs = random.pick([0, 500, 2_000]);
    return { prefix, quietMs, maxAgeMs: quietMs + random.pick([0, 5_000, 60_000]) };
  };
  return {
    importDataRules: [importRule(''), importRule('b/'), importRule('c/d/')],
    expirationDataRules: [{ daysAfterLastAccess: random.pick([1, 30]) }],
    moorageExportDataRules: [exportRule(''), exportRule('b/')],
  };
}

function stepText(step: Step): string {
  const { seed: _, ...rest } = step;
  return JSON.stringify(rest);
}
