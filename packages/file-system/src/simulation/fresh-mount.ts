/**
 * A file system that has never seen the bucket must show what the one at rest shows: to who asks for all names at once,
 * and to who reads one directory after the other, for whom the next ones are listed ahead.
 */
import { Kind, newAttributes, pending, rootIno } from '../operations.ts';
import type { Result } from '../operations.ts';
import { bytesOf } from './checks.ts';
import { sameBytes } from './model-store.ts';
import type { SimulatedProcess } from './process.ts';
import type { SeededRandom } from './seeded-random.ts';
import { Broken } from './world.ts';

const reader = { view: 0, uid: 0, gid: 0, pid: 1, request: 0, groups: () => [] };

export async function checkFreshMount(
  rested: SimulatedProcess,
  fresh: SimulatedProcess,
  random: SeededRandom,
): Promise<void> {
  const until = async (operation: () => Result): Promise<Result> => {
    for (let i = 0; i < 20_000; i++) {
      const result = operation();
      if (result !== pending) return result;
      await fresh.drive(random, { faults: 0, staleMs: 0 });
    }
    throw new Broken('a fresh mount waits for ever');
  };

  const walks = random.chance(0.5);
  const compare = async (ino: number, freshIno: number, path: string): Promise<void> => {
    await until(() => {
      if (walks) return fresh.fs.readdir(reader, freshIno, 0, () => true);
      return fresh.sync.needTree(freshIno) === 0 ? 0 : pending;
    });
    const names = childrenOf(rested, ino);
    const freshNames = childrenOf(fresh, freshIno);
    const [is, should] = [[...freshNames.keys()].sort(), [...names.keys()].sort()];
    if (is.join('/') !== should.join('/')) {
      throw new Broken(
        `a fresh mount shows ${is.join(' ')} in ${path}, should be ${should.join(' ')}`,
      );
    }
    for (const [name, child] of names) {
      const freshChild = freshNames.get(name)!;
      await until(() => fresh.fs.access(reader, freshChild, 0));
      const kind = compareAttributes(child, freshChild, path + name);
      if (kind === Kind.directory) await compare(child, freshChild, `${path}${name}/`);
      else await compareBytes(child, freshChild, path + name);
    }
  };

  const compareAttributes = (ino: number, freshIno: number, path: string): Kind => {
    const [a, b] = [newAttributes(), newAttributes()];
    rested.fs.tree.attributes(ino, a);
    fresh.fs.tree.attributes(freshIno, b);
    const told = (of: typeof a): string => `${of.kind} ${of.mode} ${of.uid} ${of.gid} ${of.size}`;
    if (told(a) !== told(b)) {
      throw new Broken(`a fresh mount shows ${path} as ${told(b)}, should be ${told(a)}`);
    }
    return a.kind;
  };

  const compareBytes = async (ino: number, freshIno: number, path: string): Promise<void> => {
    const wanted = bytesOf(rested, ino);
    const buffer = new Uint8Array(wanted?.length ?? 0);
    await until(() => {
      const isLink = fresh.fs.readlink(reader, freshIno) === 0;
      return isLink ? 0 : fresh.fs.read(reader, freshIno, 0, buffer.length, buffer, 0);
    });
    const found = bytesOf(fresh, freshIno);
    if (wanted === undefined || found === undefined || !sameBytes(wanted, found)) {
      throw new Broken(`a fresh mount shows other bytes in ${path}`);
    }
  };

  await compare(rootIno, rootIno, '/');
}

function childrenOf(process: SimulatedProcess, ino: number): Map<string, number> {
  const children = new Map<string, number>();
  process.fs.tree.children(ino, (name, child) => children.set(name, child));
  return children;
}
