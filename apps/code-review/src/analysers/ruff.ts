/**
 * Python by ruff, in this process as WebAssembly. The rules are chosen here; the repository's configuration
 * is not read. `target-version` is the newest, because an older one turns new syntax into errors.
 */
import type { Hit, Rule } from '../findings/rule.ts';
import { eachFile, type Analyser } from './analyser.ts';
import { loadRuff, packageVersion } from './native.ts';
import { isTestPath } from './source-file.ts';

interface Diagnostic {
  readonly code: string | null;
  readonly message: string;
  readonly start_location: { readonly row: number; readonly column: number };
  readonly end_location: { readonly row: number; readonly column: number };
  readonly fix: { readonly message: string | null } | null;
}

/** `inTests: false` leaves test code out: assertions, fixed passwords and seeds are right there. */
export function ruffAnalyser(
  rules: readonly Rule[],
  { inTests }: { readonly inTests: boolean },
): Analyser {
  const known = new Map(rules.map((rule) => [rule.id, rule]));
  return {
    name: 'ruff',
    version: packageVersion('@astral-sh/ruff-wasm-nodejs'),
    rules,
    covers: ({ language, path }) => language === 'python' && (inTests || !isTestPath(path)),
    run: async (tree, files, limits) => {
      if (files.length === 0) return { hits: [], missed: [], notes: [] };
      const ruff = loadRuff();
      const workspace = new ruff.Workspace(
        {
          'target-version': 'py313',
          lint: { select: rules.map((rule) => rule.id.slice('ruff/'.length)) },
        },
        ruff.PositionEncoding.Utf16,
      );
      const unparsed: { path: string; reason: string }[] = [];
      try {
        const result = eachFile(tree, files, limits, (file, text) => {
          const hits: Hit[] = [];
          for (const diagnostic of workspace.check(text) as Diagnostic[]) {
            const rule = known.get(`ruff/${diagnostic.code}`);
            if (!rule) {
              if (diagnostic.code === null || diagnostic.code === 'invalid-syntax') {
                unparsed.push({ path: file.path, reason: 'does not parse' });
                return [];
              }
              continue;
            }
            hits.push({
              ruleId: rule.id,
              path: file.path,
              startLine: diagnostic.start_location.row,
              endLine: diagnostic.end_location.row,
              startColumn: diagnostic.start_location.column,
              message: diagnostic.message,
              ...(diagnostic.fix?.message ? { fix: diagnostic.fix.message } : {}),
              // ruff says so itself of a command line that is a constant.
              ...(isTestPath(file.path) || diagnostic.message.includes('seems safe')
                ? { severity: 'info' as const }
                : {}),
            });
          }
          return hits;
        });
        return { ...result, missed: [...result.missed, ...unparsed] };
      } finally {
        workspace.free();
      }
    },
  };
}
