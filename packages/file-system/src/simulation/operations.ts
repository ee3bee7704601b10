/** One random operation of an application, carried out on the file system and, when acknowledged, on the models. */
import {
  Allocate,
  Change,
  errorOf,
  FsError,
  Kind,
  newAttributes,
  ok,
  Open,
  Rename,
  rootIno,
  Write,
} from '../operations.ts';
import type { AttributeChanges, Caller, Result, Status } from '../operations.ts';
import { bytesOf } from './checks.ts';
import { newNode, note, remove, renameNode } from './model-tree.ts';
import type { ModelNode } from './model-tree.ts';
import { sameBytes } from './model-store.ts';
import type { SeededRandom } from './seeded-random.ts';
import { Broken } from './world.ts';
import type { World } from './world.ts';

interface Place {
  ino: number;
  path: string;
  /** Undefined when others write to the bucket as well. */
  node: ModelNode | undefined;
}

const names = ['a', 'b', 'c', 'd', 'Caf\u00c3\u00a9'];
const sizes = [0, 7, 7, 300, 600, 3_000, 30_000, 65_536, 70_000, 200_000];
const largeBytes = 17 * 1024 * 1024;

export class Operations {
  readonly #world: World;
  readonly #random: SeededRandom;

  constructor(world: World, random: SeededRandom) {
    this.#world = world;
    this.#random = random;
  }

  async any(): Promise<void> {
    const { held } = this.#world;
    if (held.length > 0 && this.#random.chance(0.1)) return this.#letGo();
    if (this.#world.plan.outside && this.#random.chance(0.1)) return this.#settleConflict();
    const chance = this.#random.next();
    const place = await this.#place();
    if (place === undefined) return;
    const name = this.#random.pick(names);
    if (chance < 0.28) return this.#write(place, name);
    if (chance < 0.4) return this.#modify(place, name);
    if (chance < 0.48) return this.#attributes(place, name);
    if (chance < 0.58) return this.#remove(place, name, false);
    if (chance < 0.63) return this.#remove(place, name, true);
    if (chance < 0.71) return this.#makeNode(place, name, Kind.directory);
    if (chance < 0.75) return this.#makeNode(place, name, Kind.symlink);
    if (chance < 0.9) return this.#rename(place, name);
    if (chance < 0.96) return this.#read(place, name);
    return this.#list(place);
  }

  /**
   * A few bytes in the middle of files that have a cache file: what surrounds them is in S3 when the file was
   * exported, they are not. Giving up such a file's data would lose them.
   */
  async overwriteLarge(): Promise<void> {
    const place: Place = { ino: rootIno, path: '/', node: this.#root() };
    for (const name of names) {
      const found = await this.#lookup(place, name);
      if (found === undefined || found.kind !== Kind.file) continue;
      const bytes = place.node?.children.get(name)?.bytes ?? this.#world.guarded.get(found.ino);
      if (bytes === undefined || bytes.length <= 65_536) continue;
      const small = pattern(this.#world.nextSerial(), 10);
      const middle = this.#random.below(bytes.length - small.length);
      await this.#writeBytes(place, name, found.ino, middle, small, 0);
    }
  }

  /** A directory, not deeper than three. */
  async #place(): Promise<Place | undefined> {
    let place: Place = { ino: rootIno, path: '/', node: this.#root() };
    for (let depth = 0; depth < 3 && this.#random.chance(0.5); depth++) {
      const name = this.#random.pick(names);
      const found = await this.#lookup(place, name);
      if (found === undefined || found.kind !== Kind.directory) return place;
      const node = place.node?.children.get(name);
      place = { ino: found.ino, path: `${place.path}${name}/`, node };
    }
    return place;
  }

  #root(): ModelNode | undefined {
    return this.#world.plan.outside ? undefined : this.#world.model;
  }

  async #lookup(place: Place, name: string): Promise<{ ino: number; kind: Kind } | undefined> {
    const { world } = { world: this.#world };
    const out = newAttributes();
    const { result } = await world.act((c) => world.process.fs.lookup(c, place.ino, name, out));
    const node = place.node?.children.get(name);
    if (result === ok) {
      if (place.node !== undefined && node?.kind !== out.kind) {
        throw new Broken(`lookup ${place.path}${name}: kind ${out.kind}, should be ${node?.kind}`);
      }
      return { ino: out.ino, kind: out.kind };
    }
    this.#compare(
      `lookup ${place.path}${name}`,
      result,
      node === undefined ? FsError.NoEntry : ok,
      place,
    );
    return undefined;
  }

  /** A refusal must have a reason: the model's, or a fault. */
  #compare(what: string, actual: Status, expected: Status, place: Place): boolean {
    const { trace, excuses } = this.#world;
    trace.add(`  ${what} -> ${actual}`);
    if (actual === FsError.Io && excuses.store) return false;
    if (actual === FsError.NoSpace && excuses.disk) return false;
    if (place.node === undefined) return actual === ok;
    if (actual !== expected) throw new Broken(`${what} answered ${actual}, should be ${expected}`);
    return actual === ok;
  }

  #text(): Uint8Array {
    const { large } = this.#world.plan;
    const serial = this.#world.nextSerial();
    const size = large && this.#random.chance(0.1) ? 300_000 : this.#random.pick(sizes);
    return pattern(serial, size);
  }

