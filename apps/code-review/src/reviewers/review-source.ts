/**
 * One reviewer's work, the same for all three, in two parts: `analyseSource` runs the analysers over the
 * files they cover and writes what they found below a new attempt directory; `finishReview` writes DONE.json
 * last. Between the two a model may judge. Nothing of the reviewed repository is executed or used as
 * configuration.
 */
import {
  openAttempt,
  readManifest,
  readReferenced,
  runLayout,
  writeAttemptFile,
  writeDone,
  type Attempt,
  type FileReference,
} from '@moorage/workspace';
import type { Analyser, AnalysisResult } from '../analysers/analyser.ts';
import { openSourceTree, type SourceTree } from '../analysers/source-file.ts';
import type { ReviewerName, ReviewerRequest } from '../events.ts';
import { parseFindings, type Finding } from '../findings/finding.ts';
import { finishHits } from '../findings/finish.ts';
import type { Hit, Rule } from '../findings/rule.ts';
import { outcomeFiles, type LedgerEntry, type ReviewerSummary } from './outcome.ts';

export type ReviewTask = Extract<ReviewerRequest, { task: 'review' }>;

export interface Reviewer {
  readonly name: ReviewerName;
  analysers(): readonly Analyser[];
}

/** Findings after the model has looked, and what that cost. */
export interface ModelResult {
  readonly findings: readonly Finding[];
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly notes: readonly string[];
}

export interface ReviewSetting {
  readonly workspaceRoot: string;
  readonly clock: () => number;
}

/** What the analysers left, as a checkpoint holds it: references and counts. */
export interface AnalysedSource {
  readonly attempt: Attempt;
  readonly begun: number;
  readonly findings: FileReference;
  readonly ledger: FileReference;
  readonly rules: FileReference;
  readonly summary: ReviewerSummary;
}

interface Analysis {
  readonly hits: Hit[];
  readonly rules: Map<string, Rule>;
  readonly ledger: LedgerEntry[];
  readonly notes: string[];
}

export async function analyseSource(
  reviewer: Reviewer,
  task: ReviewTask,
  { workspaceRoot, clock }: ReviewSetting,
): Promise<AnalysedSource> {
  const begun = clock();
  const deadline = begun + task.reviewSecondsMax * 1000;
  const layout = runLayout(workspaceRoot, task.runId);
  const tree = await openSnapshot(task, workspaceRoot);
  const analysers = reviewer.analysers();
  const { hits, rules, ledger, notes } = await analyse(analysers, tree, deadline, clock);
  const findings = finishHits(reviewer.name, hits, rules, (path) => tree.text(path));
  const attempt = await openAttempt(layout.agent(reviewer.name));
  const write = (name: string, content: string): Promise<FileReference> =>
    writeAttemptFile(layout, attempt, name, content);
  const analysed = ledger.filter((entry) => entry.status === 'analysed').length;
  return {
    attempt,
    begun,
    // The model's verdict is written beside the candidates, never over them: a replay reads them again.
    findings: await write(
      task.model === undefined ? outcomeFiles.findings : outcomeFiles.candidates,
      jsonLines(findings),
    ),
    ledger: await write(outcomeFiles.ledger, jsonLines(ledger)),
    rules: await write(outcomeFiles.rules, JSON.stringify([...rules.values()])),
    summary: {
      ...countFindings(findings),
      filesAnalysed: analysed,
      filesSkipped: ledger.length - analysed,
      milliseconds: clock() - begun,
      model: null,
      inputTokens: 0,
      outputTokens: 0,
      tools: analysers.map(({ name, version }) => ({ name, version })),
      notes,
    },
  };
}

/** The snapshot as the analysers and the model read it. */
export async function openSnapshot(task: ReviewTask, workspaceRoot: string): Promise<SourceTree> {
  const layout = runLayout(workspaceRoot, task.runId);
  const manifest = await readManifest(layout.directory, task.manifest);
  return openSourceTree(layout.source, manifest.files);
}

