import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FunctionPlan } from '../template/plan.ts';
import { readPlan } from '../template/read-plan.ts';
import { buildFunctions, type FunctionBuild } from './build-functions.ts';

let root: string;
let now: number;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-build-'));
  now = Date.now();
  write(
    'src/greet.ts',
    "import { word } from './word.ts';\nexport const handler = () => word as string;\n",
  );
  write('src/word.ts', "export const word = 'hello';\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), text);
}

function functions(properties = '', more = ''): readonly FunctionPlan[] {
  const text = `
Resources:
  Layer: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: layer } }
  Greet:
    Type: AWS::Serverless::Function
    Properties: { Handler: greet.handler, Runtime: nodejs24.x ${more} }
    Metadata:
      BuildMethod: esbuild
      BuildProperties:
        Format: esm
        Sourcemap: true
        EntryPoints: [src/greet.ts]
        ${properties}
`;
  const place = { stackName: 's', region: 'r', accountId: '123456789012' };
  return readPlan({ file: path.join(root, 'template.yaml'), text, place }).functions;
}

async function build(plans: readonly FunctionPlan[] = functions()): Promise<FunctionBuild> {
  const cacheDir = path.join(root, 'cache');
  const built = await buildFunctions(plans, { cacheDir, clock: () => now });
  return built.get('Greet') as FunctionBuild;
}

function run({ codeDir, handler }: FunctionBuild): string {
  expect(handler).toBe('greet.handler');
  const program = `console.log((await import(${JSON.stringify(`${codeDir}/greet.mjs`)})).handler())`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
  }).trim();
}

test('a build runs, has a source map, and is made once', async () => {
  const first = await build();
  expect(run(first)).toBe('hello');
  expect(readdirSync(first.codeDir).sort()).toEqual(['greet.mjs', 'greet.mjs.map']);
  expect(await build()).toEqual(first);
  expect(readdirSync(path.join(root, 'cache'))).toHaveLength(2);
});

test('a changed input makes another build and leaves the old one; a touched one does not', async () => {
  const first = await build();
  utimesSync(path.join(root, 'src/word.ts'), new Date(), new Date(now + 5000));
  expect((await build()).hash).toBe(first.hash);
  write('src/word.ts', "export const word = 'howdy';\n");
  const second = await build();
  expect(second.hash).not.toBe(first.hash);
  expect(run(second)).toBe('howdy');
  expect(run(first)).toBe('hello');
});

test('functions with the same settings share a build, and what they have in common', async () => {
  write(
    'src/shout.ts',
    "import { word } from './word.ts';\nexport const handler = () => word + '!';\n",
  );
  write('other/greet.ts', "export const handler = () => 'from elsewhere';\n");
  const [greet] = functions();
  const build = greet?.build as NonNullable<FunctionPlan['build']>;
  const plan = (logicalId: string, handler: string, entry: string): FunctionPlan => ({
    ...(greet as FunctionPlan),
    ...{ logicalId, handler, build: { ...build, entryPoint: path.join(root, entry) } },
  });
  const plans = [
    plan('Greet', 'greet.handler', 'src/greet.ts'),
    plan('Shout', 'shout.handler', 'src/shout.ts'),
    plan('Elsewhere', 'greet.handler', 'other/greet.ts'),
  ];
  const cacheDir = path.join(root, 'cache');
  const built = await buildFunctions(plans, { cacheDir, clock: () => now });
  const [first, second, third] = plans.map(({ logicalId }) => built.get(logicalId));
  expect(second).toEqual({ ...first, handler: 'shout.handler' });
  expect(third?.codeDir).not.toBe(first?.codeDir);
  expect(run(first as FunctionBuild)).toBe('hello');
  expect(run(third as FunctionBuild)).toBe('from elsewhere');
});

test('packages of a layer are found from the build', async () => {
  write('layer/package.json', JSON.stringify({ dependencies: { '@x/native': '1.0.0' } }));
  write(
    'node_modules/@x/native/package.json',
    '{"name":"@x/native","version":"1.0.0","main":"i.js"}',
  );
  write('node_modules/@x/native/i.js', "module.exports = 'from the layer';");
  write('src/greet.ts', "import word from '@x/native';\nexport const handler = () => word;\n");
  const built = await build(functions("External: ['@x/native']", ', Layers: [!Ref Layer]'));
  expect(run(built)).toBe('from the layer');
});

test('a package kept out of the bundle but not installed is named', async () => {
  write('src/greet.ts', "import 'absent/deep';\nexport const handler = () => 1;\n");
  await expect(build(functions('External: [absent]'))).rejects.toThrow(
    'function Greet cannot be built: it imports absent/deep, which is kept out of the bundle and is not installed',
  );
});

test('an error in the sources names file and line', async () => {
  write('src/word.ts', 'export const word = ;\n');
  await expect(build()).rejects.toThrow(
    `function Greet cannot be built: ${root}/src/word.ts:1: Unexpected ";"`,
  );
  expect(readdirSync(path.join(root, 'cache'))).toEqual(['index']);
});

test('builds nobody used for a month go when a new one is made', async () => {
  const first = await build();
  write('src/word.ts', "export const word = 'two';\n");
  now += 20 * 24 * 3600 * 1000;
  const second = await build();
  expect(existsSync(first.codeDir)).toBe(true);
  now += 20 * 24 * 3600 * 1000;
  write('src/word.ts', "export const word = 'three';\n");
  await build();
  expect(existsSync(first.codeDir)).toBe(false);
  expect(existsSync(second.codeDir)).toBe(true);
});
