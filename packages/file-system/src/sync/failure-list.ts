/** What did not get to S3 and what of S3 is not visible, as numbered pages for people. */
import type { Deletions } from './deletions.ts';
import { isRepairable, remedyOf } from './export-error.ts';
import type { Exporter } from './exporter.ts';
import type { Failure, FailureList, ImportFailure, SyncFailure } from './port.ts';

export function failureList(
  parts: { exporter: Exporter; deletions: Deletions; imports: Iterable<ImportFailure> },
  prefix: string,
  from: number,
  countMax: number,
): FailureList {
  const exported = exportFailures(parts.exporter, parts.deletions, prefix);
  const imported = [...parts.imports];
  const all = exported.length + imported.length;
  const failures: Failure[] = [];
  for (let i = from; i < all && failures.length < countMax; i++) {
    const failed = exported[i];
    const invisible = imported[i - exported.length];
    if (failed !== undefined) {
      const { path, error, message } = failed;
      const isRetried = isRepairable(error);
      failures.push({ kind: 'export', path, error, message, remedy: remedyOf(error), isRetried });
    } else if (invisible !== undefined) failures.push({ kind: 'import', ...invisible });
  }
  return { exports: exported.length, imports: imported.length, failures };
}

/** Deletions that wait for what was moved away and cannot be exported are failures too. */
function exportFailures(exporter: Exporter, deletions: Deletions, prefix: string): SyncFailure[] {
  const found = exporter.pending.failures();
  if (found.length === 0) return found;
  for (const key of deletions.keys()) {
    const ino = deletions.get(key)?.ino;
    const failure = ino === undefined ? undefined : exporter.pending.failureOf(ino);
    if (failure === undefined) continue;
    const message = `It was moved to ${failure.path}, which is not in S3: ${failure.error}.`;
    found.push({ path: `/${key.slice(prefix.length)}`, error: 'DependencyExportFailed', message });
  }
  return found;
}
