/**
 * JavaScript and TypeScript mistakes by oxlint. It is run with a file list and a configuration of our own
 * from an empty directory, with nested configurations switched off: nothing in the reviewed repository can
 * choose rules, load plugins or exclude files. Comments that disable a rule for a line are honoured.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Hit } from '../findings/rule.ts';
import type { Analyser, AnalysisResult } from './analyser.ts';
import { runChild } from './child.ts';
import { oxlintCommand, packageVersion } from './native.ts';
import { oxlintConfiguration, oxlintGrouped, oxlintRules, ruleId } from './oxlint-rules.ts';
import { oncePerFile } from './once-per-file.ts';
import { isTestPath, type SourceTree } from './source-file.ts';

/** The kernel takes 2 MiB of arguments and environment. */
const argumentBytesMax = 1024 * 1024;

interface Diagnostic {
  readonly message: string;
  readonly code?: string;
  readonly help?: string;
  readonly filename: string;
  readonly labels: readonly { readonly span: { readonly line: number; readonly column: number } }[];
}

export function oxlintAnalyser(): Analyser {
  const known = new Set(oxlintRules.map((rule) => rule.id));
  return {
    name: 'oxlint',
    version: packageVersion('oxlint'),
    rules: oxlintRules,
    covers: ({ language }) =>
      language === 'typescript' || language === 'tsx' || language === 'javascript',
    run: async (tree, files, { signal }) => {
      const directory = await mkdtemp(join(tmpdir(), 'moorage-oxlint-'));
      try {
        const config = join(directory, 'config.json');
        await writeFile(config, JSON.stringify(oxlintConfiguration()));
        const results: AnalysisResult[] = [];
        for (const chunk of chunks(files.map((file) => join(tree.root, file.path)))) {
          results.push(await lint(tree.root, chunk, config, directory, known, signal));
        }
        return {
          hits: oncePerFile(
            results.flatMap((result) => result.hits).filter((hit) => applies(hit, tree)),
            ({ ruleId: id }) => oxlintGrouped.has(id),
          ),
          missed: results.flatMap((result) => result.missed),
          notes: results.flatMap((result) => result.notes),
        };
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

/** Only express loses what an async handler throws; servers with the same face do not. */
function applies({ ruleId: id, path }: Hit, tree: SourceTree): boolean {
  const isOfExpress = id === ruleId('oxc/no-async-endpoint-handlers');
  return !isOfExpress || /\bexpress\b/.test(tree.text(path) ?? '');
}

async function lint(
  root: string,
  paths: readonly string[],
  config: string,
  cwd: string,
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<AnalysisResult> {
  const child = await runChild(
    oxlintCommand(),
    ['-c', config, '--disable-nested-config', '--no-ignore', '-f', 'json', ...paths],
    cwd,
    signal,
  );
  let diagnostics: readonly Diagnostic[];
  try {
    ({ diagnostics } = JSON.parse(child.stdout) as { diagnostics: Diagnostic[] });
  } catch {
    const reason = signal.aborted ? 'time limit' : 'oxlint failed';
    return {
      hits: [],
      missed: paths.map((path) => ({ path: relative(root, path), reason })),
      notes: [
        `oxlint gave no result: ${signal.aborted ? reason : child.stderr.trim().slice(0, 300)}`,
      ],
    };
  }
  const hits: Hit[] = [];
  const missed: { path: string; reason: string }[] = [];
  for (const diagnostic of diagnostics) {
    const path = relative(
      root,
      join(cwd, diagnostic.filename).startsWith(root)
        ? join(cwd, diagnostic.filename)
        : diagnostic.filename,
    );
    const match = /^([\w-]+)\(([\w-]+)\)$/.exec(diagnostic.code ?? '');
    if (!match) {
      // A file that does not parse has one diagnostic without a rule.
      missed.push({ path, reason: 'does not parse' });
      continue;
    }
    const id = ruleId(`${pluginOf(match[1] ?? '')}/${match[2] ?? ''}`);
    const span = diagnostic.labels[0]?.span;
    if (!known.has(id) || !span) continue;
    hits.push({
      ruleId: id,
      path,
      startLine: span.line,
      endLine: span.line,
      startColumn: span.column,
      message: diagnostic.message,
      ...(diagnostic.help === undefined ? {} : { fix: diagnostic.help }),
      ...(isTestPath(path) ? { severity: 'info' as const } : {}),
    });
  }
  return { hits, missed, notes: [] };
}

/** Diagnostics name plugins as their ESLint ancestors do. */
function pluginOf(scope: string): string {
  const name = scope.replace(/^eslint-plugin-/, '');
  return name === 'typescript-eslint' ? 'typescript' : name;
}

function* chunks(paths: readonly string[]): Generator<string[]> {
  let chunk: string[] = [];
  let bytes = 0;
  for (const path of paths) {
    const own = Buffer.byteLength(path) + 9;
    if (bytes + own > argumentBytesMax) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(path);
    bytes += own;
  }
  if (chunk.length > 0) yield chunk;
}
