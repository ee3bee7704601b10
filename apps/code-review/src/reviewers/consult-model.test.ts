import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRunId, runLayout, sha256Hex, verifyDone, writeManifest } from '@moorage/workspace';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ReviewerResponse } from '../events.ts';
import { parseFindings, type Finding } from '../findings/finding.ts';
import { reviewerHandler } from '../handlers/reviewer.ts';
import { DurableHost, type ExecutionEnd } from '../testing/durable-host.ts';
import { ScriptedModel, type Turn } from '../testing/scripted-model.ts';
import type { ReviewerSummary } from './outcome.ts';
import { securityReviewer } from './security.ts';
import { writeFileSync } from 'node:fs';

const source = [
  "import { exec } from 'node:child_process';",
  "import { createHash } from 'node:crypto';",
  "export const hash = (password: string) => createHash('md5').update(password);",
  'export function ping(req: { query: { host: string } }) {',
  '  exec(`ping ${req.query.host}`);',
  '}',
].join('\n');

let root: string;
let runId: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'consult-'));
  process.env['WORKSPACE'] = root;
  runId = newRunId({
    clock: Date.now,
    random: (bytes) => void globalThis.crypto.getRandomValues(bytes),
  });
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

async function review(
  script: (candidates: readonly { id: string; rule: string }[]) => readonly Turn[],
  options: { onTurn?: (position: number) => void; crashOn?: string } = {},
): Promise<{ end: ExecutionEnd; findings: readonly Finding[]; summary: ReviewerSummary }> {
  const layout = runLayout(root, runId);
  mkdirSync(layout.source, { recursive: true });
  mkdirSync(layout.agent('security'), { recursive: true });
  writeFileSync(join(layout.source, 'a.ts'), source);
  const manifest = await writeManifest(layout.directory, {
    repository: 'r',
    revision: 'main',
    commit: '0'.repeat(40),
    files: [{ path: 'a.ts', bytes: source.length, sha256: sha256Hex(source) }],
    skipped: [],
  });
  const model = new ScriptedModel((messages) => {
    const prompt = JSON.stringify(messages[0]);
    const candidates = [
      ...prompt.matchAll(/\{\\"id\\":\\"([0-9a-f]+)\\",\\"rule\\":\\"([^\\]+)\\"/g),
    ].map(([, id = '', rule = '']) => ({ id, rule }));
    return script(candidates);
  }, options.onTurn);
  let crashed = false;
  const host = new DurableHost({
    functions: new Map([['security', reviewerHandler(securityReviewer, async () => model)]]),
    crash: (_name, update) => {
      if (crashed || update.Name !== options.crashOn || update.Action !== 'SUCCEED') return null;
      crashed = true;
      return 'after';
    },
  });
  const end = await host.execute('security', {
    task: 'review',
    runId,
    manifest,
    reviewSecondsMax: 60,
    model: 'openai:scripted',
  });
  expect(end.error).toBeUndefined();
  const response = end.result as Extract<ReviewerResponse, { task: 'review' }>;
  const { marker, files } = await verifyDone<ReviewerSummary>(layout, 'security', response.done);
  const { findings, rejected } = parseFindings(
    files.get('findings.jsonl')?.toString() ?? '',
    'security',
  );
  expect(rejected).toEqual([]);
  return { end, findings, summary: marker.summary };
}

const report = (more: object = {}): Turn => ({
  tool: 'report_finding',
  input: {
    rule: 'missing-authorization',
    path: 'a.ts',
    startLine: 4,
    endLine: 5,
    severity: 'high',
    confidence: 'medium',
    cwe: 862,
    message: 'Anybody may ping any host.',
    ...more,
  },
});

test('what a model reports and judges is in the findings, with its cost', async () => {
  const { findings, summary } = await review((candidates) => [
    { tool: 'list_files', input: {} },
    { tool: 'read_file', input: { path: 'a.ts' } },
    { tool: 'search', input: { text: 'exec(' } },
    ...candidates.map(({ id }): Turn => ({
      tool: 'judge_finding',
      input: { id, verdict: 'unlikely', severity: 'info', reason: 'It is only used in tests.' },
    })),
    report(),
  ]);
  const byRule = new Map(findings.map((finding) => [finding.ruleId, finding]));
  expect([...byRule.keys()].toSorted()).toEqual([
    'model/security-missing-authorization',
    'moorage/js-command-injection',
    'moorage/js-weak-hash',
  ]);
  // A candidate goes where the model puts it, a certainty falls by one step at most; neither goes away.
  expect(byRule.get('moorage/js-command-injection')).toMatchObject({
    severity: 'info',
    demoted: { from: 'critical', by: 'openai:scripted', reason: 'It is only used in tests.' },
  });
  expect(byRule.get('moorage/js-weak-hash')).toMatchObject({
    severity: 'medium',
    demoted: { from: 'high' },
  });
  expect(byRule.get('model/security-missing-authorization')?.basis).toBe('model');
  expect(summary).toMatchObject({
    model: 'openai:scripted',
    inputTokens: 70,
    outputTokens: 35,
    notes: [],
  });
});

test('after a crash no turn is paid for twice and no report is lost', async () => {
  const turns: number[] = [];
  const { findings, end } = await review(
    () => [report(), { tool: 'search', input: { text: 'exec' } }],
    {
      onTurn: (position) => turns.push(position),
      crashOn: 'security: turn 2',
    },
  );
  expect(end.operations, String(end.operations)).toContain('security: turn 2');
  expect(end.invocations).toBeGreaterThan(1);
  expect(turns).toEqual([0, 1, 2]);
  expect(findings.map(({ ruleId }) => ruleId)).toContain('model/security-missing-authorization');
});

test('no path leads out of the snapshot, and a malformed report is refused', async () => {
  const outside = join(root, 'secret.txt');
  writeFileSync(outside, 'very secret');
  const { findings, end } = await review(() => [
    { tool: 'read_file', input: { path: '../../secret.txt' } },
    { tool: 'read_file', input: { path: outside } },
    { tool: 'read_file', input: { path: '/etc/passwd' } },
    { tool: 'search', input: { text: 'very secret', prefix: '../' } },
    report({ path: '../../secret.txt' }),
    report({ startLine: 9999, endLine: 9999 }),
    report({ severity: 'catastrophic' }),
    report({ evidence: [{ path: '/etc/passwd', line: 1, note: 'here' }] }),
    {
      tool: 'judge_finding',
      input: { id: 'none', verdict: 'unlikely', severity: 'info', reason: 'Because I say so.' },
    },
  ]);
  expect(end.checkpointed).not.toContain('root:');
  expect(end.checkpointed).not.toContain('content of very secret');
  expect(findings.filter(({ basis }) => basis === 'model')).toEqual([]);
  expect(readFileSync(outside, 'utf8')).toBe('very secret');
});

test("a model that fails leaves the analysers' findings and a note", async () => {
  const { findings, summary } = await review(() => {
    const error = new Error('no such model');
    error.name = 'ValidationException';
    throw error;
  });
  expect(findings.map(({ ruleId }) => ruleId)).toContain('moorage/js-weak-hash');
  expect(summary.notes.join()).toContain('the model failed');
}, 20_000);
