import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { openFixture, type Fixture } from './fixture.ts';

let fixture: Fixture;

beforeAll(() => {
  fixture = openFixture();
});

afterAll(() => fixture.close());

const WHO = `
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
export const handler = async (path) => {
  const attempt = (fn) => { try { return fn() ?? 'yes'; } catch (error) { return error.code; } };
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    ids: [process.getuid(), process.getgid(), process.getgroups().toSorted((a, b) => a - b)],
    capabilities: /^CapEff:\\t(\\w+)$/m.exec(status)[1],
    mnt: readdirSync('/mnt').filter((name) => !name.startsWith('.')),
    written: attempt(() => writeFileSync('/mnt/data/made', '')),
    read: attempt(() => path && readdirSync(path)),
  };
};`;

test('as real root the worker is the access point’s user', async () => {
  const source = join(fixture.dir, 'view');
  mkdirSync(source, { mode: 0o777 });
  chmodSync(source, 0o777);
  fixture.define('who', WHO, {
    binds: [{ source, target: '/mnt/data' }],
    user: { uid: 4242, gid: 4343, groups: [4444] },
  });
  const { value } = await fixture.invoke('who');
  expect(value).toMatchObject({
    ids: [4242, 4343, [4343, 4444]],
    capabilities: '0000000000000000',
    mnt: ['data'],
    written: 'yes',
  });
  const made = statSync(join(source, 'made'));
  expect([made.uid, made.gid]).toEqual([4242, 4343]);
});

test('without a user it is the host’s own, without its powers', async () => {
  const closed = join(fixture.dir, 'closed');
  mkdirSync(closed, { mode: 0o777 });
  fixture.define('plain', WHO, { binds: [{ source: closed, target: '/mnt/data' }] });
  const { value } = await fixture.invoke('plain');
  expect(value).toMatchObject({ ids: [0, 0, expect.anything()], capabilities: '0000000000000000' });
});

test('code below a directory that only root may enter is still found, and nothing else there', async () => {
  const home = join(fixture.dir, 'root-home');
  const codeDir = join(home, 'project', 'app', 'dist');
  const modules = join(home, 'project', 'node_modules');
  mkdirSync(codeDir, { recursive: true });
  mkdirSync(join(modules, 'dependency'), { recursive: true });
  writeFileSync(join(home, 'secret'), 'of root');
  writeFileSync(join(modules, 'dependency', 'index.js'), 'module.exports = "found";');
  writeFileSync(
    join(codeDir, 'index.mjs'),
    `import dependency from 'dependency';
    import { readdirSync } from 'node:fs';
    export const handler = async () => [dependency, readdirSync(${JSON.stringify(home)})];`,
  );
  chmodSync(home, 0o700);
  fixture.define('far', '', { codeDir, readable: [modules], user: { uid: 4242, gid: 4242 } });
  expect((await fixture.invoke('far')).value).toEqual(['found', ['project']]);
});

test('a compile cache is the function’s own and usable by its user', async () => {
  const cached = openFixture({ compileCacheDir: join(fixture.dir, 'root-home', 'cache') });
  try {
    cached.define(
      'cached',
      `import { readdirSync } from 'node:fs';
      export const handler = async () => readdirSync(process.env.NODE_COMPILE_CACHE).length;`,
      { user: { uid: 4242, gid: 4242 } },
    );
    await cached.invoke('cached');
    expect((await cached.invoke('cached')).functionError).toBeUndefined();
    const dir = statSync(join(fixture.dir, 'root-home', 'cache', 'cached-4242'));
    expect([dir.uid, dir.mode & 0o777]).toEqual([4242, 0o700]);
  } finally {
    await cached.close();
  }
});

test('a source below /mnt is found although /mnt is the function’s own', async () => {
  const source = '/mnt/moorage-test-source';
  mkdirSync(source, { recursive: true });
  try {
    writeFileSync(join(source, 'here'), '');
    fixture.define('below', WHO, { binds: [{ source, target: '/mnt/data' }] });
    const { value } = await fixture.invoke('below', '/mnt/data');
    expect(value).toMatchObject({ mnt: ['data'], read: expect.arrayContaining(['here']) });
  } finally {
    rmSync(source, { recursive: true });
  }
});
