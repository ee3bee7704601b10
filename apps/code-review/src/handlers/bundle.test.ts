import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeRepository } from '../testing/repository.ts';

const app = new URL('../../', import.meta.url);

interface BuildProperties {
  readonly External: string[];
  readonly EntryPoints: string[];
  readonly Banner: string[];
  readonly MainFields: string;
  readonly Target: string;
}

interface Resource {
  readonly Type: string;
  readonly Properties: {
    readonly Handler?: string;
    readonly FileSystemConfigs?: readonly { readonly LocalMountPath: string }[];
    readonly PosixUser?: { readonly Uid: string; readonly Gid: string };
    readonly RootDirectory?: { readonly Path: string };
  };
  readonly Metadata?: { readonly BuildProperties: BuildProperties };
}

/** Short tags are only names here. */
const template = parse(readFileSync(new URL('template.yaml', app), 'utf8'), {
  logLevel: 'silent',
}) as { readonly Resources: Record<string, Resource> };
const resources = Object.values(template.Resources);
const functions = resources.filter(({ Type }) => Type === 'AWS::Serverless::Function');
const properties = functions[0]?.Metadata?.BuildProperties as BuildProperties;

let root: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'bundle-'));
  await build({
    absWorkingDir: app.pathname,
    entryPoints: properties.EntryPoints,
    outdir: join(root, 'code'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: properties.Target,
    mainFields: properties.MainFields.split(','),
    outExtension: { '.js': '.mjs' },
    banner: { js: properties.Banner[0]?.replace(/^js=/, '') ?? '' },
    external: properties.External,
    logLevel: 'silent',
  });
}, 120_000);

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('the template', () => {
  test('gives every function an access point with a user of its own, below one directory', () => {
    const access = resources.filter(({ Type }) => Type === 'AWS::S3Files::AccessPoint');
    expect(access).toHaveLength(functions.length);
    expect(new Set(access.map(({ Properties }) => Properties.PosixUser?.Uid)).size).toBe(4);
    expect(new Set(access.map(({ Properties }) => Properties.PosixUser?.Gid)).size).toBe(1);
    for (const { Properties } of access) expect(Properties.RootDirectory?.Path).toBe('/reviews');
    for (const { Properties } of functions) {
      expect(Properties.FileSystemConfigs).toMatchObject([{ LocalMountPath: '/mnt/workspace' }]);
    }
  });

  test('leaves out of the bundles exactly what the layer holds, at the same versions', () => {
    const dependencies = (file: string): Record<string, string> =>
      (
        JSON.parse(readFileSync(new URL(file, app), 'utf8')) as {
          dependencies: Record<string, string>;
        }
      ).dependencies;
    const layer = dependencies('layer/package.json');
    expect(Object.keys(layer).toSorted()).toEqual(properties.External.toSorted());
    expect(dependencies('package.json')).toMatchObject(layer);
  });
});

test('the bundles review a repository away from their sources, with the packages on NODE_PATH', async () => {
  makeRepository(join(root, 'repository'), {
    'a.js':
      "const { exec } = require('child_process');\nexports.f = (req) => exec('ls ' + req.query.dir);\ndebugger;\n",
    'a.py': 'import yaml\nyaml.load(x, Loader=yaml.Loader)\n',
  });
  const host = new URL('../testing/durable-host.ts', import.meta.url).pathname;
  writeFileSync(
    join(root, 'run.mts'),
    `import { DurableHost } from ${JSON.stringify(host)};
    const functions = new Map();
    for (const name of ['orchestrator', 'security', 'style', 'coverage']) {
      functions.set(name, (await import('./code/' + name + '.mjs')).handler);
    }
    const runId = '20261121t143406123-k3v9x0a2mq';
    const url = 'file://' + process.argv[2];
    console.log(JSON.stringify(await new DurableHost({ functions }).execute('orchestrator', { runId, url })));
    `,
  );
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--no-warnings', join(root, 'run.mts'), join(root, 'repository')],
    {
      cwd: root,
      env: {
        PATH: process.env['PATH'],
        NODE_PATH: new URL('../../node_modules', app).pathname,
        WORKSPACE: mkdtempSync(join(root, 'workspace-')),
        SECURITY_FUNCTION: 'security',
        STYLE_FUNCTION: 'style',
        COVERAGE_FUNCTION: 'coverage',
      },
      timeout: 60_000,
    },
  );
  const end = JSON.parse(stdout) as {
    result: { status: string; reviewers: { findings: number }[] };
  };
  expect(end.result.status).toBe('complete');
  const [security, style] = end.result.reviewers;
  expect(security?.findings).toBeGreaterThanOrEqual(2);
  expect(style?.findings).toBeGreaterThanOrEqual(1);
}, 120_000);