  #child(place: Place, name: string): number {
    return this.#world.process.fs.tree.child(place.ino, name);
  }

  /** The inode has lost its name by an operation of ours. */
  #removed(ino: number): void {
    const { guarded, held, plan, process } = this.#world;
    const bytes = guarded.get(ino);
    // With others about, S3's version may have replaced it before.
    const here = plan.outside ? bytesOf(process, ino) : bytes;
    const isOurs = bytes !== undefined && here !== undefined && sameBytes(here, bytes);
    for (const entry of held) if (entry.ino === ino) entry.bytes = isOurs ? bytes : undefined;
    guarded.delete(ino);
  }

  #changed(ino: number, node: ModelNode | undefined, bytes: Uint8Array): void {
    this.#world.guarded.set(ino, bytes);
    if (node === undefined) return;
    node.bytes = bytes;
    this.#noteAttributes(ino, node);
  }

  #noteAttributes(ino: number, node: ModelNode | undefined): void {
    const out = newAttributes();
    if (node !== undefined && this.#world.process.fs.tree.attributes(ino, out)) note(node, out);
  }

  async #write(place: Place, name: string): Promise<void> {
    const world = this.#world;
    const exclusive = this.#random.chance(0.1) ? Open.exclusive : 0;
    const flags = Open.readWrite | Open.create | Open.truncate | exclusive;
    const out = newAttributes();
    const { result, ino: repeated } = await world.act((c) =>
      world.process.fs.create(c, place.ino, name, 0o640, flags, out),
    );
    const old = place.node?.children.get(name);
    let expected: Status = ok;
    if (old !== undefined && exclusive !== 0) expected = FsError.Exists;
    else if (old?.kind === Kind.directory) expected = FsError.IsDirectory;
    else if (old?.kind === Kind.symlink) expected = FsError.Loop;
    const status = result >= 0 ? ok : errorOf(result);
    if (!this.#compare(`create ${place.path}${name}`, status, expected, place)) return;
    const ino = repeated ?? out.ino;
    let node = old;
    if (place.node !== undefined && node === undefined) {
      node = newNode(Kind.file);
      place.node.children.set(name, node);
    }
    this.#changed(ino, node, new Uint8Array(0));
    await this.#writeBytes(place, name, ino, 0, this.#text(), 0);
    if (this.#random.chance(0.15)) {
      world.held.push({ ino, handle: result, life: world.process.life, bytes: undefined });
    } else await world.guard(() => world.process.fs.release(ino, result, 0n));
  }

  async #writeBytes(
    place: Place,
    name: string,
    ino: number,
    offset: number,
    bytes: Uint8Array,
    flags: number,
  ): Promise<void> {
    const world = this.#world;
    const node = place.node?.children.get(name);
    let size = 0;
    const { result } = await world.act((c) => {
      size = sizeOf(world, ino);
      return world.process.fs.write(c, ino, offset, bytes, 0, bytes.length, flags);
    });
    const what = `write ${place.path}${name} ${offset}+${bytes.length}`;
    const status = result >= 0 ? ok : errorOf(result);
    if (!this.#compare(what, status, ok, place)) return;
    if (result !== bytes.length) throw new Broken(`${what} answered ${result}`);
    const at = (flags & Write.append) !== 0 ? size : offset;
    if (node === undefined) return this.#readBack(ino);
    const old = node.bytes;
    const whole = new Uint8Array(Math.max(old.length, at + bytes.length));
    whole.set(old);
    whole.set(bytes, at);
    this.#changed(ino, node, whole);
  }

  /** With others about, what a change was made to is what the file shows afterwards. */
  async #readBack(ino: number): Promise<void> {
    const { guarded } = this.#world;
    guarded.delete(ino);
    const whole = await this.#whole(ino);
    if (whole !== undefined) guarded.set(ino, whole);
  }

  /** Everything in the file; undefined when it cannot be read now. */
  async #whole(ino: number): Promise<Uint8Array | undefined> {
    const world = this.#world;
    let bytes = new Uint8Array(0);
    const { result } = await world.act((c) => {
      bytes = new Uint8Array(sizeOf(world, ino));
      return world.process.fs.read(c, ino, 0, bytes.length, bytes, 0);
    });
    return result === bytes.length ? bytes : undefined;
  }

  async #modify(place: Place, name: string): Promise<void> {
    const world = this.#world;
    const found = await this.#lookup(place, name);
    if (found === undefined || found.kind !== Kind.file) return;
    const { ino } = found;
    const before = place.node?.children.get(name)?.bytes ?? world.guarded.get(ino);
    // With others about, a file of theirs may become another one at any time until it is changed here.
    if (before === undefined) return this.#append(place, name, ino);
    const { result: handle } = await world.act((c) =>
      world.process.fs.open(c, ino, Open.readWrite),
    );
    if (handle < 0)
      return void this.#compare(`open ${place.path}${name}`, errorOf(handle), ok, place);
    const chance = this.#random.next();
    const small = pattern(world.nextSerial(), 1 + this.#random.below(5_000));
    if (chance < 0.35) await this.#writeBytes(place, name, ino, 0, small, Write.append);
    else if (chance < 0.7) {
      const far = world.plan.large ? largeBytes : before.length + 90_000;
      await this.#writeBytes(place, name, ino, this.#random.below(far), small, 0);
    } else if (chance < 0.9) await this.#truncate(place, name, ino, before);
    else await this.#punch(place, name, ino, before);
    await world.guard(() => world.process.fs.release(ino, handle, 0n));
  }

  async #append(place: Place, name: string, ino: number): Promise<void> {
    const bytes = pattern(this.#world.nextSerial(), 50);
    await this.#writeBytes(place, name, ino, 0, bytes, Write.append);
  }

  async #truncate(place: Place, name: string, ino: number, old: Uint8Array): Promise<void> {
    const size = this.#random.below(this.#random.chance(0.2) ? 80_000 : old.length + 1);
    const status = await this.#setattr(place, name, ino, { valid: Change.size, size });
    if (!status) return;
    if (place.node === undefined) return this.#readBack(ino);
    const bytes = new Uint8Array(size);
    bytes.set(old.subarray(0, size));
    this.#changed(ino, place.node?.children.get(name), bytes);
  }

  async #punch(place: Place, name: string, ino: number, old: Uint8Array): Promise<void> {
    const world = this.#world;
    const offset = this.#random.below(old.length + 1);
    const length = 1 + this.#random.below(100_000);
    const mode = Allocate.punchHole | Allocate.keepSize;
    const { result } = await world.act((c) =>
      world.process.fs.fallocate(c, ino, mode, offset, length),
    );
    if (!this.#compare(`punch ${place.path}${name} ${offset}+${length}`, result, ok, place)) return;
    if (place.node === undefined) return this.#readBack(ino);
    const bytes = Uint8Array.from(old);
    bytes.fill(0, offset, offset + length);
    this.#changed(ino, place.node?.children.get(name), bytes);
  }

  async #setattr(
    place: Place,
    name: string,
    ino: number,
    changes: Partial<AttributeChanges>,
  ): Promise<boolean> {
    const world = this.#world;
    const all: AttributeChanges = { ...noChanges, ...changes };
    const out = newAttributes();
    const { result } = await world.act((c) => world.process.fs.setattr(c, ino, all, out));
    const what = `setattr ${place.path}${name} ${JSON.stringify(changes)}`;
    return this.#compare(what, result, ok, place);
  }

  async #attributes(place: Place, name: string): Promise<void> {
    const found = await this.#lookup(place, name);
    if (found === undefined) return;
    const { ino } = found;
    const changes: Partial<AttributeChanges> = this.#random.pick([
      { valid: Change.mode, mode: this.#random.pick([0o600, 0o755, 0o4711]) },
      { valid: Change.uid | Change.gid, uid: 1000 + this.#random.below(3), gid: 50 },
      { valid: Change.mtime, mtimeSec: 1_000_000 + this.#random.below(9), mtimeNsec: 123_456_789 },
    ]);
    if (!(await this.#setattr(place, name, ino, changes))) return;
    this.#noteAttributes(ino, place.node?.children.get(name));
  }

  async #remove(place: Place, name: string, isDirectory: boolean): Promise<void> {
    const world = this.#world;
    let target = 0;
    const { result } = await world.act((c) => {
      target = this.#child(place, name);
      const { fs } = world.process;
      return isDirectory ? fs.rmdir(c, place.ino, name) : fs.unlink(c, place.ino, name);
    });
    const what = `${isDirectory ? 'rmdir' : 'unlink'} ${place.path}${name}`;
    const isFault = result === FsError.Io || result === FsError.NoSpace;
    const expected =
      place.node === undefined || isFault ? ok : remove(place.node, name, isDirectory);
    if (this.#compare(what, result, expected, place)) this.#removed(target);
  }

  async #makeNode(place: Place, name: string, kind: Kind): Promise<void> {
    const world = this.#world;
    const target = `to-${world.nextSerial()}`;
    const out = newAttributes();
    const { result, ino: repeated } = await world.act((c) => {
      const { fs } = world.process;
      return kind === Kind.directory
        ? fs.mkdir(c, place.ino, name, 0o750, out)
        : fs.symlink(c, place.ino, name, target, out);
    });
    const expected = place.node?.children.has(name) === true ? FsError.Exists : ok;
    const what = `${kind === Kind.directory ? 'mkdir' : 'symlink'} ${place.path}${name}`;
    if (!this.#compare(what, result, expected, place)) return;
    const ino = repeated ?? out.ino;
    const bytes = kind === Kind.directory ? new Uint8Array(0) : Buffer.from(target);
    const node = newNode(kind, bytes);
    place.node?.children.set(name, node);
    this.#noteAttributes(ino, node);
    if (kind === Kind.symlink) world.guarded.set(ino, bytes);
  }

  async #rename(place: Place, name: string): Promise<void> {
    const world = this.#world;
    const to = await this.#place();
    if (to === undefined) return;
    const newName = this.#random.pick(names);
    const flags = this.#random.pick([
      0,
      0,
      0,
      0,
      Rename.exchange,
      Rename.exchange,
      Rename.noReplace,
    ]);
    let moved = 0;
    let target = 0;
    const { result } = await world.act((c) => {
      moved = this.#child(place, name);
      target = this.#child(to, newName);
      return world.process.fs.rename(c, place.ino, name, to.ino, newName, flags);
    });
    const what = `rename ${place.path}${name} ${to.path}${newName} ${flags}`;
    const isFault = result === FsError.Io || result === FsError.NoSpace;
    let expected: Status = ok;
    if (place.node !== undefined && to.node !== undefined && !isFault) {
      expected = renameNode(place.node, name, to.node, newName, flags);
      // Which of several reasons is told first is not this model's business.
      if (expected !== ok && result !== ok) expected = result;
    }
    if (!this.#compare(what, result, expected, place)) return;
    if (flags !== Rename.exchange && target !== moved) this.#removed(target);
  }

  async #read(place: Place, name: string): Promise<void> {
    const found = await this.#lookup(place, name);
    if (found === undefined || found.kind !== Kind.file) return;
    const bytes = await this.#whole(found.ino);
    const what = `read ${place.path}${name}`;
    this.#world.trace.add(`  ${what} -> ${bytes?.length ?? 'failed'}`);
    const wanted = place.node?.children.get(name)?.bytes;
    if (wanted === undefined) return;
    if (bytes === undefined) {
      if (!this.#world.excuses.store && !this.#world.excuses.disk)
        throw new Broken(`${what} failed`);
    } else if (!sameBytes(bytes, wanted)) throw new Broken(`${what}: other bytes than written`);
  }

  /** After it has returned the file's bytes are on disk, or in the bucket, as they are now. */
  async fsync(): Promise<void> {
    const world = this.#world;
    const place = await this.#place();
    if (place === undefined) return;
    const name = this.#random.pick(names);
    const found = await this.#lookup(place, name);
    if (found === undefined || found.kind !== Kind.file) return;
    const { result } = await world.act((c) => world.process.fs.fsync(c, found.ino));
    const what = `fsync ${place.path}${name}`;
    // That a file has lost against somebody else's, or has no room, is told by an error.
    const mayFail = world.plan.outside || world.excuses.disk || world.excuses.store;
    if (result !== ok && mayFail) return world.trace.add(`  ${what} -> ${result}`);
    if (!this.#compare(what, result, ok, place)) return;
    const bytes = world.guarded.get(found.ino);
    if (bytes === undefined || bytes.length === 0 || world.plan.outside) return;
    if (world.plan.fsyncsToBucket) {
      const key = Buffer.from(`${place.path}${name}`.slice(1), 'latin1').toString('utf8');
      const stored = world.store.current(key)?.body;
      if (stored === undefined || !sameBytes(stored, bytes))
        throw new Broken(`${what} has returned, and its bytes are not in the bucket`);
      return;
    }
    if (world.process.fs.tree.missing(found.ino).length > 0) return;
    if (!world.process.flushed.some((file) => holds(file, bytes)))
      throw new Broken(`${what} has returned, and its bytes are not on disk`);
  }

  async #list(place: Place): Promise<void> {
    const world = this.#world;
    let shown: string[] = [];
    const { result } = await world.act((c: Caller): Result => {
      shown = [];
      return world.process.fs.readdir(c, place.ino, 0, ({ name }) => {
        if (name !== '.' && name !== '..') shown.push(name);
        return true;
      });
    });
    if (!this.#compare(`list ${place.path}`, result, ok, place) || place.node === undefined) return;
    const wanted = [...place.node.children.keys()].sort().join(' ');
    const found = shown.sort().join(' ');
    if (found !== wanted) throw new Broken(`list ${place.path}: ${found}, should be ${wanted}`);
  }

  /** Somebody restores or discards the local copy of a conflict; asked again after a crash, it is done once. */
  async #settleConflict(): Promise<void> {
    const world = this.#world;
    const conflict = this.#random.pick([...world.process.sync.conflicts()]);
    const place = await this.#place();
    if (conflict === undefined || place === undefined) return;
    const { id, ino = 0 } = conflict;
    const name = this.#random.pick(names);
    const replaces = this.#random.chance(0.7);
    const to = { parent: place.ino, name, path: `${place.path}${name}`, replaces };
    const discards = this.#random.chance(0.3);
    let target = 0;
    const { result } = await world.act(() => {
      const { fs, sync } = world.process;
      if (sync.settlementOf(id) !== undefined) return ok;
      target = this.#child(place, name);
      return discards ? fs.discardConflict(id) : fs.restoreConflict(id, to);
    });
    world.trace.add(`  ${discards ? 'discard' : 'restore'} ${id} ${to.path} -> ${result}`);
    if (result !== ok) return;
    if (discards) this.#removed(ino);
    else if (target !== 0) this.#removed(target);
  }

  async #letGo(): Promise<void> {
    const world = this.#world;
    const [entry] = world.held.splice(this.#random.below(world.held.length), 1);
    if (entry === undefined) return;
    const { ino, handle, life, bytes } = entry;
    const here = bytes === undefined ? undefined : await this.#whole(ino);
    if (bytes !== undefined && !world.excuses.store && !world.excuses.disk) {
      if (here === undefined || !sameBytes(here, bytes))
        throw new Broken(`inode ${ino}, unlinked and open, does not read as it was written`);
    }
    await world.guard(() => {
      if (life === world.process.life) world.process.fs.release(ino, handle, 0n);
    });
    // The kernel forgets an inode after its last close.
    if (world.held.some((other) => other.ino === ino)) return;
    await world.guard(() => world.process.fs.forgotten(ino));
  }
}

const noChanges: AttributeChanges = {
  valid: 0,
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  atimeSec: 0,
  atimeNsec: 0,
  mtimeSec: 0,
  mtimeNsec: 0,
};

function sizeOf(world: World, ino: number): number {
  const out = newAttributes();
  return world.process.fs.tree.attributes(ino, out) ? out.size : 0;
}

/** Whether a file on disk has the bytes. Behind its end are zeros: a cache file that grew ends where it was written. */
function holds(file: Uint8Array, bytes: Uint8Array): boolean {
  return Buffer.concat([file, new Uint8Array(bytes.length)]).includes(Buffer.from(bytes));
}

/** Bytes that no other call returns. */
export function pattern(serial: number, size: number): Uint8Array {
  const bytes = Buffer.alloc(size);
  const unit = `<${serial}>`;
  bytes.fill(unit);
  return Uint8Array.from(bytes);
}
