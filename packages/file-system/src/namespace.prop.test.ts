/** The whole namespace and its content against a simple model in memory, with crashes in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  Allocate,
  errorOf,
  FsError,
  Kind,
  newAttributes,
  ok,
  Open,
  Rename,
  rootIno,
} from './operations.ts';
import { Fixture, root } from './testing/fixture.ts';

interface Node {
  kind: Kind;
  bytes: Buffer;
  target: string;
  children: Map<string, Node>;
}

function node(kind: Kind): Node {
  return { kind, bytes: Buffer.alloc(0), target: '', children: new Map() };
}

/** Walks names from the root in the model; undefined when one is missing or not a directory. */
function find(top: Node, path: readonly string[]): Node | undefined {
  let at: Node | undefined = top;
  for (const name of path) at = at?.kind === Kind.directory ? at.children.get(name) : undefined;
  return at;
}

/** Paths of everything in the model. */
function paths(top: Node, above: readonly string[] = []): string[][] {
  return [...top.children].flatMap(([name, child]) => [
    [...above, name],
    ...paths(child, [...above, name]),
  ]);
}

interface Choice {
  /** Chooses something that is there; a new name below it, or its own. */
  existing: number;
  name: string;
  below: boolean;
}

function chosen(top: Node, { existing, name, below }: Choice, kind?: Kind): string[] {
  const all = paths(top).filter((path) => kind === undefined || find(top, path)!.kind === kind);
  if (kind === Kind.directory) all.push([]);
  const path = all[existing % Math.max(1, all.length)] ?? [name];
  return below && path.length < 4 ? [...path, name] : path.length === 0 ? [name] : path;
}

const choice: fc.Arbitrary<Choice> = fc.record({
  existing: fc.nat(1000),
  name: fc.constantFrom('a', 'b', 'c', 'd\xff\x01'),
  below: fc.boolean(),
});
/** Mostly a free name in a directory. */
const place: fc.Arbitrary<Choice> = fc.record({
  existing: fc.nat(1000),
  name: fc.constantFrom('a', 'b', 'c', 'd\xff\x01'),
  below: fc.constant(true),
});
const file: fc.Arbitrary<Choice> = fc.record({
  existing: fc.nat(1000),
  name: fc.constant('a'),
  below: fc.constant(false),
});
/** Around the borders between size classes, blocks, and small and large files. */
const offset = fc.oneof(
  fc.constantFrom(0, 1, 511, 512, 2048, 24_576, 65_535, 65_536, 65_537, 131_072, 200_000),
  fc.nat(300_000),
);
const size = fc.oneof(fc.constantFrom(0, 1, 512, 65_536, 65_537), fc.nat(150_000));

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('create' as const), at: place }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('mkdir' as const), at: place }) },
  fc.record({ op: fc.constant('symlink' as const), at: choice }),
  fc.record({ op: fc.constant('unlink' as const), at: choice }),
  fc.record({ op: fc.constant('rmdir' as const), at: choice }),
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('rename' as const),
      at: file,
      to: choice,
      flags: fc.constantFrom(0, 0, 0, Rename.noReplace, Rename.exchange),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('write' as const),
      at: file,
      offset,
      size,
      byte: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('truncate' as const), at: file, size: offset }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('zero' as const),
      at: file,
      offset,
      size,
      mode: fc.constantFrom(
        Allocate.punchHole | Allocate.keepSize,
        Allocate.zeroRange,
        Allocate.zeroRange | Allocate.keepSize,
        Allocate.keepSize,
        0,
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('crash' as const) }) },
  fc.record({ op: fc.constant('commit' as const) }),
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const out = newAttributes();

/** The inode of a path in the file system, 0 when there is none. */
function ino(fx: Fixture, names: readonly string[]): number {
  let at = rootIno;
  for (const next of names) {
    if (fx.fs.lookup(root, at, next, out) !== ok) return 0;
    at = out.ino;
  }
  return at;
}

