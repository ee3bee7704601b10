import { describe, expect, test } from 'vitest';
import { finishHits, maskSecrets } from './finish.ts';
import { parseFindings, type Finding } from './finding.ts';
import { mergeFindings } from './merge.ts';
import type { Hit, Rule } from './rule.ts';
import { suppressionReason } from './suppression.ts';

const rule = (id: string, more: Partial<Rule> = {}): Rule => ({
  id,
  title: 'A title',
  help: 'Help.',
  severity: 'high',
  confidence: 'high',
  basis: 'pattern',
  cwe: 79,
  ...more,
});

function finish(source: string, hits: readonly Hit[], rules: readonly Rule[]): Finding[] {
  return finishHits('security', hits, new Map(rules.map((own) => [own.id, own])), () => source);
}

const at = (startLine: number, ruleId = 'moorage/a', more: Partial<Hit> = {}): Hit => ({
  ruleId,
  path: 'a.ts',
  startLine,
  endLine: startLine,
  ...more,
});

describe('fingerprints', () => {
  const body = ['function f() {', '  one();', '  bad();', '  two();', '}'];
  const print = (lines: readonly string[], line: number): string | undefined =>
    finish(lines.join('\n'), [at(line)], [rule('moorage/a')])[0]?.fingerprint;

  test('stay when lines move or are indented anew', () => {
    const moved = ['// new', '', 'const x = 1;', '', ...body.map((line) => `  ${line}`)];
    expect(print(moved, 7)).toBe(print(body, 3));
  });

  test('change with the code around and the function', () => {
    expect(print(body.with(1, '  other();'), 3)).not.toBe(print(body, 3));
    expect(print(body.with(0, 'function g() {'), 3)).not.toBe(print(body, 3));
  });

  test('tell equal places of one file apart', () => {
    const twice = Array.from({ length: 9 }, () => 'bad();').join('\n');
    const found = finish(twice, [at(4), at(5), at(6)], [rule('moorage/a')]);
    expect(new Set(found.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  });
});

describe('suppression', () => {
  const check = (lines: readonly string[], line: number): string | null =>
    suppressionReason(lines, line, 'moorage/js-eval');

  test.each([
    [['eval(x); // review-ignore[js-eval]: trusted input'], 1, 'trusted input'],
    [['// review-ignore[moorage/js-eval]: trusted', 'eval(x);'], 2, 'trusted'],
    [['# review-ignore[*]: generated', '# more', 'eval(x)'], 3, 'generated'],
    [['/* review-ignore[js-eval, other]: both */', 'eval(x);'], 2, 'both'],
    [['// review-ignore[js-eval]:', 'eval(x);'], 2, null],
    [['// review-ignore[js-eval]: far', 'one();', 'eval(x);'], 3, null],
    [['// review-ignore[other]: why', 'eval(x);'], 2, null],
  ])('%j', (lines, line, reason) => {
    expect(check(lines, line)).toBe(reason);
  });
});

describe('the merge', () => {
  const [a] = finish('x', [at(1)], [rule('moorage/a')]);
  const finding = (more: Partial<Finding>): Finding => ({ ...(a as Finding), ...more });

  test('joins what speaks of one weakness at one place and names all reporters', () => {
    const merged = mergeFindings([
      finding({
        ruleId: 'ruff/S1',
        severity: 'medium',
        confidence: 'low',
        basis: 'dataflow',
        startLine: 3,
        endLine: 5,
      }),
      finding({
        ruleId: 'moorage/b',
        severity: 'high',
        confidence: 'medium',
        startLine: 4,
        endLine: 4,
      }),
      finding({
        ruleId: 'model/c',
        reviewer: 'style',
        severity: 'low',
        confidence: 'high',
        basis: 'model',
        startLine: 5,
        endLine: 6,
      }),
    ]);
    expect(merged).toHaveLength(2);
    expect(merged[0]).toMatchObject({
      ruleId: 'moorage/b',
      severity: 'high',
      confidence: 'medium',
      basis: 'pattern',
      reportedBy: ['security:moorage/b', 'security:ruff/S1'],
    });
  });

  test('keeps apart other weaknesses, other files, other lines, and what is suppressed', () => {
    const all = [
      finding({}),
      finding({ cwe: 89 }),
      finding({ path: 'b.ts' }),
      finding({ startLine: 9, endLine: 9 }),
      finding({ suppressed: { reason: 'x' } }),
      finding({ cwe: null, ruleId: 'moorage/x' }),
      finding({ cwe: null, ruleId: 'moorage/y' }),
    ];
    expect(mergeFindings(all)).toHaveLength(all.length);
  });
});

test('what a reviewer writes is checked line by line', () => {
  const [good] = finish('x', [at(1)], [rule('moorage/a')]);
  const lines = [
    JSON.stringify(good),
    'not json',
    JSON.stringify({ ...good, path: '../../etc/passwd' }),
    JSON.stringify({ ...good, severity: 'apocalyptic' }),
    JSON.stringify({ ...good, reviewer: 'style' }),
  ].join('\n');
  const { findings, rejected } = parseFindings(lines, 'security');
  expect(findings).toEqual([good]);
  expect(rejected).toHaveLength(4);
});

test('a snippet shows where a secret is, not what it is', () => {
  expect(maskSecrets('const key = "sk_live_abcdefghijklmnop";')).toBe('const key = "sk_l****";');
});
