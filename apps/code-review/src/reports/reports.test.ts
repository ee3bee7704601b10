import { describe, expect, test } from 'vitest';
import { reviewerNames } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import type { ReportInput } from './report-input.ts';
import { findingsJson } from './findings-json.ts';
import { markdown } from './markdown.ts';
import { sarif, sarifResultsMax } from './sarif.ts';
import { unreadLanguages } from './unread-languages.ts';

const finding: Finding = {
  ruleId: 'moorage/js-sql-injection',
  reviewer: 'security',
  severity: 'critical',
  confidence: 'high',
  basis: 'dataflow',
  cwe: 89,
  path: 'src/a b#c.ts',
  startLine: 3,
  endLine: 4,
  startColumn: 2,
  message: 'SQL injection: <script> | *bold*',
  snippet: 'db.query(`select ```${x}```)',
  evidence: [{ path: 'src/a b#c.ts', line: 1, note: 'input enters' }],
  fix: 'Use parameters.',
  fingerprint: '0123456789abcdef0123456789abcdef',
};

function input(more: Partial<ReportInput> = {}): ReportInput {
  return {
    runId: '20261121t143406123-k3v9x0a2mq',
    startedAt: 1_790_000_000_000,
    manifest: {
      repository: 'https://example.org/r.git',
      revision: 'main',
      commit: 'c'.repeat(40),
      files: [{ path: 'src/a b#c.ts', bytes: 1, sha256: 'd'.repeat(64) }],
      skipped: [{ path: 'link', reason: 'symbolic link, not followed' }],
    },
    reviewers: [
      {
        name: 'security',
        attempt: 1,
        summary: {
          findings: 1,
          suppressed: 0,
          filesAnalysed: 1,
          filesSkipped: 0,
          milliseconds: 1200,
          model: null,
          inputTokens: 0,
          outputTokens: 0,
          tools: [{ name: 'ast-grep', version: '0.51.2' }],
          notes: ['a note'],
        },
        findings: [finding],
        rules: [
          {
            id: finding.ruleId,
            title: 'SQL injection',
            help: 'Help',
            severity: 'critical',
            confidence: 'high',
            basis: 'dataflow',
            cwe: 89,
          },
          {
            id: 'moorage/js-eval',
            title: 'Eval',
            help: 'Help',
            severity: 'high',
            confidence: 'high',
            basis: 'pattern',
            cwe: 95,
          },
        ],
        ledger: [{ path: 'src/a b#c.ts', status: 'analysed', by: ['ast-grep'] }],
      },
    ],
    failures: [{ name: 'style', error: 'out of memory' }],
    unread: [],
    findings: [finding],
    ...more,
  };
}

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: { readonly name: string; readonly rules: readonly { id: string }[] };
    };
    readonly invocations: readonly { readonly executionSuccessful: boolean }[];
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly locations: readonly { physicalLocation: { artifactLocation: { uri: string } } }[];
      readonly suppressions?: unknown;
    }[];
  }[];
}

describe('SARIF', () => {
  const parse = (report: ReportInput): Sarif => JSON.parse(sarif(report)) as Sarif;

  test('has one run for each reviewer, all rules, and a failed reviewer is not successful', () => {
    const { version, runs } = parse(input());
    expect(version).toBe('2.1.0');
    expect(runs.map((run) => run.tool.driver.name)).toEqual(
      reviewerNames.map((name) => `moorage-${name}`),
    );
    expect(runs.map((run) => run.invocations[0]?.executionSuccessful)).toEqual([
      true,
      false,
      false,
    ]);
    expect(runs[0]?.tool.driver.rules.map(({ id }) => id)).toEqual([
      'moorage/js-sql-injection',
      'moorage/js-eval',
    ]);
  });

  test('every result points to its rule and its file', () => {
    const extra: Finding = {
      ...finding,
      ruleId: 'model/security-logic',
      suppressed: { reason: 'x' },
    };
    const { runs } = parse(input({ findings: [finding, extra] }));
    const [run] = runs;
    for (const result of run?.results ?? []) {
      expect(run?.tool.driver.rules[result.ruleIndex]?.id).toBe(result.ruleId);
      expect(result.locations[0]?.physicalLocation.artifactLocation.uri).toBe('src/a%20b%23c.ts');
    }
    expect(run?.results.map((result) => result.suppressions !== undefined)).toEqual([false, true]);
  });

  test('keeps to the limit and says what it left out', () => {
    const many = Array.from({ length: sarifResultsMax + 7 }, () => finding);
    const text = sarif(input({ findings: many }));
    expect((JSON.parse(text) as Sarif).runs[0]?.results).toHaveLength(sarifResultsMax);
    expect(text).toContain('7 results are left out');
  });
});

