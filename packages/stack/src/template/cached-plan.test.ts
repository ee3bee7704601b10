import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cachedPlan } from './cached-plan.ts';
import { readPlan, type PlanOptions } from './read-plan.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'mr-plan-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function options(name: string): PlanOptions {
  return {
    file: '/app/template.yaml',
    text: `Resources: { ${name}: { Type: AWS::S3::Bucket } }`,
    place: { stackName: 's', region: 'r', accountId: '123456789012' },
  };
}

test('the cached plan is the plan, and a change of the template makes another', async () => {
  const cacheDir = path.join(root, 'plans');
  for (const name of ['A', 'A', 'B']) {
    const plan = await cachedPlan(options(name), cacheDir);
    expect(plan).toEqual(readPlan(options(name)));
  }
  expect(readdirSync(cacheDir)).toHaveLength(2);
});

test('a damaged entry is read again, an impossible cache is done without', async () => {
  const first = await cachedPlan(options('A'), root);
  const [entry = ''] = readdirSync(root);
  writeFileSync(path.join(root, entry), '{"name":');
  expect(await cachedPlan(options('A'), root)).toEqual(first);
  expect(await cachedPlan(options('A'), path.join(root, entry, 'below'))).toEqual(first);
});
