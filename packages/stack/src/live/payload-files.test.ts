import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FunctionPlan, StackPlan } from '../template/plan.ts';
import { openEndpoint, type Endpoint } from './endpoint.ts';
import {
  belowMount,
  PAYLOAD_FILE_BYTES_MAX,
  payloadFiles,
  readPayloadRoots,
  savePayloadRoots,
} from './payload-files.ts';

const functions = [
  { name: 'writes', mount: { accessPoint: 'Point', path: '/mnt/workspace' } },
  { name: 'none', mount: undefined },
] as FunctionPlan[];

let root: string;
let endpoint: Endpoint;

beforeEach(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-payloads-'));
  mkdirSync(path.join(root, 'point'));
  writeFileSync(path.join(root, 'point', 'a.json'), '{"big":true}');
  writeFileSync(path.join(root, 'secret'), 'secret');
  endpoint = await openEndpoint();
  endpoint.serve([payloadFiles({ functions }, new Map([['Point', path.join(root, 'point')]]))]);
});
afterEach(async () => {
  await endpoint.close();
  rmSync(root, { recursive: true, force: true });
});

async function read(functionName: string, file: string): Promise<[number, string]> {
  const query = new URLSearchParams({ function: functionName, file });
  const reply = await fetch(`${endpoint.url}/moorage/payload-file?${query}`);
  return [reply.status, await reply.text()];
}

test('a file in the workspace of its function is shown', async () => {
  expect(await read('writes', '/mnt/workspace/a.json')).toEqual([200, '{"big":true}']);
  expect(await read('writes', '/mnt/workspace/x/../a.json')).toEqual([200, '{"big":true}']);
});

test('nothing outside of it is', async () => {
  symlinkSync(path.join(root, 'secret'), path.join(root, 'point', 'link'));
  symlinkSync('..', path.join(root, 'point', 'up'));
  execFileSync('mkfifo', [path.join(root, 'point', 'pipe')]);
  truncateSync(path.join(root, 'secret'), PAYLOAD_FILE_BYTES_MAX + 1);
  execFileSync('cp', [path.join(root, 'secret'), path.join(root, 'point', 'huge')]);
  for (const [name, file] of [
    ['writes', '/mnt/workspace/../secret'],
    ['writes', '/mnt/workspace'],
    ['writes', '/etc/passwd'],
    ['writes', 'a.json'],
    ['writes', ''],
    ['writes', '/mnt/workspace/link'],
    ['writes', '/mnt/workspace/up/secret'],
    ['writes', '/mnt/workspace/pipe'],
    ['writes', '/mnt/workspace/huge'],
    ['writes', '/mnt/workspace/missing'],
    ['none', '/mnt/workspace/a.json'],
    ['unknown', '/mnt/workspace/a.json'],
  ] as const) {
    const [status, text] = await read(name, file);
    expect({ file, status }).toEqual({ file, status: 404 });
    expect(text).toContain('message');
  }
});

test('the keys of its files are on record', () => {
  expect(readPayloadRoots(root)).toEqual({});
  savePayloadRoots(root, {
    functions,
    buckets: [{ logicalId: 'Bucket', bucket: 'b' }],
    fileSystems: [{ logicalId: 'Files', bucket: 'Bucket', prefix: 'team/' }],
    accessPoints: [{ logicalId: 'Point', fileSystem: 'Files', rootPath: '/reviews' }],
  } as unknown as StackPlan);
  expect(readPayloadRoots(root)).toEqual({
    writes: { mountPath: '/mnt/workspace', bucket: 'b', keyPrefix: 'team/reviews/' },
  });
  expect(readFileSync(path.join(root, 'payload-roots.json'), 'utf8')).not.toContain('none');
});

test('a path is below its mount or not', () => {
  expect(belowMount('/mnt/w', '/mnt/w/a/b')).toBe('a/b');
  for (const file of ['/mnt/w', '/mnt/w2/a', '/mnt/w/../a', 'mnt/w/a', '/'])
    expect(belowMount('/mnt/w', file)).toBeUndefined();
});
