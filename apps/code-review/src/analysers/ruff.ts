/**
 * Python by ruff, in this process as WebAssembly. The rules are chosen here; the repository's configuration
 * is not read. `target-version` is the newest, because an older one turns new syntax into errors.
 */
import type { Hit, Rule } from '../findings/rule.ts';
import { eachFile, type Analyser } from './analyser.ts';
import { loadRuff, packageVersion } from './native.ts';
import { oncePerFile } from './once-per-file.ts';
import { isTestPath } from './source-file.ts';

interface Diagnostic {
  readonly code: string | null;
  readonly message: string;
  readonly start_location: { readonly row: number; readonly column: number };
  readonly end_location: { readonly row: number; readonly column: number };
  readonly fix: { readonly message: string | null } | null;
}

const repeated: ReadonlySet<string> = new Set(
  ['F401', 'F541', 'F841', 'E711', 'E722', 'E741', 'B904', 'BLE001', 'DTZ005'].map(
    (code) => `ruff/${code}`,
  ),
);

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
          const lines = text.split('\n');
          for (const diagnostic of workspace.check(text) as Diagnostic[]) {
            const rule = known.get(`ruff/${diagnostic.code}`);
            if (!rule) {
              if (diagnostic.code === null || diagnostic.code === 'invalid-syntax') {
                unparsed.push({ path: file.path, reason: 'does not parse' });
                return [];
              }
              continue;
            }
            const row = diagnostic.start_location.row;
            // Looking a property up is done for what that does, or to see that it is there.
            if (
              rule.id === 'ruff/B018' &&
              /^\s*[\w.()]+\.\w+\s*(?:#|$)/.test(lines[row - 1] ?? '')
            ) {
              continue;
            }
            hits.push({
              ruleId: rule.id,
              path: file.path,
              startLine: row,
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
        const isRepeated = (hit: Hit): boolean => repeated.has(hit.ruleId);
        return {
          ...result,
          hits: oncePerFile(result.hits, isRepeated),
          missed: [...result.missed, ...unparsed],
        };
      } finally {
        workspace.free();
      }
    },
  };
}
