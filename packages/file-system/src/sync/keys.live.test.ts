/** Keys that cannot be paths: not visible and listed with the reason, or all of them visible under other names. */
import { startLocalS3 } from '@moorage/local-s3';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventually, startRig } from '../testing/live-server.ts';
import type { Rig } from '../testing/live-server.ts';
import { KeyNames } from './key-names.ts';
import type { Tree } from './port.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let rig: Rig;
const long = 'x'.repeat(300);
const longest = `${'é'.repeat(255)}${'y'.repeat(1024 - 510)}`;
/** What no ordinary name can be, and why. */
const odd: Record<string, string> = {
  'a//b': 'EmptyComponent',
  '/leading': 'EmptyComponent',
  './c': 'DotComponent',
  'd/../e': 'DotComponent',
  'n/nul\0byte': 'NulByte',
  [`l/${long}`]: 'NameTooLong',
  [longest]: 'NameTooLong',
  file: 'NameTaken',
  'content/': 'DirectoryWithContent',
  '.s3files-lost+found-x': 'ReservedName',
};
const plain = ['file/below', 'l/short', 'caf\u00e9', 'cafe\u0301', '%41', 'content/below'];

beforeEach(async () => {
  rig = await startRig(startLocalS3);
  for (const key of [...Object.keys(odd), ...plain]) {
    await rig.outside.put(key, Buffer.from(`text of ${key}`));
  }
  await rig.outside.put('deleted//key', Buffer.from('x'));
  await rig.outside.delete('deleted//key');
});
afterEach(() => rig.end());

/** Path and text of every file. */
async function everything(live = rig.live, path = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await live.names(path)) {
    const at = path === '' ? name : `${path}/${name}`;
    const { kind } = await live.lookup(at);
    if (kind === 2) Object.assign(found, await everything(live, at));
    else found[at] = await live.read(at);
  }
  return found;
}

test('they are listed with the reason, and all others are visible', async () => {
  const visible = await everything();
  expect(Object.keys(visible).toSorted()).toEqual(
    plain.map((key) => Buffer.from(key).toString('latin1')).toSorted(),
  );
  const failures = rig.live.sync.status().importFailures;
  const found = Object.fromEntries(failures.map(({ key, reason }) => [key, reason]));
  // Of what is below an impossible part that part is listed.
  expect(found).toEqual({
    'a//': 'EmptyComponent',
    '/': 'EmptyComponent',
    './': 'DotComponent',
    'd/../': 'DotComponent',
    'n/nul\0byte': 'NulByte',
    [`l/${long}`]: 'NameTooLong',
    [longest]: 'NameTooLong',
    file: 'NameTaken',
    'content/': 'DirectoryWithContent',
    '.s3files-lost+found-x': 'ReservedName',
  });
  await rig.outside.delete('n/nul\0byte');
  await eventually(async () => {
    rig.live.sync.touched((await rig.live.lookup('')).ino);
    return !rig.live.sync.status().importFailures.some(({ key }) => key.startsWith('n/'));
  }, 'the failure is forgotten when the key is gone');
});

test('a file whose name becomes a directory is listed at once', async () => {
  const patient = await rig.second({ relistMs: 3_600_000 });
  await patient.names('/');
  await rig.outside.put('late', Buffer.from('x'));
  await eventually(async () => (await patient.names('/')).includes('late'), 'the file');
  await rig.outside.put('late/below', Buffer.from('x'));
  await eventually(async () => (await patient.lookup('late')).kind === 2, 'the directory');
  const failures = patient.sync.status().importFailures;
  expect(failures).toContainEqual({ key: 'late', reason: 'NameTaken' });
});

test('escaped, every key is a file that is read, written and deleted as that key', async () => {
  const live = await rig.second({ escapeKeys: true });
  const files = await everything(live);
  const keys = [...Object.keys(odd), ...plain].toSorted();
  expect(Object.values(files).toSorted()).toEqual(
    keys.map((key) => `text of ${asBytes(key)}`).toSorted(),
  );
  expect(live.sync.status().importFailures).toEqual([]);
  expect(Object.keys(files)).toEqual(
    expect.arrayContaining([
      'a/%=/b',
      '%=/leading',
      '%=%2E/c',
      'd/%=%2E%2E/e',
      'n/%=nul%00byte',
      '%@file',
      'content/%@',
      '%=.s3files-lost+found-x',
      '%41',
    ]),
  );
  for (const path of Object.keys(files)) await live.write(path, `new ${files[path]}`);
  expect(await live.barrier()).toEqual([]);
  expect((await rig.keys()).toSorted()).toEqual(keys);
  for (const key of keys) expect(await rig.text(key)).toBe(`new text of ${asBytes(key)}`);
  expect(live.sync.status().conflicts).toEqual([]);
  for (const path of Object.keys(files)) await live.unlink(path);
  expect(await live.barrier()).toEqual([]);
  const left = (await rig.keys()).filter((key) => !key.endsWith('/'));
  expect(left).toEqual([]);
});

