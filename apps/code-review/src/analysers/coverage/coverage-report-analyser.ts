/** Turns the coverage reports of a repository into findings: files and passages that no test runs. */
import type { Hit } from '../../findings/rule.ts';
import type { SourceTree } from '../source-file.ts';
import { isTestPath, skipByName } from '../source-file.ts';
import { isCoverageReport, readCoverageReport } from './report-formats.ts';

const shareMax = 0.6;
const missedLinesMin = 10;
const blockLinesMin = 12;
const filesMax = 25;
const blocksMax = 25;

export interface ReportFindings {
  readonly hits: readonly Hit[];
  readonly notes: readonly string[];
}

/** Null when the repository holds no report that names its files. */
export function findByReports(tree: SourceTree): ReportFindings | null {
  const bySuffix = suffixes(tree.files.map((file) => file.path));
  const lines = new Map<string, Map<number, boolean>>();
  const used: string[] = [];
  for (const { path } of [...tree.files, ...tree.skipped]) {
    if (!isCoverageReport(path)) continue;
    const report = readCoverageReport(tree.text(path) ?? '');
    if (!report) continue;
    used.push(`${path} (${report.format})`);
    for (const [name, coverage] of report.files) {
      const file = match(name, bySuffix);
      if (file === null || isTestPath(file) || skipByName(file) !== null) continue;
      const merged = lines.get(file) ?? new Map<number, boolean>();
      lines.set(file, merged);
      for (const [line, ran] of coverage) merged.set(line, ran || merged.get(line) === true);
    }
  }
  if (lines.size === 0) return null;
  const files = [...lines].map(([path, coverage]) => {
    const missed = [...coverage].filter(([, ran]) => !ran).map(([line]) => line);
    missed.sort((a, b) => a - b);
    return { path, missed, share: 1 - missed.length / Math.max(1, coverage.size), coverage };
  });
  const low = files
    .filter(({ share, missed }) => share < shareMax && missed.length >= missedLinesMin)
    .toSorted((a, b) => b.missed.length - a.missed.length);
  const lowPaths = new Set(low.map(({ path }) => path));
  const blocks = files
    .filter(({ path }) => !lowPaths.has(path))
    .flatMap(({ path, coverage }) => missedBlocks(coverage).map((block) => ({ path, ...block })))
    .filter(({ count }) => count >= blockLinesMin)
    .toSorted((a, b) => b.count - a.count);
  const total = files.reduce((sum, file) => sum + file.coverage.size, 0);
  const missedTotal = files.reduce((sum, file) => sum + file.missed.length, 0);
  const hidden = Math.max(0, low.length - filesMax) + Math.max(0, blocks.length - blocksMax);
  return {
    hits: [
      ...low.slice(0, filesMax).map(({ path, missed, share, coverage }): Hit => ({
        ruleId: 'coverage/low-file',
        path,
        startLine: missed[0] ?? 1,
        endLine: missed[0] ?? 1,
        message: `Tests run ${Math.round(share * 100)} % of ${coverage.size} lines; ${missed.length} lines never run`,
        severity: share < 0.2 && missed.length >= 50 ? 'medium' : 'low',
      })),
      ...blocks.slice(0, blocksMax).map(({ path, start, end, count }): Hit => ({
        ruleId: 'coverage/missed-block',
        path,
        startLine: start,
        endLine: end,
        message: `${count} lines in a row never run in any test`,
      })),
    ],
    notes: [
      `coverage reports: ${used.join(', ')}; ${Math.round((1 - missedTotal / Math.max(1, total)) * 100)} % of ${total} lines run`,
      ...(hidden > 0 ? [`${hidden} smaller gaps are not listed`] : []),
    ],
  };
}

/** Lines that never ran, with nothing that ran between them. */
function missedBlocks(
  coverage: ReadonlyMap<number, boolean>,
): { start: number; end: number; count: number }[] {
  const blocks: { start: number; end: number; count: number }[] = [];
  let open: { start: number; end: number; count: number } | null = null;
  for (const [line, ran] of [...coverage].toSorted(([a], [b]) => a - b)) {
    if (ran) {
      open = null;
    } else if (open) {
      open.end = line;
      open.count++;
    } else {
      open = { start: line, end: line, count: 1 };
      blocks.push(open);
    }
  }
  return blocks;
}

/** Every ending of a path that starts at a component, to the paths that end so. */
function suffixes(paths: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const path of paths) {
    for (let at = 0; at !== -1; at = nextComponent(path, at)) {
      const suffix = path.slice(at);
      const list = found.get(suffix);
      if (list) list.push(path);
      else found.set(suffix, [path]);
    }
  }
  return found;
}

function nextComponent(path: string, at: number): number {
  const slash = path.indexOf('/', at);
  return slash === -1 ? -1 : slash + 1;
}

/** The file of the snapshot that a report means: the longest ending they share, when it is unique. */
function match(name: string, bySuffix: ReadonlyMap<string, readonly string[]>): string | null {
  const normal = name.replaceAll('\\', '/').replace(/^(?:\.\/)+/, '');
  for (let at = 0; at !== -1; at = nextComponent(normal, at)) {
    const found = bySuffix.get(normal.slice(at));
    if (found?.length === 1) return found[0] ?? null;
    if (found) return found.find((path) => path === normal) ?? null;
  }
  return null;
}
