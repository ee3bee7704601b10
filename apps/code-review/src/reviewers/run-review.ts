/**
 * One reviewer's work, the same for all three: read the manifest, run the analysers over the files they
 * cover, let the model look when one is configured, write everything below a new attempt directory, and
 * DONE.json last. Nothing of the reviewed repository is executed or used as configuration.
 */
import {
  openAttempt,
  readManifest,
  runLayout,
  writeAttemptFile,
  writeDone,
  type FileReference,
} from '@moorage/workspace';
import type { Analyser, AnalysisResult } from '../analysers/analyser.ts';
import { openSourceTree, type SourceTree } from '../analysers/source-file.ts';
import type { ReviewerName, ReviewerRequest } from '../events.ts';
import type { Finding } from '../findings/finding.ts';
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
  /** Absent when no model is configured. */
  readonly consult?: (tree: SourceTree, findings: readonly Finding[]) => Promise<ModelResult>;
}

interface Analysis {
  readonly hits: Hit[];
  readonly rules: Map<string, Rule>;
  readonly ledger: LedgerEntry[];
  readonly notes: string[];
}

/** Returns the reference to DONE.json. */
export async function runReview(
  reviewer: Reviewer,
  task: ReviewTask,
  setting: ReviewSetting,
): Promise<FileReference> {
  const begun = setting.clock();
  const deadline = begun + task.reviewSecondsMax * 1000;
  const layout = runLayout(setting.workspaceRoot, task.runId);
  const manifest = await readManifest(layout.directory, task.manifest);
  const tree = openSourceTree(layout.source, manifest.files);
  const analysers = reviewer.analysers();
  const analysis = await analyse(analysers, tree, deadline, setting.clock);
  let findings: readonly Finding[] = finishHits(
    reviewer.name,
    analysis.hits,
    analysis.rules,
    (path) => tree.text(path),
  );
  let model: ModelResult | null = null;
  const notes = [...analysis.notes];
  if (setting.consult) {
    model = await setting.consult(tree, findings);
    findings = model.findings;
    notes.push(...model.notes);
  }
  const attempt = await openAttempt(layout.agent(reviewer.name));
  const lines = (values: readonly unknown[]): string =>
    values.map((value) => `${JSON.stringify(value)}\n`).join('');
  const files = [
    await writeAttemptFile(layout, attempt, outcomeFiles.findings, lines(findings)),
    await writeAttemptFile(layout, attempt, outcomeFiles.ledger, lines(analysis.ledger)),
    await writeAttemptFile(
      layout,
      attempt,
      outcomeFiles.rules,
      JSON.stringify([...analysis.rules.values()]),
    ),
  ];
  const analysed = analysis.ledger.filter((entry) => entry.status === 'analysed').length;
  const summary: ReviewerSummary = {
    findings: findings.length,
    suppressed: findings.filter((finding) => finding.suppressed !== undefined).length,
    filesAnalysed: analysed,
    filesSkipped: analysis.ledger.length - analysed,
    milliseconds: setting.clock() - begun,
    model: model?.model ?? null,
    inputTokens: model?.inputTokens ?? 0,
    outputTokens: model?.outputTokens ?? 0,
    tools: analysers.map(({ name, version }) => ({ name, version })),
    notes,
  };
  return writeDone(layout, { agent: reviewer.name, attempt: attempt.number, files, summary });
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
