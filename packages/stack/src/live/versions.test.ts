import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Versions } from './versions.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-versions-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function build(hash: string): { hash: string; codeDir: string; handler: string } {
  const codeDir = path.join(root, 'cache', hash);
  mkdirSync(codeDir, { recursive: true });
  return { hash, codeDir, handler: 'a.handler' };
}

function publish(hash: string): string[] {
  const versions = new Versions(root);
  const published = versions
    .publish('f', build(hash))
    .map((known) => `${known.version}=${known.hash}`);
  versions.save();
  return published;
}

test('a number stands for the same code for ever, the current code comes last', () => {
  expect(publish('x')).toEqual(['1=x']);
  expect(publish('x')).toEqual(['1=x']);
  expect(publish('y')).toEqual(['1=x', '2=y']);
  expect(publish('x')).toEqual(['2=y', '1=x']);
  expect(publish('z')).toEqual(['1=x', '2=y', '3=z']);
});

test('code that is gone is left out, and its number is not given again', () => {
  publish('x');
  rmSync(path.join(root, 'cache', 'x'), { recursive: true });
  expect(publish('y')).toEqual(['2=y']);
});

test('a cache that has moved is followed', () => {
  publish('x');
  const moved = { hash: 'x', codeDir: root, handler: 'a.handler' };
  expect(new Versions(root).publish('f', moved)).toEqual([{ ...moved, version: '1' }]);
});