test('what others do to such a key is followed', async () => {
  const live = await rig.second({ escapeKeys: true });
  await everything(live);
  await rig.outside.put('a//b', Buffer.from('changed'));
  await rig.outside.put('file', Buffer.from('changed'));
  await rig.outside.delete('/leading');
  await rig.outside.put('l//deep//er', Buffer.from('new'));
  const sees = async (path: string, text: string): Promise<void> =>
    eventually(async () => {
      live.sync.touched((await live.lookup('')).ino);
      return (await live.exists(path)) && (await live.read(path)) === text;
    }, `${path} is ${text}`);
  await sees('a/%=/b', 'changed');
  await sees('%@file', 'changed');
  await sees('l/%=/deep/%=/er', 'new');
  await eventually(async () => !(await live.exists('%=/leading')), 'it is gone');
});

test('bytes that others put in the place of a marker are listed or a file, and no marker any more', async () => {
  const escaping = await rig.second({ escapeKeys: true });
  for (const [live, path] of [
    [rig.live, 'listed'],
    [escaping, 'shown'],
  ] as const) {
    await live.mkdir(path, 0o700);
    expect(await live.barrier()).toEqual([]);
    await rig.outside.put(`${path}/`, Buffer.from('theirs'));
    await eventually(async () => {
      live.sync.touched((await live.lookup(path)).ino);
      return (await live.lookup(path)).mode === 0o755;
    }, 'the mode of a directory without a marker');
  }
  const failure = { key: 'listed/', reason: 'DirectoryWithContent' };
  expect(rig.live.sync.status().importFailures).toContainEqual(failure);
  expect(await escaping.read('shown/%@')).toBe('theirs');
  await escaping.unlink('shown/%@');
  await escaping.rmdir('shown');
  expect(await escaping.barrier()).toEqual([]);
  expect(await rig.keys()).not.toContain('shown/');
});

test('a new file and a new directory below such a key have exactly theirs', async () => {
  const live = await rig.second({ escapeKeys: true });
  await live.write('a/%=/new', 'text');
  const name = (await live.names('')).find((other) => other.startsWith('%~')) ?? '';
  await live.rename(name, 'a/short');
  await live.mkdir('a/%=/directory');
  await live.rename('a/%=/b', 'd/%=%2E%2E/moved');
  await live.rename('content', 'moved');
  expect(await live.barrier()).toEqual([]);
  const keys = await rig.keys();
  expect(keys).toEqual(
    expect.arrayContaining([
      'a//new',
      'a/short',
      'a//directory/',
      'd/../moved',
      'moved/',
      'moved/below',
    ]),
  );
  for (const gone of ['a//b', longest, 'content/']) expect(keys).not.toContain(gone);
  expect(await rig.text('moved/')).toBe('text of content/');
  expect(live.sync.status().conflicts).toEqual([]);
});

test('the mode is remembered, and changes only when everything is in S3', async () => {
  const live = await rig.second({ escapeKeys: true });
  await everything(live);
  await live.restart({});
  expect(await live.names('')).toContain('%@file');
  await live.write('a/%=/b', 'not in S3 yet');
  await expect(live.restart({ escapeKeys: false })).rejects.toThrow('1 changes are not in S3 yet');
  await live.restart({});
  expect(await live.barrier()).toEqual([]);
  await live.restart({ escapeKeys: false });
  expect(await live.names('')).not.toContain('%@file');
  await everything(live);
  expect(live.sync.status().importFailures.map(({ key }) => key)).toContain('a//');
});

test('names and parts are one to one', () => {
  const records = new Map<string, string>();
  const tree = {
    eachRecord: (prefix: string, each: (key: string, value: string) => void) => {
      for (const [key, value] of records) if (key.startsWith(prefix)) each(key, value);
    },
    setRecord: (key: string, value: string) => void records.set(key, value),
  } as unknown as Tree;
  const names = new KeyNames(tree, true);
  const pieces = [
    '',
    '.',
    '..',
    '%',
    '%=',
    '%@',
    '%~',
    '%2E',
    '%00',
    '%25',
    '\0',
    'a',
    'é',
    'x'.repeat(252),
  ];
  const seen = new Map<string, string>();
  for (const a of pieces) {
    for (const b of pieces) {
      for (const c of pieces) {
        const part = a + b + c;
        const name = names.nameOf(part);
        expect(name.length).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/^\.{0,2}$|[/\0]/);
        expect(seen.get(name) ?? part).toBe(part);
        seen.set(name, part);
        expect(names.partOf(name)).toBe(part);
        expect(names.partOf(names.nameBeside(part))).toBe(part);
        expect(seen.get(names.nameBeside(part))).toBeUndefined();
      }
    }
  }
  // After a restart the shortened ones are still known.
  const again = new KeyNames(tree, true);
  for (const [name, part] of seen) expect(again.partOf(name)).toBe(part);
  for (const name of ['%=%zz', '%=a%2Fb', '%~unknown', '%=\xff']) {
    expect(names.partOf(name)).toBeUndefined();
  }
});

function asBytes(key: string): string {
  return Buffer.from(key).toString('latin1');
}
