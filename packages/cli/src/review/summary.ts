// The end of a review, for people: what was found, the worst of it, where the report is, and where the
// time went.
import { severities, type ReviewResult, type Severity } from '@moorage/code-review';
import type { Terminal } from '../command-line/terminal.ts';
import type { FinishedPart } from './progress.ts';

/** What this summary reads of report/findings.json. */
export interface ReportedFinding {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly path: string;
  readonly startLine: number;
  readonly message: string;
  readonly suppressed?: { readonly reason: string };
}

export interface ReviewSummary {
  readonly result: ReviewResult;
  readonly findings: readonly ReportedFinding[];
  /** Directories with the copies of the report. */
  readonly reportDirectories: readonly string[];
  /** `s3://bucket/key/` of the report. */
  readonly reportUrl: string;
  /** How to look into the bucket. */
  readonly bucketHint: string;
  /** Where the time went; what an earlier attempt had finished took none of this one's. */
  readonly parts: readonly FinishedPart[];
  /** Of this attempt. */
  readonly totalSeconds: number;
  readonly notes: readonly string[];
}

const WORST_MAX = 10;

export function printSummary(summary: ReviewSummary, terminal: Terminal): void {
  const { result } = summary;
  const print = (line = ''): void => terminal.print(line);
  const revision = result.revision === 'HEAD' ? '' : ` (${result.revision})`;
  print();
  print(`Review of ${result.repository} at ${result.commit.slice(0, 12)}${revision}`);
  print(
    `${count(result.files.total, 'file')}${result.files.skipped > 0 ? `, ${result.files.skipped} skipped` : ''}`,
  );
  print();
  print(severities.map((severity) => `${severity} ${result.counts[severity]}`).join(' · '));
  if (result.suppressed > 0)
    print(`${count(result.suppressed, 'finding')} suppressed in the source`);
  for (const { name, status, error } of result.reviewers) {
    if (status === 'failed')
      print(`The ${name} reviewer did not finish: ${error ?? 'no reason given'}`);
  }
  printWorst(summary.findings, print);
  print();
  for (const directory of summary.reportDirectories) {
    print(`Report   ${directory}/report.md, report.sarif, findings.json`);
  }
  print(`Bucket   ${summary.reportUrl}`);
  print(`         ${summary.bucketHint}`);
  const times = (parts: readonly FinishedPart[]): string =>
    parts.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`).join(', ');
  const earlier = summary.parts.filter((part) => part.earlier);
  const now = summary.parts.filter((part) => !part.earlier);
  print(`Time     ${summary.totalSeconds.toFixed(1)} s: ${times(now)}`);
  if (earlier.length > 0) print(`Before   ${times(earlier)}`);
  for (const note of summary.notes) print(`Note     ${note}`);
}

function printWorst(findings: readonly ReportedFinding[], print: (line?: string) => void): void {
  const open = findings.filter(({ suppressed }) => suppressed === undefined);
  if (open.length === 0) return;
  print();
  for (const { severity, path, startLine, message, ruleId } of open.slice(0, WORST_MAX)) {
    print(`${severity.padEnd(9)}${path}:${startLine}`);
    print(`         ${firstSentence(message)} [${ruleId}]`);
  }
  if (open.length > WORST_MAX)
    print(`         … and ${open.length - WORST_MAX} more in the report`);
}

function firstSentence(message: string): string {
  const [line = ''] = message.split('\n');
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** Thousands by hand: `toLocaleString` loads all of ICU, which takes longer than the rest of the summary. */
function count(number: number, noun: string): string {
  return `${String(number).replaceAll(/\B(?=(\d{3})+$)/g, ',')} ${noun}${number === 1 ? '' : 's'}`;
}
