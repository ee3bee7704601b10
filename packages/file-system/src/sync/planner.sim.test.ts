/**
 * Seeded simulation: a file system, its planner and the transfer side over a bucket in memory, with a virtual clock,
 * failing requests, lost answers, crashes, and in half of the runs an outside writer.
 *
 * Without an outside writer the tree must at the end be exactly what a plain model of the operations says, S3 must
 * be its mirror, a fresh file system on the bucket must show the same, and nothing may be taken for a conflict.
 * With one, the tree and S3 must agree, and every content that was ever acknowledged and neither overwritten nor
 * deleted here must still be somewhere: in the tree, in lost+found or in a version of an object.
 */
import { expect, test } from 'vitest';
import { Change, Kind, newAttributes, ok, pending, Rename, rootIno } from '../operations.ts';
import type { Result } from '../operations.ts';
import { Fixture, root } from '../testing/fixture.ts';
import { SimulatedBucket } from '../testing/simulated-bucket.ts';
import { Transfers } from '../transfer/transfers.ts';
import { createPlanner } from './planner.ts';
import type { Sync } from './port.ts';

const runs = 15;
const stepsPerRun = 70;
const seeds = Array.from({ length: runs }, (_, seed) => seed);
const names = ['a', 'b', 'c'];

test.each(seeds)('seed %i, alone', async (seed) => {
  const simulation = new Simulation(seed, false);
  try {
    await simulation.run();
  } finally {
    simulation.end();
  }
});

test.each(seeds)('seed %i, with an outside writer', async (seed) => {
  const simulation = new Simulation(seed, true);
  try {
    await simulation.run();
  } finally {
    simulation.end();
  }
});

/** A file is its content, a directory its children. */
type Model = string | Map<string, Model>;

class Simulation {
  readonly #random: () => number;
  readonly #withOutside: boolean;
  readonly #fixture: Fixture;
  readonly #bucket: SimulatedBucket;
  readonly #model = new Map<string, Model>();
  #sync: Sync;
  #transfers: Transfers;
  #now = 1_700_000_000_000;
  #serial = 0;

  constructor(seed: number, withOutside: boolean) {
    this.#random = mulberry32(seed * 2 + (withOutside ? 1 : 0));
    this.#withOutside = withOutside;
    this.#fixture = new Fixture({
      remote: true,
      id: 'fs-0',
      clock: { now: () => (this.#now += 0.01) },
    });
    this.#bucket = new SimulatedBucket(this.#random, () => this.#now);
    this.#bucket.faults = 0.15;
    this.#sync = this.#attach(this.#fixture);
    this.#transfers = this.#connect();
  }

  #attach(fixture: Fixture): Sync {
    const sync = createPlanner(fixture.fs.tree, {
      bucket: 'simulated',
      prefix: '',
      quietMs: 2_000,
      maxAgeMs: 60_000,
      relistMs: 5_000,
      defaults: { uid: 0, gid: 0, fileMode: 0o644, directoryMode: 0o755 },
      clock: { now: () => this.#now },
      random: this.#random,
      log: () => undefined,
    });
    fixture.fs.attach(sync);
    return sync;
  }

  #connect(): Transfers {
    const transfers: Transfers = new Transfers({
      bucket: this.#bucket,
      deliver: (results) => {
        if (this.#transfers === transfers) this.#sync.apply(results);
      },
    });
    return transfers;
  }

  async run(): Promise<void> {
    for (let i = 0; i < stepsPerRun; i++) await this.#step();
    await this.#quiesce();
    this.#check();
    await this.#checkFresh();
  }

  end(): void {
    this.#fixture.end();
  }

  async #step(): Promise<void> {
    const chance = this.#random();
    if (chance < 0.45) await this.#operation();
    else if (chance < 0.8) await this.#progress();
    else if (chance < 0.85) this.#now += this.#random() * 8_000;
    else if (chance < 0.88) await this.#crash();
    else if (this.#withOutside) this.#outside();
  }