describe('Markdown', () => {
  test('says what is incomplete, escapes what is not ours, and stays short', () => {
    const many = Array.from({ length: 40 }, () => finding);
    const text = markdown(input({ findings: many }));
    expect(text).toContain('**This review is incomplete.**');
    expect(text).toContain('**40 findings:** 40 critical.');
    expect(text).toContain('- and 30 more');
    expect(text).toContain('30 findings are not shown here');
    expect(text).toContain('offline analysers, no model');
    expect(text).toContain('\\<script\\> \\| \\*bold\\*');
    expect(text).toContain('  ````\n  db.query');
    expect(text).toContain('symbolic link, not followed');
  });

  test('findings stand under severity and rule, with the remedy once; remarks are counted', () => {
    const at = (path: string, more: Partial<Finding>): Finding => ({ ...finding, path, ...more });
    const text = markdown(
      input({
        findings: [
          finding,
          at('b.ts', {}),
          at('c.ts', { severity: 'low', ruleId: 'moorage/js-eval', cwe: 95, message: 'Eval' }),
          at('d.ts', { severity: 'info', ruleId: 'oxlint/x', message: 'A remark' }),
        ],
      }),
    );
    expect(text.match(/^#+ .*$/gm)).toEqual([
      '# Review of `https://example.org/r.git`',
      '## Critical',
      '### SQL injection',
      '## Low',
      '### Eval',
      '## Info',
      '## Notes',
      '## Not in the snapshot',
    ]);
    expect(text).toContain('2 places, CWE-89, `moorage/js-sql-injection`. Help\n');
    expect(text).toContain('| A remark | 1 | `oxlint/x` |');
    expect(text).toContain('1 finding is not shown here');
  });

  test('a repository that no analyser can read is not called clean', () => {
    const unread = [{ language: 'Rust', files: 101 }];
    const report = input({ findings: [], unread });
    expect(markdown(report)).toMatch(
      /> \*\*Not all of the code was reviewed.\*\* .*Rust \(101 files\).*only searched for secrets[^]*No findings/,
    );
    expect(sarif(report)).toContain('No analyser reads Rust (101 files)');
    expect(JSON.parse(findingsJson(report))).toMatchObject({ unread });
  });
});

test('findings.json has a ledger entry for every file', () => {
  const report = JSON.parse(findingsJson(input())) as { status: string; files: unknown[] };
  expect(report.status).toBe('incomplete');
  expect(report.files).toEqual([
    { path: 'src/a b#c.ts', analysedBy: ['security:ast-grep'], skipped: {} },
    { path: 'link', analysedBy: [], skipped: { snapshot: 'symbolic link, not followed' } },
  ]);
});

test('a language counts as unread when no reviewer did more than look for secrets', () => {
  const [report] = input().reviewers;
  if (!report) throw new Error('no reviewer');
  const by = (path: string, ...tools: string[]) =>
    ({ path, status: 'analysed', by: tools }) as const;
  const skipped = (path: string) => ({ path, status: 'skipped', reason: 'x' }) as const;
  const security = [
    ...['a.rs', 'b.rs', 'c.rb', 'README.md'].map((path) => by(path, 'secretlint')),
    by('d.py', 'secretlint', 'ruff'),
    skipped('vendor/x.c'),
  ];
  const style = [by('c.rb', 'jscpd'), ...['a.rs', 'vendor/x.c'].map(skipped)];
  expect(
    unreadLanguages([
      { ...report, ledger: security },
      { ...report, name: 'style', ledger: style },
    ]),
  ).toEqual([{ language: 'Rust', files: 2 }]);
});
