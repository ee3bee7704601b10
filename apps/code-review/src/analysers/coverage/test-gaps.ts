/**
 * Without a coverage report: which modules no test reaches, by name or by imports, and which exports of the
 * reached ones no test mentions. Ranked by what a mistake there would cost (branches, size, importers) and
 * limited, because a list of everything is not read.
 */
import type { Hit } from '../../findings/rule.ts';
import type { Severity } from '../../events.ts';
import { isTestPath, type SourceFile, type SourceTree } from '../source-file.ts';
import { moduleGraph, reachable, type ModuleGraph } from './module-graph.ts';

const modulesMax = 20;
const exportsMax = 15;
/** A module below this many branches has little to test. */
const branchesMin = 3;
const exportBranchesMin = 4;

/** Code that is run by people or tools, shows how to, or only configures. */
const aside =
  /(?:^|\/)(?:scripts?|tools?|bench(?:marks?)?|examples?|samples?|demos?|docs?|migrations?|stories|storybook|\.storybook|\.github|config|types|typings|generated|__generated__)\/|(?:\.config|\.stories|\.d|\.generated|\.gen)\.[cm]?[jt]sx?$|(?:^|\/)(?:setup|conf|manage|wsgi|asgi|__init__|__main__)\.py$/i;

interface Module {
  readonly path: string;
  readonly branches: number;
  readonly lines: number;
  readonly importers: number;
  readonly weight: number;
}

export interface TestGaps {
  readonly hits: readonly Hit[];
  readonly notes: readonly string[];
}

export function findTestGaps(tree: SourceTree, code: readonly SourceFile[]): TestGaps {
  const tests = code.filter(({ path }) => isTestPath(path));
  const sources = code.filter(({ path }) => !isTestPath(path) && !aside.test(path));
  if (sources.length === 0) return { hits: [], notes: [] };
  const graph = moduleGraph(tree, code);
  const importers = countImporters(graph);
  const modules = sources.map(({ path }) => measure(tree.text(path) ?? '', path, importers));
  if (tests.length === 0) return withoutTests(modules);

  const reached = reachable(
    graph,
    tests.map(({ path }) => path),
  );
  const named = namesUnderTest(tests);
  const isReached = ({ path }: Module): boolean => reached.has(path) || named.has(stem(path));
  const gaps = modules
    .filter((module) => module.branches >= branchesMin && !isReached(module))
    .toSorted((a, b) => b.weight - a.weight);
  const exportGaps = untestedExports(tree, modules.filter(isReached), tests);
  const hidden =
    Math.max(0, gaps.length - modulesMax) + Math.max(0, exportGaps.length - exportsMax);
  return {
    hits: [...gaps.slice(0, modulesMax).map(gapHit), ...exportGaps.slice(0, exportsMax)],
    notes: [
      `no coverage report: ${modules.filter(isReached).length} of ${modules.length} modules are reached from ${tests.length} test files`,
      ...(hidden > 0 ? [`${hidden} smaller gaps are not listed`] : []),
    ],
  };
}

function withoutTests(modules: readonly Module[]): TestGaps {
  const ranked = modules.toSorted((a, b) => b.weight - a.weight);
  const [first] = ranked;
  if (!first || first.branches < branchesMin)
    return { hits: [], notes: ['no tests and little to test'] };
  const next = ranked.slice(1, 6).filter(({ branches }) => branches >= branchesMin);
  return {
    hits: [
      {
        ruleId: 'coverage/no-tests',
        path: first.path,
        startLine: 1,
        endLine: 1,
        message: `The repository has no tests. Start with this module: ${describe(first)}`,
        evidence: next.map((module) => ({
          path: module.path,
          line: 1,
          note: `then this: ${describe(module)}`,
        })),
      },
    ],
    notes: [`no tests for ${modules.length} modules`],
  };
}

function gapHit(module: Module): Hit {
  const severity: Severity = module.branches >= 40 || module.importers >= 8 ? 'medium' : 'low';
  return {
    ruleId: 'coverage/untested-module',
    path: module.path,
    startLine: 1,
    endLine: 1,
    message: `No test reaches this module: ${describe(module)}`,
    severity,
  };
}

function describe({ lines, branches, importers }: Module): string {
  const used =
    importers === 0 ? '' : `, imported by ${importers} file${importers === 1 ? '' : 's'}`;
  return `${lines} lines, ${branches} branches${used}`;
}