  /** The planner's jobs leave, one request happens, results arrive. */
  async #progress(): Promise<void> {
    this.#now += this.#random() * 500;
    this.#sync.tick(this.#now);
    this.#transfers.accept(this.#sync.take());
    await settle();
    this.#bucket.step();
    await settle();
  }

  async #crash(): Promise<void> {
    this.#transfers.accept(this.#sync.take());
    await settle();
    const old = this.#transfers;
    this.#transfers = this.#connect();
    await old.close();
    this.#bucket.abandon();
    this.#fixture.crash();
    this.#fixture.ready.length = 0;
    this.#sync = this.#attach(this.#fixture);
  }

  #outside(): void {
    const key = `${this.#random() < 0.5 ? `${this.#name()}/` : ''}${this.#name()}`;
    if (this.#random() < 0.6) this.#bucket.put_(key, `outside ${this.#serial++}`);
    else this.#bucket.delete_(key);
  }

  #name(): string {
    return names[Math.floor(this.#random() * names.length)] ?? 'a';
  }

  /** Repeats an operation until it is not Pending. */
  async #do(operation: () => Result): Promise<Result> {
    for (let i = 0; i < 10_000; i++) {
      const result = operation();
      if (result !== pending) return result;
      await this.#progress();
    }
    throw new Error('An operation is Pending for ever.');
  }

  /** A random operation, on the file system and (when it was carried out) on the model. */
  async #operation(): Promise<void> {
    const where = await this.#directory();
    if (where === undefined) return;
    const { ino, model } = where;
    const name = this.#name();
    const { fs } = this.#fixture;
    const out = newAttributes();
    const chance = this.#random();
    if (chance < 0.4) {
      const text = `content ${this.#serial++}`;
      if (await this.#write(ino, name, text)) model.set(name, text);
    } else if (chance < 0.55) {
      const status = await this.#do(() => fs.unlink(root, ino, name));
      if (status === ok) model.delete(name);
    } else if (chance < 0.65) {
      const status = await this.#do(() => fs.mkdir(root, ino, name, 0o755, out));
      if (status === ok) model.set(name, new Map());
    } else if (chance < 0.68) {
      await this.#chmod(ino, name);
    } else if (chance < 0.72) {
      const status = await this.#do(() => fs.rmdir(root, ino, name));
      if (status === ok) model.delete(name);
    } else {
      const to = await this.#directory();
      if (to === undefined) return;
      const toName = this.#name();
      const flags = this.#random() < 0.3 ? Rename.exchange : 0;
      const status = await this.#do(() => fs.rename(root, ino, name, to.ino, toName, flags));
      if (status === ok) rename(model, name, to.model, toName, flags);
    }
  }

  async #chmod(parent: number, name: string): Promise<void> {
    const { fs } = this.#fixture;
    const out = newAttributes();
    if ((await this.#do(() => fs.lookup(root, parent, name, out))) !== ok) return;
    const mode = this.#random() < 0.5 ? 0o600 : 0o755;
    const times = { atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0 };
    const changes = { valid: Change.mode, mode, uid: 0, gid: 0, size: 0, ...times };
    await this.#do(() => fs.setattr(root, out.ino, changes, out));
  }

  /** The root or a directory in it. */
  async #directory(): Promise<{ ino: number; model: Map<string, Model> } | undefined> {
    if (this.#random() < 0.5) return { ino: rootIno, model: this.#model };
    const name = this.#name();
    const out = newAttributes();
    const status = await this.#do(() => this.#fixture.fs.lookup(root, rootIno, name, out));
    if (status !== ok || out.kind !== Kind.directory) return undefined;
    const known = this.#model.get(name);
    if (known instanceof Map) return { ino: out.ino, model: known };
    if (!this.#withOutside) throw new Error(`The model has no directory ${name}.`);
    const appeared = new Map<string, Model>();
    this.#model.set(name, appeared);
    return { ino: out.ino, model: appeared };
  }

  async #write(parent: number, name: string, text: string): Promise<boolean> {
    const { fs } = this.#fixture;
    const out = newAttributes();
    const handle = await this.#do(() => fs.create(root, parent, name, 0o644, 0o1002, out));
    if (handle < 0) return false;
    const bytes = Buffer.from(text);
    const count = await this.#do(() => fs.write(root, out.ino, 0, bytes, 0, bytes.length, 0));
    fs.release(out.ino, handle, 0n);
    return count === bytes.length;
  }

  /** No more faults; everything that is to happen happens. */
  async #quiesce(): Promise<void> {
    this.#bucket.faults = 0;
    const waitId = this.#sync.barrier(0);
    const { ready } = this.#fixture;
    for (let i = 0; i < 20_000 && !ready.includes(waitId); i++) await this.#progress();
    if (!ready.includes(waitId)) throw new Error(`Not in S3 in the end: ${this.#told()}`);
    if (this.#withOutside) {
      // Changes of the last moment are seen by the next listings of directories in use.
      for (let round = 0; round < 6; round++) {
        await this.#do(() => (this.#sync.needTree(rootIno) === 0 ? 0 : pending));
        this.#touchAll();
        this.#now += 6_000;
        for (let i = 0; i < 60; i++) await this.#progress();
        const again = this.#sync.barrier(0);
        for (let i = 0; i < 2_000 && !ready.includes(again); i++) await this.#progress();
      }
    }
    await this.#do(() => (this.#sync.needTree(rootIno) === 0 ? 0 : pending));
    expect(this.#sync.status().pending, this.#told()).toBe(0);
  }

  #touchAll(): void {
    const touch = (ino: number): void => {
      this.#sync.touched(ino);
      this.#fixture.fs.tree.children(ino, (_, child, kind) => {
        if (kind === Kind.directory) touch(child);
      });
    };
    touch(rootIno);
  }

  #told(): string {
    return JSON.stringify({ status: this.#sync.status(), keys: this.#bucket.keys() });
  }

  #check(): void {
    const tree = this.#treeOf(this.#fixture);
    if (!this.#withOutside) {
      expect(this.#sync.status().conflicts).toEqual([]);
      expect(tree).toEqual(flatten(this.#model));
    } else this.#checkNothingLost(tree);
    this.#checkModes();
    const inS3: Record<string, string> = {};
    for (const key of this.#bucket.keys()) {
      const path = `/${key}`;
      inS3[path] = key.endsWith('/') ? '' : this.#textAt(key);
    }
    // A directory is in S3 by its marker or by what is in it.
    const files = (all: Record<string, string>): Record<string, string> =>
      Object.fromEntries(Object.entries(all).filter(([path]) => !path.endsWith('/')));
    const failures = this.#sync.status().importFailures.map(({ key }) => `/${key}`);
    for (const path of failures) delete inS3[path];
    expect(files(inS3)).toEqual(files(tree));
    for (const path of Object.keys(tree)) {
      if (!path.endsWith('/')) continue;
      const isThere = this.#bucket.keys().some((key) => `/${key}`.startsWith(path));
      expect([path, isThere]).toEqual([path, true]);
    }
    for (const path of Object.keys(inS3)) {
      if (path.endsWith('/')) expect(Object.keys(tree)).toContain(path);
    }
  }

  /** What S3 says about modes is what the tree says. */
  #checkModes(): void {
    const { tree } = this.#fixture.fs;
    for (const key of this.#bucket.keys()) {
      const said = this.#bucket.current(key)?.metadata['file-permissions'];
      let ino = rootIno;
      for (const part of key.split('/')) if (part !== '') ino = tree.child(ino, part);
      const a = newAttributes();
      if (ino === 0 || !tree.isKnown(ino) || !tree.attributes(ino, a)) continue;
      if ((a.kind === Kind.directory) !== key.endsWith('/')) continue;
      const plain = a.kind === Kind.directory ? 0o755 : 0o644;
      const mode = said === undefined ? plain : parseInt(said, 8) & 0o7777;
      expect([key, mode.toString(8)]).toEqual([key, a.mode.toString(8)]);
    }
  }

  #textAt(key: string): string {
    return Buffer.from(this.#bucket.current(key)?.body ?? []).toString();
  }

  #checkNothingLost(tree: Record<string, string>): void {
    const somewhere = new Set(Object.values(tree));
    for (const versions of this.#bucket.versions.values()) {
      for (const { body } of versions) somewhere.add(Buffer.from(body ?? []).toString());
    }
    for (const text of this.#lostAndFound()) somewhere.add(text);
    for (const text of Object.values(flatten(this.#model))) expect(somewhere).toContain(text);
  }

  #lostAndFound(): string[] {
    const { fs } = this.#fixture;
    const lost = fs.tree.child(rootIno, '.s3files-lost+found-fs-0');
    const found: string[] = [];
    if (lost !== 0) fs.tree.children(lost, (_, ino) => found.push(this.#contentOf(fs, ino)));
    return found;
  }

  #contentOf(fs: Fixture['fs'], ino: number): string {
    const small = fs.tree.smallContent(ino);
    return small === undefined ? '?' : Buffer.from(small).toString();
  }

  /** Everything in the tree, contents by reading them. */
  #treeOf(fixture: Fixture): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (ino: number, path: string): void => {
      fixture.fs.tree.children(ino, (name, child, kind) => {
        if (name.startsWith('.s3files-lost+found-')) return;
        if (kind === Kind.directory) {
          found[`${path}${name}/`] = '';
          walk(child, `${path}${name}/`);
        } else {
          const missing = fixture.fs.tree.missing(child).length > 0;
          found[path + name] = missing
            ? this.#textAt((path + name).slice(1))
            : this.#contentOf(fixture.fs, child);
        }
      });
    };
    walk(rootIno, '/');
    return found;
  }

  /** A file system that has never seen the bucket shows the same. */
  async #checkFresh(): Promise<void> {
    const expected = this.#treeOf(this.#fixture);
    const fresh = new Fixture({ remote: true, id: 'fs-1', clock: { now: () => this.#now } });
    const sync = this.#attach(fresh);
    try {
      const transfers = new Transfers({
        bucket: this.#bucket,
        deliver: (results) => sync.apply(results),
      });
      const step = async (): Promise<void> => {
        transfers.accept(sync.take());
        await settle();
        this.#bucket.step();
        await settle();
      };
      for (let i = 0; sync.needTree(rootIno) !== 0; i++) {
        if (i > 10_000) throw new Error('The import does not end.');
        await step();
      }
      expect(this.#treeOf(fresh)).toEqual(expected);
    } finally {
      fresh.end();
    }
  }
}

function rename(
  from: Map<string, Model>,
  name: string,
  to: Map<string, Model>,
  toName: string,
  flags: number,
): void {
  const moved = from.get(name);
  const replaced = to.get(toName);
  if (from === to && name === toName) return;
  from.delete(name);
  if (moved !== undefined) to.set(toName, moved);
  else to.delete(toName);
  if (flags === Rename.exchange && replaced !== undefined) from.set(name, replaced);
}

function flatten(model: Map<string, Model>, path = '/'): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, child] of model) {
    if (typeof child === 'string') found[path + name] = child;
    else Object.assign(found, { [`${path}${name}/`]: '' }, flatten(child, `${path}${name}/`));
  }
  return found;
}

/** Lets everything that is not waiting for the bucket run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
