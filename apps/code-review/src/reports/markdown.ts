/**
 * report/report.md: what a person reads first. It is short on purpose: counts, the worst findings in full,
 * and how many more there are; findings.json and the SARIF file are complete.
 */
import { severities } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
import { countFindings } from './findings-json.ts';
import type { ReportInput } from './report-input.ts';

const findingsShown = 25;

export function markdown(input: ReportInput): string {
  const open = input.findings.filter((finding) => finding.suppressed === undefined);
  const counts = countFindings(input.findings);
  const { manifest } = input;
  const parts = [
    `# Review of ${inline(manifest.repository)}`,
    '',
    `Commit \`${manifest.commit}\` (${inline(manifest.revision)}), run \`${input.runId}\`, ${manifest.files.length} files.`,
    '',
  ];
  if (input.failures.length > 0) {
    parts.push(
      '> **This review is incomplete.** No results from ' +
        input.failures.map((failed) => `${failed.name} (${inline(failed.error)})`).join(', ') +
        '. Fewer findings do not mean fewer problems.',
      '',
    );
  }
  parts.push(
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
  );
  for (const finding of open.slice(0, findingsShown)) parts.push(...describe(finding));
  if (open.length > findingsShown) {
    parts.push(
      `And ${open.length - findingsShown} more in \`findings.json\` and \`report.sarif\`.`,
      '',
    );
  }
  const suppressed = input.findings.length - open.length;
  if (suppressed > 0) parts.push(`${suppressed} findings are suppressed in the source.`, '');
  const notes = input.reviewers.flatMap(({ name, summary }) =>
    summary.notes.map((note) => `- ${name}: ${inline(note)}`),
  );
  if (notes.length > 0) parts.push('## Notes', '', ...notes, '');
  if (manifest.skipped.length > 0) {
    parts.push(
      '## Not in the snapshot',
      '',
      ...manifest.skipped.slice(0, 20).map(({ path, reason }) => `- ${inline(path)}: ${reason}`),
      ...(manifest.skipped.length > 20 ? [`- and ${manifest.skipped.length - 20} more`] : []),
      '',
    );
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

function describe(finding: Finding): string[] {
  const where =
    finding.endLine > finding.startLine
      ? `${finding.path}:${finding.startLine}-${finding.endLine}`
      : `${finding.path}:${finding.startLine}`;
  const facts = [
    finding.severity,
    ...(finding.cwe === null ? [] : [`CWE-${finding.cwe}`]),
    `confidence ${finding.confidence}`,
    ...(finding.reportedBy ?? [finding.ruleId]).map((reporter) => `\`${reporter}\``),
  ];
  return [
    `### ${inline(where)}`,
    '',
    `${escapeMarkdown(finding.message)} (${facts.join(', ')})`,
    '',
    ...(finding.demoted
      ? [`Demoted from ${finding.demoted.from}: ${escapeMarkdown(finding.demoted.reason)}`, '']
      : []),
    ...(finding.snippet === '' ? [] : [fence(finding.snippet), '']),
    ...finding.evidence
      .slice(0, 6)
      .map((step) => `- ${inline(`${step.path}:${step.line}`)} ${escapeMarkdown(step.note)}`),
    ...(finding.evidence.length > 0 ? [''] : []),
    ...(finding.fix === undefined ? [] : [`Fix: ${escapeMarkdown(finding.fix)}`, '']),
  ];
}

/** Code of the repository: a fence longer than any inside, so that it cannot end the block. */
function fence(code: string): string {
  const longest = Math.max(2, ...[...code.matchAll(/`+/g)].map(([run]) => run.length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}\n${code}\n${ticks}`;
}

function inline(text: string): string {
  return `\`${text.replaceAll('`', "'").replaceAll(/\s+/g, ' ')}\``;
}

function escapeMarkdown(text: string): string {
  return text.replaceAll(/[\\*_[\]<>|#]/g, '\\$&').replaceAll(/\s+/g, ' ');
}
