/**
 * report/report.md: what a person reads first. Findings stand under their severity and rule, so that what is
 * said once is one thing to decide; each rule shows its remedy and its first places. It is short on
 * purpose: findings.json and the SARIF file are complete.
 */
import { severities, type Severity } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import type { Rule } from '../findings/rule.ts';
import { countFindings } from './findings-json.ts';
import type { ReportInput } from './report-input.ts';
import { unreadSentence } from './unread-languages.ts';

/** Of one rule; the first of them with their code. */
const placesShown = 10;
const placesWithCode = 3;
/** Of all rules; remarks (info) are only counted. */
const findingsShown = 60;

interface Group {
  readonly severity: Severity;
  readonly ruleId: string;
  readonly findings: Finding[];
}

export function markdown(input: ReportInput): string {
  const open = input.findings.filter((finding) => finding.suppressed === undefined);
  const { manifest } = input;
  const parts = [
    `# Review of ${inline(manifest.repository)}`,
    '',
    `Commit \`${manifest.commit}\` (${inline(manifest.revision)}), run \`${input.runId}\`, ${manifest.files.length} files.`,
    '',
    ...warnings(input),
    ...totals(input, open),
  ];
  const rules = new Map(
    input.reviewers.flatMap((reviewer) => reviewer.rules.map((rule) => [rule.id, rule])),
  );
  const groups = groupFindings(open);
  let left = findingsShown;
  let heading: Severity | null = null;
  for (const group of groups) {
    if (group.severity === 'info' || left === 0) continue;
    if (group.severity !== heading) {
      heading = group.severity;
      parts.push(`## ${heading.charAt(0).toUpperCase()}${heading.slice(1)}`, '');
    }
    const shown = Math.min(left, placesShown);
    parts.push(...describeGroup(group, rules.get(group.ruleId), shown));
    left -= Math.min(shown, group.findings.length);
  }
  parts.push(...remarks(groups, rules));
  const hidden = open.length - (findingsShown - left);
  if (hidden > 0) {
    const findings = hidden === 1 ? '1 finding is' : `${hidden} findings are`;
    parts.push(`${findings} not shown here: see \`findings.json\` or \`report.sarif\`.`);
    parts.push('');
  }
  const suppressed = input.findings.length - open.length;
  if (suppressed > 0) parts.push(`${suppressed} findings are suppressed in the source.`, '');
  parts.push(...endNotes(input));
  return `${parts.join('\n').trimEnd()}\n`;
}

/** What makes the review less than it seems to be. */
function warnings({ failures, unread, reviewers }: ReportInput): string[] {
  const parts: string[] = [];
  if (failures.length > 0) {
    parts.push(
      '> **This review is incomplete.** No results from ' +
        failures.map((failed) => `${failed.name} (${inline(failed.error)})`).join(', ') +
        '. Fewer findings do not mean fewer problems.',
      '',
    );
  }
  const byModel = reviewers.some(({ summary }) => summary.model !== null);
  const sentence = unreadSentence(unread, { byModel });
  if (sentence !== null) parts.push(`> **Not all of the code was reviewed.** ${sentence}`, '');
  return parts;
}

function totals(input: ReportInput, open: readonly Finding[]): string[] {
  const counts = countFindings(input.findings);
  return [
    open.length === 0
      ? 'No findings.'
      : `**${open.length} findings:** ${severities
          .filter((severity) => counts[severity] > 0)
          .map((severity) => `${counts[severity]} ${severity}`)
          .join(', ')}.`,
    '',
    '| reviewer | findings | files analysed | skipped | time | by |',
    '| --- | ---: | ---: | ---: | ---: | --- |',
    ...input.reviewers.map(
      ({ name, summary }) =>
        `| ${name} | ${summary.findings} | ${summary.filesAnalysed} | ${summary.filesSkipped} | ${(summary.milliseconds / 1000).toFixed(1)} s | ${
          summary.model === null
            ? 'offline analysers, no model'
            : `offline analysers and ${inline(summary.model)} (${summary.inputTokens} + ${summary.outputTokens} tokens)`
        } |`,
    ),
    ...input.failures.map((failed) => `| ${failed.name} | failed | | | | |`),
    '',
  ];
}

/** Findings of one rule and severity, in the order of the worst of them. */
function groupFindings(findings: readonly Finding[]): Group[] {
  const groups = new Map<string, Group>();
  for (const finding of findings) {
    const { severity, ruleId } = finding;
    const key = `${severity}\0${ruleId}`;
    const group = groups.get(key);
    if (group) group.findings.push(finding);
    else groups.set(key, { severity, ruleId, findings: [finding] });
  }
  return [...groups.values()].toSorted(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity),
  );
}

