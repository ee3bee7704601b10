/**
 * report/report.sarif: SARIF 2.1.0, one run for each reviewer, all its rules listed (so that a fixed
 * finding closes), within the limits of GitHub code scanning; what was cut is said in a notification.
 * Fingerprints go under a key of our own: GitHub computes its own and warns about foreign values there.
 */
import { reviewerNames, type ReviewerName, type Severity } from '../events.ts';
import type { Confidence, Finding } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import type { ReportInput } from './report-input.ts';
import { unreadSentence } from './unread-languages.ts';

export const sarifResultsMax = 5000;
const schema =
  'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

const levels: Record<Severity, 'error' | 'warning' | 'note'> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};
const securitySeverities: Record<Severity, string> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
  info: '1.0',
};
const precisions: Record<Confidence, string> = { high: 'very-high', medium: 'medium', low: 'low' };

export function sarif(input: ReportInput): string {
  return `${JSON.stringify(
    { $schema: schema, version: '2.1.0', runs: reviewerNames.map((name) => run(name, input)) },
    null,
    1,
  )}\n`;
}

function run(name: ReviewerName, input: ReportInput): unknown {
  const reviewer = input.reviewers.find((candidate) => candidate.name === name);
  const failed = input.failures.find((candidate) => candidate.name === name);
  const rules = describeRules(reviewer?.rules ?? [], input.findings, name);
  const indexes = new Map(rules.map((rule, index) => [rule.id, index]));
  const own = input.findings.filter((finding) => finding.reviewer === name);
  const kept = own.slice(0, sarifResultsMax);
  const unread = unreadSentence(input.unread, { byModel: reviewer?.summary.model != null });
  const notifications = [
    ...(unread === null ? [] : [notification('warning', unread)]),
    ...(reviewer?.summary.notes ?? []).map((text) => notification('note', text)),
    ...(failed ? [notification('error', failed.error)] : []),
    ...(own.length > kept.length
      ? [
          notification(
            'warning',
            `${own.length - kept.length} results are left out; findings.json is complete`,
          ),
        ]
      : []),
  ];
  return {
    tool: {
      driver: {
        name: `moorage-${name}`,
        semanticVersion: '0.1.0',
        rules: rules.map(describeRule),
      },
      extensions: (reviewer?.summary.tools ?? []).map((tool) => ({
        name: tool.name,
        version: tool.version,
      })),
    },
    automationDetails: { id: `moorage/${name}/${input.runId}` },
    versionControlProvenance: provenance(input),
    originalUriBaseIds: {
      '%SRCROOT%': { description: { text: 'The root of the reviewed repository.' } },
    },
    invocations: [
      {
        executionSuccessful: reviewer !== undefined,
        startTimeUtc: new Date(input.startedAt).toISOString(),
        toolExecutionNotifications: notifications,
      },
    ],
    columnKind: 'utf16CodeUnits',
    results: kept.map((finding) => result(finding, indexes)),
  };
}

/** Only an absolute URI may stand there; a path or an scp-like address stays in findings.json. */
function provenance(input: ReportInput): unknown[] {
  const { repository, commit } = input.manifest;
  if (!/^(?:https|ssh|file):\/\/[^\s]+$/.test(repository)) return [];
  return [{ repositoryUri: encodeURI(decodeSafely(repository)), revisionId: commit }];
}

function decodeSafely(uri: string): string {
  try {
    return decodeURI(uri);
  } catch {
    return uri;
  }
}

/** A model's findings may name rules that no analyser has: they are described from the finding. */
function describeRules(
  rules: readonly Rule[],
  findings: readonly Finding[],
  name: ReviewerName,
): Rule[] {
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  for (const finding of findings) {
    if (finding.reviewer !== name || byId.has(finding.ruleId)) continue;
    byId.set(finding.ruleId, {
      id: finding.ruleId,
      title: finding.ruleId.slice(finding.ruleId.indexOf('/') + 1).replaceAll('-', ' '),
      help: 'Reported by the model of this reviewer.',
      severity: finding.severity,
      confidence: finding.confidence,
      basis: finding.basis,
      cwe: finding.cwe,
    });
  }
  return [...byId.values()];
}

function describeRule(rule: Rule): unknown {
  const security = rule.cwe !== null;
  return {
    id: rule.id,
    name: rule.id.slice(rule.id.indexOf('/') + 1),
    shortDescription: { text: rule.title },
    fullDescription: { text: rule.title },
    help: { text: rule.help, markdown: rule.help },
    defaultConfiguration: { level: levels[rule.severity] },
    properties: {
      precision: precisions[rule.confidence],
      'problem.severity':
        levels[rule.severity] === 'note' ? 'recommendation' : levels[rule.severity],
      ...(security ? { 'security-severity': securitySeverities[rule.severity] } : {}),
      tags: security ? ['security', `external/cwe/cwe-${String(rule.cwe).padStart(3, '0')}`] : [],
    },
  };
}

function result(finding: Finding, indexes: ReadonlyMap<string, number>): unknown {
  const location = (path: string, startLine: number, endLine?: number, text?: string): unknown => ({
    physicalLocation: {
      artifactLocation: {
        uri: path.split('/').map(encodeURIComponent).join('/'),
        uriBaseId: '%SRCROOT%',
      },
      region: {
        startLine,
        ...(endLine === undefined ? {} : { endLine }),
        ...(finding.startColumn !== undefined &&
        path === finding.path &&
        startLine === finding.startLine
          ? { startColumn: finding.startColumn }
          : {}),
      },
    },
    ...(text === undefined ? {} : { message: { text } }),
  });
  const steps = finding.evidence.map((step) =>
    location(step.path, step.line, undefined, step.note),
  );
  return {
    ruleId: finding.ruleId,
    ruleIndex: indexes.get(finding.ruleId) ?? -1,
    level: levels[finding.severity],
    message: { text: finding.message },
    locations: [location(finding.path, finding.startLine, finding.endLine)],
    partialFingerprints: { 'moorage/v1': finding.fingerprint },
    ...(steps.length === 0
      ? {}
      : finding.basis === 'dataflow'
        ? {
            codeFlows: [
              { threadFlows: [{ locations: steps.map((step) => ({ location: step })) }] },
            ],
          }
        : { relatedLocations: steps.map((step, id) => ({ id, ...(step as object) })) }),
    ...(finding.suppressed
      ? { suppressions: [{ kind: 'inSource', justification: finding.suppressed.reason }] }
      : {}),
    properties: {
      severity: finding.severity,
      confidence: finding.confidence,
      basis: finding.basis,
      reportedBy: finding.reportedBy ?? [],
      ...(finding.demoted ? { demoted: finding.demoted } : {}),
    },
  };
}

function notification(level: 'note' | 'warning' | 'error', text: string): unknown {
  return { level, message: { text } };
}
