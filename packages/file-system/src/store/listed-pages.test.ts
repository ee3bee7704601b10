import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Kind, rootIno } from '../operations.ts';
import { childIno } from './directory.ts';
import { Inode } from './inode.ts';
import { Store } from './store.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'moorage-pages-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (namesMax: number): Store => new Store(dir, { inodesMax: 4, namesMax });

function makeRoot(store: Store): void {
  const root = new Inode(rootIno, Kind.directory, 0, '');
  store.transaction(() => store.insert(root));
}

/** What the store says of every file in the root, asked for by its number and by its name. */
function contents(store: Store, names: Iterable<string>): Map<string, string> {
  const found = new Map<string, string>();
  const root = store.get(rootIno)!;
  for (const name of names) {
    const ino = childIno(store.child(root, name));
    const inode = store.get(ino);
    if (inode !== undefined) found.set(name, `${inode.ino} ${inode.size} ${inode.base}`);
  }
  return found;
}

test('files listed in pages are what they would be in rows, whatever happens to some of them and whenever it stops', () => {
  const step = fc.record({
    what: fc.constantFrom(
      'list',
      'change',
      'remove',
      'orphan',
      'commit',
      'crash',
      'unfold',
      'close',
      'show',
    ),
    which: fc.nat(),
    count: fc.integer({ min: 1, max: 6 }),
  });
  // With few names in memory the directory is looked up in the database, with many it is whole.
  const namesMax = fc.constantFrom(8, 10_000);
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 80 }), namesMax, (steps, limit) => {
      rmSync(dir, { recursive: true, force: true });
      dir = mkdtempSync(join(tmpdir(), 'moorage-pages-'));
      let store = open(limit);
      makeRoot(store);
      const model = new Map<string, string>();
      const everything = new Set<string>();
      const pick = (which: number): string | undefined => [...model.keys()][which % model.size];
      let serial = 0;
      let orphans = 0;
      for (const { what, which, count } of steps) {
        const name = pick(which);
        switch (what) {
          case 'list':
            store.transaction(() => {
              for (let i = 0; i < count; i++) {
                const inode = new Inode(store.newIno(), Kind.file, rootIno, `n${serial++}`);
                // A page of others begins with some of them.
                inode.mode = which % 3;
                inode.size = which;
                inode.base = `b${serial}`;
                store.insertListed(inode);
                everything.add(inode.name);
                model.set(inode.name, `${inode.ino} ${inode.size} ${inode.base}`);
              }
            });
            break;
          case 'change':
          case 'remove':
          case 'orphan':
            if (name === undefined) break;
            store.transaction(() => {
              const inode = store.get(childIno(store.child(store.get(rootIno)!, name)))!;
              if (what === 'change') {
                inode.size = count;
                store.touch(inode);
                model.set(name, `${inode.ino} ${inode.size} ${inode.base}`);
                return;
              }
              if (what === 'remove') {
                store.unname(inode);
                store.remove(inode);
              } else {
                store.orphan(inode, 1, 0);
                orphans++;
              }
              model.delete(name);
            });
            break;
          case 'commit':
            store.database.commit();
            break;
          case 'unfold':
            store.database.unfoldPage();
            break;
          case 'crash':
            store.database.abandon();
            store = open(limit);
            break;
          case 'close':
            store.database.close();
            store = open(limit);
            break;
          case 'show': {
            const shown: string[] = [];
            store.eachChild(store.get(rootIno)!, 0, (shownName) => shown.push(shownName) > 0);
            expect(shown).toEqual([...model.keys()]);
            break;
          }
        }
      }
      expect(contents(store, everything)).toEqual(model);
      expect(store.countInodes()).toBe(model.size + orphans + 1);
      expect(store.orphans().length).toBe(orphans);
      store.database.abandon();
      store = open(limit);
      expect(contents(store, everything)).toEqual(model);
      store.database.abandon();
    }),
    { numRuns: 20 },
  );
});

test('pages that nobody looks into are unfolded one at a time, and no more of them wait than can be read at once', () => {
  const store = open(10_000);
  makeRoot(store);
  const list = (): void =>
    store.transaction(() =>
      store.insertListed(new Inode(store.newIno(), Kind.file, rootIno, `n${store.nextIno}`)),
    );
  for (let i = 0; i < 300; i++) list();
  expect(store.database.pages.count).toBe(256);
  let count = 256;
  while (store.database.unfoldPage()) expect(store.database.pages.count).toBe(--count);
  expect(count).toBe(0);
  expect(store.countInodes()).toBe(301);
  store.database.abandon();
});
