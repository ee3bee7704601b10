import { afterEach, beforeEach, expect, test } from 'vitest';
import { rootIno } from './operations.ts';
import { Fixture, must, root } from './testing/fixture.ts';

let fixture: Fixture;
beforeEach(() => {
  fixture = new Fixture();
});
afterEach(() => fixture.end());

test('closing frees the space of small files removed just before', () => {
  const names = Array.from({ length: 20 }, (_, index) => `small-${index}`);
  const inodes = names.map((name) => fixture.file(rootIno, name, 'text'));
  fixture.restart();
  for (const [index, name] of names.entries()) {
    must(fixture.fs.unlink(root, rootIno, name));
    fixture.fs.forgotten(inodes[index]!);
  }
  fixture.restart();
  expect(fixture.names()).toEqual([]);
});
