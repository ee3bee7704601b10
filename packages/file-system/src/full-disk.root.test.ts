/** A disk that is full: refused, nothing damaged, and it goes on when there is space again. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileSystem } from './file-system.ts';
import { errorOf, FsError, newAttributes, ok, Open, rootIno } from './operations.ts';
import { root } from './testing/fixture.ts';

let disk: string;
let fs: FileSystem;
const out = newAttributes();

function open(): FileSystem {
  return new FileSystem({
    dir: join(disk, 'data'),
    clock: { now: () => 1_700_000_000_000 },
    events: {
      ready: () => {},
      inodeChanged: () => {},
      entryChanged: () => {},
      holds: () => false,
    },
  });
}

beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'moorage-full-'));
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', disk]);
  if (status !== 0) throw new Error(`mount: ${String(stderr)}`);
  fs = open();
  fs.freshSession();
});
afterEach(() => {
  fs.abandon();
  spawnSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

/** Takes all space that is left, as another program might. */
function fillDisk(): string {
  const path = join(disk, 'foreign');
  const fd = openSync(path, 'w');
  const bytes = Buffer.alloc(65_536, 'x');
  for (let step = bytes.length; step > 0;) {
    try {
      writeSync(fd, bytes, 0, step);
    } catch {
      step = Math.floor(step / 2);
    }
  }
  closeSync(fd);
  return path;
}

/** Creates files with content until refused. Returns how many were acknowledged. */
function createUntilRefused(prefix: string, bytes: Buffer): { made: number; error: number } {
  for (let made = 0; ; made++) {
    const handle = fs.create(root, rootIno, `${prefix}${made}`, 0o644, Open.exclusive, out);
    if (handle < 0) return { made, error: errorOf(handle) };
    const { ino } = out;
    const written = fs.write(root, ino, 0, bytes, 0, bytes.length, 0);
    fs.release(ino, handle, 0n);
    if (written < bytes.length) {
      expect(fs.unlink(root, rootIno, `${prefix}${made}`)).toBe(ok);
      return { made, error: written < 0 ? errorOf(written) : FsError.NoSpace };
    }
  }
}

function expectFiles(prefix: string, count: number, bytes: Buffer): void {
  const into = Buffer.alloc(bytes.length + 1);
  for (let i = 0; i < count; i++) {
    expect(fs.lookup(root, rootIno, `${prefix}${i}`, out)).toBe(ok);
    expect(fs.read(root, out.ino, 0, into.length, into, 0)).toBe(bytes.length);
    expect(into.subarray(0, bytes.length).equals(bytes)).toBe(true);
  }
}

test('filled by its own content: files can be removed, and then written again', () => {
  for (const bytes of [Buffer.alloc(500_000, 'l'), Buffer.alloc(5000, 's')]) {
    const { made, error } = createUntilRefused('f', bytes);
    expect(error).toBe(FsError.NoSpace);
    expect(made).toBeGreaterThan(20);
    expectFiles('f', made, bytes);
    fs.abandon();
    fs = open();
    fs.freshSession();
    expectFiles('f', made, bytes);
    for (let i = 0; i < made; i++) expect(fs.unlink(root, rootIno, `f${i}`)).toBe(ok);
    expect(fs.lookup(root, rootIno, 'f0', out)).toBe(FsError.NoEntry);
    fs.maintain(true);
  }
}, 120_000);

test('filled by others: what was acknowledged stays, over a restart too, and it recovers', () => {
  const bytes = Buffer.from('small');
  const { made: before } = { made: 100 };
  for (let i = 0; i < before; i++) {
    fs.release(fs.create(root, rootIno, `e${i}`, 0o644, Open.exclusive, out), 0, 0n);
    fs.write(root, out.ino, 0, bytes, 0, bytes.length, 0);
  }
  const foreign = fillDisk();
  let made = 0;
  for (; ; made++) {
    const status = fs.mkdir(root, rootIno, `d${made}`, 0o755, out);
    if (status !== ok) {
      expect(status).toBe(FsError.NoSpace);
      break;
    }
    expect(made).toBeLessThan(1_000_000);
  }
  expect(made).toBeGreaterThan(100);
  expectFiles('e', before, bytes);
  fs.abandon();
  fs = open();
  expectFiles('e', before, bytes);
  for (let i = 0; i < made; i++) expect(fs.lookup(root, rootIno, `d${i}`, out)).toBe(ok);
  rmSync(foreign);
  expect(fs.mkdir(root, rootIno, 'after', 0o755, out)).toBe(ok);
  fs.close();
  fs = open();
  expect(fs.lookup(root, rootIno, 'after', out)).toBe(ok);
  expectFiles('e', before, bytes);
}, 120_000);

test('of a write that does not fit whole, what fits is written, and its length is said', () => {
  const old = Buffer.alloc(4_000, 'o');
  const wanted = Buffer.alloc(1_000_000, 'w');
  const into = Buffer.alloc(2_000_000);
  const handle = fs.create(root, rootIno, 'f', 0o644, Open.exclusive, out);
  const { ino } = out;
  expect(fs.write(root, ino, 0, old, 0, old.length, 0)).toBe(old.length);
  const foreign = fillDisk();
  truncateSync(foreign, statSync(foreign).size - 500_000);
  const written = fs.write(root, ino, 1_000, wanted, 0, wanted.length, 0);
  expect(written).toBeGreaterThan(100_000);
  expect(written).toBeLessThan(wanted.length);
  const whole = Buffer.concat([old.subarray(0, 1_000), wanted.subarray(0, written)]);
  const expectWhole = (): void => {
    const n = fs.read(root, ino, 0, into.length, into, 0);
    expect(into.subarray(0, n).equals(whole)).toBe(true);
  };
  expectWhole();
  const more = fs.write(root, ino, whole.length, wanted, 0, wanted.length, 0);
  expect(errorOf(more)).toBe(FsError.NoSpace);
  expectWhole();
  fs.release(ino, handle, 0n);
  fs.abandon();
  fs = open();
  expectWhole();
}, 120_000);
