/**
 * A process that changes a file system at random, says on standard output what it has done once that was
 * acknowledged, and waits to be killed. For tests only: `node crashing-process.ts DIR SEED`.
 */
import { FileSystem } from '../file-system.ts';
import { Change, newAttributes, Open, rootIno } from '../operations.ts';
import { root } from './fixture.ts';
import { writeSync } from 'node:fs';

const [dir, seed] = process.argv.slice(2);
let state = Number(seed);

/** A small generator of its own, so that a seed is one exact run. */
function random(below: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

const fs = new FileSystem({
  dir: dir!,
  clock: { now: () => 1_700_000_000_000 },
  events: { ready: () => {}, inodeChanged: () => {}, entryChanged: () => {}, holds: () => false },
});
const out = newAttributes();

for (let n = 0; ; n++) {
  const name = `f${random(40)}`;
  const done: unknown[] = [];
  const found = fs.lookup(root, rootIno, name, out) === 0 ? out.ino : 0;
  const what = random(10);
  if (found === 0) {
    const handle = fs.create(root, rootIno, name, 0o644, Open.exclusive, out);
    fs.release(out.ino, handle, 0n);
    done.push('create', name);
  } else if (what === 0) {
    fs.unlink(root, rootIno, name);
    done.push('unlink', name);
  } else if (what === 1) {
    const to = `f${random(40)}`;
    if (fs.rename(root, rootIno, name, rootIno, to, 0) === 0) done.push('rename', name, to);
  } else if (what === 2) {
    const size = random(200_000);
    fs.setattr(root, found, { ...out, valid: Change.size, size }, out);
    done.push('truncate', name, size);
  } else {
    const offset = random(100_000);
    const bytes = Buffer.alloc(random(50_000), 1 + (n % 255));
    fs.write(root, found, offset, bytes, 0, bytes.length, 0);
    done.push('write', name, offset, bytes.length, 1 + (n % 255));
  }
  if (n % 100 === 99) fs.maintain(true);
  writeSync(1, `${JSON.stringify(done)}\n`);
}
