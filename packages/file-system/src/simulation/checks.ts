/** What must hold after every step, and what must hold when everything has come to rest. */
import { Kind, newAttributes, rootIno } from '../operations.ts';
import { KeyNames, lostAndFoundPrefix } from '../sync/key-names.ts';
import { attributesOf } from './model-tree.ts';
import type { ModelNode } from './model-tree.ts';
import { sameBytes } from './model-store.ts';
import type { SimulatedProcess } from './process.ts';
import { Broken } from './world.ts';
import type { World } from './world.ts';

/** Larger files are compared at the end only. */
const comparedBytesMax = 1024 * 1024;

export function checkStep(world: World, bytesMax: number = comparedBytesMax): void {
  const violation = world.store.violations[0];
  if (violation !== undefined) throw new Broken(violation);
  checkGuarded(world);
  checkLostAndFound(world);
  checkHeld(world);
  if (!world.plan.outside) checkTree(world, rootIno, world.model, '/', bytesMax);
}

function bytesHere(world: World, ino: number): Uint8Array | undefined {
  return bytesOf(world.process, ino);
}

/** The bytes of an inode, undefined when some of them are not here. */
export function bytesOf({ fs }: SimulatedProcess, ino: number): Uint8Array | undefined {
  const out = newAttributes();
  if (!fs.tree.attributes(ino, out)) return undefined;
  if (out.kind === Kind.symlink) return Buffer.from(fs.tree.linkTarget(ino), 'latin1');
  if (fs.tree.missing(ino).length > 0) return undefined;
  const bytes = new Uint8Array(out.size);
  return fs.read(reader, ino, 0, out.size, bytes, 0) === out.size ? bytes : undefined;
}

const reader = { view: 0, uid: 0, gid: 0, pid: 1, request: 0, groups: () => [] };

/** Nothing that was acknowledged may be gone unless somebody else has replaced it in S3, where it is a version. */
function checkGuarded(world: World): void {
  const { fs } = world.process;
  for (const [ino, bytes] of world.guarded) {
    const isNamed = fs.tree.parentOf(ino) !== 0;
    const here = isNamed ? bytesHere(world, ino) : undefined;
    if (isNamed && here === undefined) continue;
    if (here !== undefined && sameBytes(here, bytes)) continue;
    if (!world.plan.outside) {
      throw new Broken(`inode ${ino}: ${isNamed ? 'other bytes than written' : 'gone'}`);
    }
    if (!world.store.isSuperseded(bytes) && !isCurrent(world, bytes)) {
      throw new Broken(`inode ${ino}: acknowledged bytes (${shown(bytes)}) are lost`);
    }
    world.guarded.delete(ino);
  }
}

function isCurrent(world: World, bytes: Uint8Array): boolean {
  return world.store.keys().some((key) => sameBytes(world.store.current(key)!.body!, bytes));
}

function shown(bytes: Uint8Array): string {
  return `${bytes.length}: ${Buffer.from(bytes.subarray(0, 16)).toString('latin1')}`;
}

/** Whatever is in lost+found is there because of a conflict that was recorded. */
function checkLostAndFound(world: World): void {
  const { fs, sync } = world.process;
  const kept = new Set<string>();
  fs.tree.children(rootIno, (name, ino) => {
    if (name.startsWith(lostAndFoundPrefix)) fs.tree.children(ino, (child) => kept.add(child));
  });
  if (kept.size === 0 && world.plan.outside) return;
  const { conflicts } = sync.status();
  if (!world.plan.outside && conflicts.length > 0) {
    throw new Broken(`a conflict with nobody: ${JSON.stringify(conflicts)}`);
  }
  for (const { keptAs } of conflicts) {
    if (keptAs !== undefined) kept.delete(Buffer.from(keptAs, 'utf8').toString('latin1'));
  }
  for (const name of kept) throw new Broken(`${name} is in lost+found without a recorded conflict`);
}

function checkHeld(world: World): void {
  for (const { ino, bytes } of world.held) {
    if (bytes === undefined) continue;
    const here = bytesHere(world, ino);
    // Given up before it lost its name: S3 has that version, and it is read when it is let go.
    if (here === undefined && world.process.fs.tree.missing(ino).length > 0) continue;
    if (here === undefined || !sameBytes(here, bytes)) {
      throw new Broken(`inode ${ino}, unlinked and open: other bytes than written`);
    }
  }
}