/** What the analysers found, read back by its reference. */
export async function readFindings(
  reviewer: Reviewer,
  task: ReviewTask,
  workspaceRoot: string,
  source: AnalysedSource,
): Promise<readonly Finding[]> {
  const { directory } = runLayout(workspaceRoot, task.runId);
  const bytes = await readReferenced(directory, source.findings);
  return parseFindings(bytes.toString(), reviewer.name).findings;
}

/** Writes DONE.json; with a model's result its findings take the place of the analysers'. */
export async function finishReview(
  reviewer: Reviewer,
  task: ReviewTask,
  { workspaceRoot, clock }: ReviewSetting,
  source: AnalysedSource,
  result: ModelResult | null,
): Promise<FileReference> {
  const layout = runLayout(workspaceRoot, task.runId);
  const { attempt, ledger, rules } = source;
  let { findings, summary } = source;
  if (result !== null) {
    const { findings: judged, notes, ...cost } = result;
    findings = await writeAttemptFile(layout, attempt, outcomeFiles.findings, jsonLines(judged));
    summary = {
      ...summary,
      ...countFindings(judged),
      ...cost,
      milliseconds: clock() - source.begun,
      notes: [...summary.notes, ...notes],
    };
  }
  return writeDone(layout, {
    agent: reviewer.name,
    attempt: attempt.number,
    files: [findings, ledger, rules],
    summary,
  });
}

function countFindings(findings: readonly Finding[]): { findings: number; suppressed: number } {
  return {
    findings: findings.length,
    suppressed: findings.filter((finding) => finding.suppressed !== undefined).length,
  };
}

function jsonLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** Runs all analysers; one that fails costs its own results and a note, not the review. */
async function analyse(
  analysers: readonly Analyser[],
  tree: SourceTree,
  deadline: number,
  clock: () => number,
): Promise<Analysis> {
  const timeout = AbortSignal.timeout(Math.max(1, deadline - clock()));
  const limits = { expired: () => clock() >= deadline, signal: timeout };
  const covered = analysers.map((analyser) => tree.files.filter((file) => analyser.covers(file)));
  const results = await Promise.all(
    analysers.map(async (analyser, index): Promise<AnalysisResult> => {
      const files = covered[index] ?? [];
      if (files.length === 0) return { hits: [], missed: [], notes: [] };
      try {
        return await analyser.run(tree, files, limits);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return {
          hits: [],
          missed: files.map(({ path }) => ({ path, reason: `${analyser.name} failed` })),
          notes: [`${analyser.name} failed: ${reason.slice(0, 300)}`],
        };
      }
    }),
  );
  const by = new Map<string, string[]>();
  const missed = new Map<string, string>();
  for (const [index, analyser] of analysers.entries()) {
    const missedHere = new Set<string>();
    for (const { path, reason } of results[index]?.missed ?? []) {
      missedHere.add(path);
      missed.set(path, `${analyser.name}: ${reason}`);
    }
    for (const { path } of covered[index] ?? []) {
      if (missedHere.has(path)) continue;
      const names = by.get(path);
      if (names) names.push(analyser.name);
      else by.set(path, [analyser.name]);
    }
  }
  const ledger: LedgerEntry[] = [
    ...tree.files.map(({ path }): LedgerEntry => {
      const names = by.get(path);
      if (names) return { path, status: 'analysed', by: names };
      return {
        path,
        status: 'skipped',
        reason: missed.get(path) ?? 'no analyser for this kind of file',
      };
    }),
    ...tree.skipped.map(({ path, reason }): LedgerEntry => ({ path, status: 'skipped', reason })),
  ];
  const partly = [...missed].filter(([path]) => by.has(path)).length;
  return {
    hits: results.flatMap((result) => result.hits),
    rules: new Map(analysers.flatMap((analyser) => analyser.rules.map((rule) => [rule.id, rule]))),
    ledger,
    notes: [
      ...results.flatMap((result) => result.notes),
      ...(partly > 0 ? [`${partly} files were not analysed by every tool`] : []),
    ],
  };
}