function measure(text: string, path: string, importers: ReadonlyMap<string, number>): Module {
  const branches = countBranches(text);
  const used = importers.get(path) ?? 0;
  return {
    path,
    branches,
    lines: text.split('\n').length,
    importers: used,
    weight: branches * (1 + Math.log2(1 + used)),
  };
}

function countBranches(text: string): number {
  const plain = text.replaceAll(/\/\*[\s\S]*?\*\/|(?:^|\s)(?:\/\/|#)[^\n]*/g, ' ');
  return (
    plain.match(/\b(?:if|elif|for|while|case|catch|except|switch)\b|&&|\|\||\?\?|\?[^.:?]/g)
      ?.length ?? 0
  );
}

function countImporters(graph: ModuleGraph): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [from, targets] of graph) {
    if (isTestPath(from)) continue;
    for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return counts;
}

/** The name of a module without folder, extension and test marks. */
function stem(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.(?:[cm]?[jt]sx?|pyi?|go|java)$/, '')
    .toLowerCase();
}

function namesUnderTest(tests: readonly SourceFile[]): Set<string> {
  return new Set(
    tests.map(({ path }) =>
      stem(path)
        .replace(/[._-](?:test|tests|spec|e2e|cy|root)$/, '')
        .replace(/^test_|_test$|(?:tests?|it|testcase)$/, ''),
    ),
  );
}

/** Exported functions with branches whose name no test mentions. */
function untestedExports(
  tree: SourceTree,
  modules: readonly Module[],
  tests: readonly SourceFile[],
): Hit[] {
  const words = new Set<string>();
  for (const { path } of tests) {
    for (const [word] of (tree.text(path) ?? '').matchAll(/[A-Za-z_$][\w$]*/g)) words.add(word);
  }
  const found: { hit: Hit; branches: number }[] = [];
  for (const { path } of modules) {
    const lines = (tree.text(path) ?? '').split('\n');
    for (const { name, start, end } of exportedFunctions(path, lines)) {
      if (words.has(name)) continue;
      const body = lines.slice(start - 1, end).join('\n');
      const branches = countBranches(body);
      // A function that another one in this module calls is reached through it.
      const calls =
        lines.join('\n').split(new RegExp(`\\b${name.replaceAll('$', '\\$')}\\(`)).length - 1;
      if (branches < exportBranchesMin || calls > 1) continue;
      found.push({
        branches,
        hit: {
          ruleId: 'coverage/untested-export',
          path,
          startLine: start,
          endLine: start,
          message: `No test mentions ${name}: ${end - start + 1} lines, ${branches} branches`,
        },
      });
    }
  }
  return found.toSorted((a, b) => b.branches - a.branches).map(({ hit }) => hit);
}

const exportPatterns: readonly (readonly [RegExp, RegExp])[] = [
  [
    /\.[cm]?[jt]sx?$/,
    /^export\s+(?:default\s+)?(?:async\s+)?(?:function\*?\s+([\w$]+)|const\s+([\w$]+)(?::[^=]+)?\s*=\s*(?:async\s*)?(?:\(|[\w$]+\s*=>|function))/,
  ],
  [/\.py$/, /^(?:async\s+)?def\s+([a-z]\w*)\s*\(/],
  [/\.go$/, /^func\s+(?:\([^)]*\)\s*)?([A-Z]\w*)\s*[([]/],
];

/** Functions at the outermost level and the lines they take. */
function exportedFunctions(
  path: string,
  lines: readonly string[],
): { name: string; start: number; end: number }[] {
  const pattern = exportPatterns.find(([file]) => file.test(path))?.[1];
  if (!pattern) return [];
  const found: { name: string; start: number; end: number }[] = [];
  for (const [index, line] of lines.entries()) {
    const match = pattern.exec(line);
    const name = match?.[1] ?? match?.[2];
    if (name === undefined) continue;
    let end = index + 1;
    while (
      end < lines.length &&
      (/^(?:\s|$)/.test(lines[end] ?? '') || /^[)}\]]/.test(lines[end] ?? ''))
    ) {
      end++;
      if ((lines[end - 1] ?? '').startsWith('}')) break;
    }
    found.push({ name, start: index + 1, end });
  }
  return found;
}