function checkTree(
  world: World,
  ino: number,
  node: ModelNode,
  path: string,
  bytesMax: number,
): void {
  const { tree } = world.process.fs;
  const children: { name: string; ino: number; kind: Kind }[] = [];
  tree.children(ino, (name, child, kind) => children.push({ name, ino: child, kind }));
  for (const child of children) {
    const wanted = node.children.get(child.name);
    const at = path + child.name;
    if (wanted === undefined) throw new Broken(`${at} is there, and should not be`);
    if (wanted.kind !== child.kind && tree.isKnown(child.ino)) {
      throw new Broken(`${at} is of kind ${child.kind}, should be ${wanted.kind}`);
    }
    checkNode(world, child.ino, wanted, at, bytesMax);
    if (child.kind === Kind.directory) checkTree(world, child.ino, wanted, `${at}/`, bytesMax);
  }
  if (!tree.isListed(ino) || children.length === node.children.size) return;
  const found = new Set(children.map(({ name }) => name));
  const missing = [...node.children.keys()].filter((name) => !found.has(name));
  throw new Broken(`not there: ${missing.map((name) => path + name).join(' ')}`);
}

function checkNode(
  world: World,
  ino: number,
  wanted: ModelNode,
  at: string,
  bytesMax: number,
): void {
  const { tree } = world.process.fs;
  const out = newAttributes();
  if (!tree.attributes(ino, out)) throw new Broken(`${at} has no inode`);
  if (tree.isKnown(ino) && wanted.attributes !== undefined) {
    const has = attributesOf(out);
    // A directory's time is that of its last change, which is not exported.
    if (wanted.kind === Kind.directory) has.mtime = wanted.attributes.mtime;
    const [is, should] = [JSON.stringify(has), JSON.stringify(wanted.attributes)];
    if (is !== should) throw new Broken(`${at} has attributes ${is}, should be ${should}`);
  }
  if (wanted.kind === Kind.directory) return;
  if (out.size !== wanted.bytes.length && tree.isKnown(ino)) {
    throw new Broken(`${at} has ${out.size} bytes, should be ${wanted.bytes.length}`);
  }
  if (out.size > bytesMax || !tree.isKnown(ino)) return;
  const here = bytesHere(world, ino);
  if (here !== undefined && !sameBytes(here, wanted.bytes)) {
    throw new Broken(
      `${at} has other bytes (${shown(here)}) than written (${shown(wanted.bytes)})`,
    );
  }
}

/** Everything is at rest and imported: the bucket is the mount, key by key. */
export function checkBucket(world: World): void {
  const { process, store } = world;
  const { pending, failed, importFailures } = process.sync.status();
  if (pending > 0) throw new Broken(`still pending: ${pending}`);
  if (failed.length > 0) throw new Broken(`failed: ${JSON.stringify(failed)}`);
  if (store.uploads.size > 0) {
    const keys = [...store.uploads.values()].map(({ key }) => key);
    throw new Broken(`uploads left behind: ${keys.join(' ')}`);
  }
  const invisible = new Set(importFailures.map(({ key }) => key));
  const wanted = new Map<string, number>();
  collect(world, new KeyNames(process.fs.tree, world.plan.escapes), rootIno, '', wanted);
  for (const key of store.keys()) {
    if (invisible.has(key)) continue;
    const ino = wanted.get(key);
    if (ino === undefined) throw new Broken(`${key} is in S3 and not in the mount`);
    checkObject(world, key, ino);
    wanted.delete(key);
  }
  for (const key of wanted.keys()) {
    const isImplied = key.endsWith('/') && store.keys().some((other) => other.startsWith(key));
    if (!isImplied) throw new Broken(`${key} is in the mount and not in S3`);
  }
}

function collect(
  world: World,
  names: KeyNames,
  ino: number,
  prefix: string,
  into: Map<string, number>,
): void {
  world.process.fs.tree.children(ino, (name, child, kind) => {
    if (prefix === '' && name.startsWith(lostAndFoundPrefix)) return;
    const key = prefix + (names.partOf(name) ?? '?');
    into.set(kind === Kind.directory ? `${key}/` : key, child);
    if (kind === Kind.directory) collect(world, names, child, `${key}/`, into);
  });
}

function checkObject(world: World, key: string, ino: number): void {
  const { body, about } = world.store.current(key)!;
  const out = newAttributes();
  world.process.fs.tree.attributes(ino, out);
  if (out.kind !== Kind.directory) {
    const here = bytesHere(world, ino);
    if (here === undefined) throw new Broken(`${key} could not be read`);
    if (!sameBytes(here, body!)) throw new Broken(`${key} has other bytes in S3 than in the mount`);
  }
  const said = about.metadata;
  if (said['file-permissions'] === undefined) return;
  const mode = parseInt(said['file-permissions'], 8) & 0o7777;
  if (mode !== out.mode) throw new Broken(`${key}: mode ${mode} in S3, ${out.mode} in the mount`);
  if (said['file-owner'] !== String(out.uid)) throw new Broken(`${key}: another owner in S3`);
  const mtime = BigInt(out.mtimeSec) * 1_000_000_000n + BigInt(out.mtimeNsec);
  if (out.kind !== Kind.directory && said['file-mtime'] !== `${mtime}ns`) {
    throw new Broken(`${key}: time ${said['file-mtime']} in S3, ${mtime}ns in the mount`);
  }
}