function titleOf({ ruleId, findings }: Group, rule: Rule | undefined): string {
  return rule?.title ?? findings[0]?.message ?? ruleId;
}

function describeGroup(group: Group, rule: Rule | undefined, shown: number): string[] {
  const { findings, ruleId } = group;
  const title = titleOf(group, rule);
  const cwe = findings[0]?.cwe ?? null;
  const facts = [
    findings.length === 1 ? '1 place' : `${findings.length} places`,
    ...(cwe === null ? [] : [`CWE-${cwe}`]),
    `\`${ruleId}\``,
  ];
  const more = findings.length - shown;
  return [
    `### ${escapeMarkdown(title)}`,
    '',
    `${facts.join(', ')}.${rule === undefined ? '' : ` ${rule.help}`}`,
    '',
    ...findings
      .slice(0, shown)
      .flatMap((finding, index) => describe(finding, title, index < placesWithCode)),
    ...(more > 0 ? [`- and ${more} more`, ''] : []),
  ];
}

/** One item of a list; what belongs to it is indented. */
function describe(finding: Finding, title: string, withCode: boolean): string[] {
  const where =
    finding.endLine > finding.startLine
      ? `${finding.path}:${finding.startLine}-${finding.endLine}`
      : `${finding.path}:${finding.startLine}`;
  const { message } = finding;
  const said = message.startsWith(`${title}: `) ? message.slice(title.length + 2) : message;
  const facts = [
    ...(said === title ? [] : [escapeMarkdown(said)]),
    ...(finding.confidence === 'high' ? [] : [`confidence ${finding.confidence}`]),
    ...(finding.reportedBy ?? [])
      .filter((reporter) => reporter !== `${finding.reviewer}:${finding.ruleId}`)
      .map((reporter) => `also \`${reporter}\``),
  ];
  const way = finding.evidence
    .slice(0, 6)
    .map((step) => {
      const place = step.path === finding.path ? `line ${step.line}` : `${step.path}:${step.line}`;
      return `${step.path === finding.path ? place : inline(place)} ${escapeMarkdown(step.note)}`;
    })
    .join(finding.basis === 'dataflow' ? ' → ' : '; ');
  const details = [
    ...(withCode && finding.snippet !== '' ? ['', ...fence(finding.snippet)] : []),
    ...(way === '' ? [] : ['', way]),
    ...(finding.demoted
      ? ['', `Demoted from ${finding.demoted.from}: ${escapeMarkdown(finding.demoted.reason)}`]
      : []),
    ...(finding.fix === undefined ? [] : ['', `Fix: ${escapeMarkdown(finding.fix)}`]),
  ];
  return [
    `- ${inline(where)}${facts.length === 0 ? '' : `: ${facts.join(', ')}`}`,
    ...details.map((line) => (line === '' ? '' : `  ${line}`)),
    '',
  ];
}

/** What is not worth a place of its own, counted. */
function remarks(groups: readonly Group[], rules: ReadonlyMap<string, Rule>): string[] {
  const own = groups.filter(({ severity }) => severity === 'info');
  if (own.length === 0) return [];
  return [
    '## Info',
    '',
    '| remark | files | rule |',
    '| --- | ---: | --- |',
    ...own
      .toSorted((a, b) => b.findings.length - a.findings.length)
      .map((group) => {
        const files = new Set(group.findings.map(({ path }) => path)).size;
        const title = escapeMarkdown(titleOf(group, rules.get(group.ruleId)));
        return `| ${title} | ${files} | \`${group.ruleId}\` |`;
      }),
    '',
  ];
}

function endNotes({ reviewers, manifest }: ReportInput): string[] {
  const notes = reviewers.flatMap(({ name, summary }) =>
    summary.notes.map((note) => `- ${name}: ${inline(note)}`),
  );
  return [
    ...(notes.length > 0 ? ['## Notes', '', ...notes, ''] : []),
    ...(manifest.skipped.length > 0
      ? [
          '## Not in the snapshot',
          '',
          ...manifest.skipped
            .slice(0, 20)
            .map(({ path, reason }) => `- ${inline(path)}: ${reason}`),
          ...(manifest.skipped.length > 20 ? [`- and ${manifest.skipped.length - 20} more`] : []),
          '',
        ]
      : []),
  ];
}

/** Code of the repository: a fence longer than any inside, so that it cannot end the block. */
function fence(code: string): string[] {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = '`'.repeat(longest + 1);
  return [ticks, ...code.split('\n'), ticks];
}

function inline(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll(/\s+/g, ' ')}\``;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\*_[\]<>|#]/g, '\\$&').replaceAll(/\s+/g, ' ');
}