/** Carries it out on both and expects the same outcome. */
function run(fx: Fixture, top: Node, o: Operation): void {
  if (o.op === 'crash') return fx.crash();
  if (o.op === 'commit') return void fx.fs.maintain(true);
  const onFile = o.op === 'write' || o.op === 'truncate' || o.op === 'zero';
  const making = o.op === 'create' || o.op === 'mkdir';
  const path = chosen(top, o.at, onFile ? Kind.file : making ? Kind.directory : undefined);
  const parentPath = path.slice(0, -1);
  const last = path.at(-1)!;
  const parent = find(top, parentPath);
  const parentIno = ino(fx, parentPath);
  expect(parentIno !== 0).toBe(parent !== undefined);
  if (parent === undefined) return;
  const isDirectory = parent.kind === Kind.directory;
  const child = isDirectory ? parent.children.get(last) : undefined;
  const { fs } = fx;
  switch (o.op) {
    case 'create': {
      const handle = fs.create(root, parentIno, last, 0o644, Open.exclusive, out);
      if (handle >= 0) fs.release(out.ino, handle, 0n);
      const expected = !isDirectory ? FsError.NotDirectory : child ? FsError.Exists : ok;
      expect(handle >= 0 ? ok : errorOf(handle)).toBe(expected);
      if (expected === ok) parent.children.set(last, node(Kind.file));
      return;
    }
    case 'mkdir':
    case 'symlink': {
      const status =
        o.op === 'mkdir'
          ? fs.mkdir(root, parentIno, last, 0o755, out)
          : fs.symlink(root, parentIno, last, 'to/here', out);
      const expected = !isDirectory ? FsError.NotDirectory : child ? FsError.Exists : ok;
      expect(status).toBe(expected);
      if (status !== ok) return;
      const made = node(o.op === 'mkdir' ? Kind.directory : Kind.symlink);
      if (o.op === 'symlink') made.target = 'to/here';
      parent.children.set(last, made);
      return;
    }
    case 'unlink':
    case 'rmdir': {
      const status =
        o.op === 'unlink' ? fs.unlink(root, parentIno, last) : fs.rmdir(root, parentIno, last);
      let expected: number = ok;
      if (!isDirectory) expected = FsError.NotDirectory;
      else if (child === undefined) expected = FsError.NoEntry;
      else if (o.op === 'unlink' && child.kind === Kind.directory) expected = FsError.IsDirectory;
      else if (o.op === 'rmdir' && child.kind !== Kind.directory) expected = FsError.NotDirectory;
      else if (child.children.size > 0) expected = FsError.NotEmpty;
      expect(status).toBe(expected);
      if (status === ok) parent.children.delete(last);
      return;
    }
    case 'rename':
      return renameBoth(fx, top, path, chosen(top, o.to), o.flags);
    case 'zero': {
      if (child?.kind !== Kind.file) return;
      const length = o.size + 1;
      expect(fs.fallocate(root, ino(fx, path), o.mode, o.offset, length)).toBe(ok);
      const end = o.offset + length;
      if ((o.mode & Allocate.keepSize) === 0)
        child.bytes = resized(child.bytes, Math.max(child.bytes.length, end));
      if ((o.mode & (Allocate.zeroRange | Allocate.punchHole)) !== 0)
        child.bytes.fill(
          0,
          Math.min(o.offset, child.bytes.length),
          Math.min(end, child.bytes.length),
        );
      return;
    }
    case 'write':
    case 'truncate': {
      if (child?.kind !== Kind.file) return;
      const file = ino(fx, path);
      if (o.op === 'write') {
        const bytes = Buffer.alloc(o.size, o.byte);
        expect(fs.write(root, file, o.offset, bytes, 0, o.size, 0)).toBe(o.size);
        const end = o.size === 0 ? 0 : o.offset + o.size;
        child.bytes = resized(child.bytes, Math.max(child.bytes.length, end));
        bytes.copy(child.bytes, o.offset);
      } else {
        const changes = { ...out, valid: 8, size: o.size };
        expect(fs.setattr(root, file, changes, out)).toBe(ok);
        child.bytes = resized(child.bytes, o.size);
      }
    }
  }
}

function renameBoth(fx: Fixture, top: Node, from: string[], to: string[], flags: number): void {
  const fromParent = find(top, from.slice(0, -1));
  const toParent = find(top, to.slice(0, -1));
  if (fromParent?.kind !== Kind.directory || toParent?.kind !== Kind.directory) return;
  const [a, b] = [from.at(-1)!, to.at(-1)!];
  const moved = fromParent.children.get(a);
  const target = toParent.children.get(b);
  const status = fx.fs.rename(
    root,
    ino(fx, from.slice(0, -1)),
    a,
    ino(fx, to.slice(0, -1)),
    b,
    flags,
  );
  const into = (above: Node, below: Node): boolean =>
    above === below || [...above.children.values()].some((child) => into(child, below));
  let expected: number = ok;
  if (moved === undefined) expected = FsError.NoEntry;
  else if (flags === Rename.exchange && target === undefined) expected = FsError.NoEntry;
  else if (flags === Rename.noReplace && target !== undefined) expected = FsError.Exists;
  else if (into(moved, toParent)) expected = FsError.Invalid;
  else if (flags === Rename.exchange && into(target!, fromParent)) expected = FsError.Invalid;
  else if (target !== undefined && target !== moved && flags === 0) {
    if (moved.kind === Kind.directory && target.kind !== Kind.directory)
      expected = FsError.NotDirectory;
    else if (moved.kind !== Kind.directory && target.kind === Kind.directory)
      expected = FsError.IsDirectory;
    else if (target.children.size > 0) expected = FsError.NotEmpty;
  }
  expect(status).toBe(expected);
  if (status !== ok || moved === target) return;
  fromParent.children.delete(a);
  if (flags === Rename.exchange) fromParent.children.set(a, target!);
  toParent.children.set(b, moved!);
}

function resized(bytes: Buffer, size: number): Buffer {
  const after = Buffer.alloc(size);
  bytes.copy(after, 0, 0, size);
  return after;
}

/** The whole tree, attributes that the model knows, and every byte. */
function compare(fx: Fixture, at: number, model: Node): void {
  expect(fx.names(at).sort()).toEqual([...model.children.keys()].sort());
  let subdirectories = 0;
  for (const [childName, child] of model.children) {
    const found = fx.lookup(at, childName);
    const attributes = fx.stat(found);
    expect(attributes.kind).toBe(child.kind);
    if (child.kind === Kind.directory) {
      subdirectories++;
      compare(fx, found, child);
    } else if (child.kind === Kind.symlink) {
      expect(fx.fs.readlink(root, found)).toBe(ok);
      expect(fx.fs.linkTarget).toBe(child.target);
    } else {
      expect(attributes.size).toBe(child.bytes.length);
      expect(fx.read(found) === child.bytes.toString('latin1')).toBe(true);
    }
  }
  expect(fx.stat(at).nlink).toBe(2 + subdirectories);
}

test('any sequence of operations leaves what the model has, also after a crash anywhere', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80, size: 'max' }), (operations) => {
      const fx = new Fixture({ inodesMax: 8 });
      try {
        const top = node(Kind.directory);
        for (const o of operations) run(fx, top, o);
        compare(fx, rootIno, top);
        fx.crash();
        compare(fx, rootIno, top);
        fx.restart();
        compare(fx, rootIno, top);
      } finally {
        fx.end();
      }
    }),
    { numRuns: 50 },
  );
}, 240_000);
