/** What every analyser is: rules it looks for, files it covers, and a run over them that ends in time. */
import type { Hit, Rule } from '../findings/rule.ts';
import type { SourceFile, SourceTree } from './source-file.ts';

export interface AnalysisLimits {
  /** True when no further file may be started. */
  readonly expired: () => boolean;
  /** Ends child processes. */
  readonly signal: AbortSignal;
}

export interface AnalysisResult {
  readonly hits: readonly Hit[];
  /** Files that were covered but not reached or not parsed, with the reason. */
  readonly missed: readonly { readonly path: string; readonly reason: string }[];
  readonly notes: readonly string[];
}

export interface Analyser {
  readonly name: string;
  readonly version: string;
  readonly rules: readonly Rule[];
  covers(file: SourceFile): boolean;
  run(
    tree: SourceTree,
    files: readonly SourceFile[],
    limits: AnalysisLimits,
  ): Promise<AnalysisResult>;
}

/** Runs a function over one file after another until the time is over. A file that throws is missed, not fatal. */
export function eachFile(
  tree: SourceTree,
  files: readonly SourceFile[],
  limits: AnalysisLimits,
  analyse: (file: SourceFile, text: string) => readonly Hit[],
): AnalysisResult {
  const hits: Hit[] = [];
  const missed: { path: string; reason: string }[] = [];
  for (const file of files) {
    if (limits.expired()) {
      missed.push({ path: file.path, reason: 'time limit' });
      continue;
    }
    const text = tree.text(file.path);
    if (text === null) continue;
    try {
      hits.push(...analyse(file, text));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      missed.push({ path: file.path, reason: `analysis failed: ${reason.slice(0, 200)}` });
    }
  }
  return { hits, missed, notes: [] };
}
