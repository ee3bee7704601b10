/**
 * The value of `user.s3files.status`: S3 Files' lines in its order (`S3Key`, empty when there is no object;
 * `ExportError` when it is terminal; `FilePath` in lost+found), then ours: what a script can wait for.
 */
import type { Conflicts } from './conflicts.ts';
import type { Context } from './context.ts';
import type { Exporter } from './exporter.ts';
import type { RemoteKeys } from './remote-keys.ts';

type State = 'pending' | 'exporting' | 'synced' | 'failed' | 'conflict';

export function statusText(
  parts: { context: Context; keys: RemoteKeys; exporter: Exporter; conflicts: Conflicts },
  ino: number,
): string {
  const { context, keys, exporter, conflicts } = parts;
  const { bucket } = context.options;
  const kind = context.attributes(ino)?.kind;
  if (kind === undefined) return '';
  const base = context.base(ino);
  const copyOf = conflicts.ofCopy(ino);
  const lines: string[] = [];
  const line = (name: string, value: string): void => void lines.push(`${name}: ${value}`);

  let key = base === undefined ? undefined : (base.key ?? keys.keyOf(ino, kind));
  if (copyOf !== undefined) key = copyOf.theirs === undefined ? undefined : copyOf.key;
  line('S3Key', key === undefined ? '' : `s3://${bucket}/${key}`);
  const failure = exporter.pending.failureOf(ino);
  if (failure !== undefined) line('ExportError', failure.error);
  if (copyOf !== undefined) line('FilePath', copyOf.path);

  let state: State = exporter.pending.stateOf(ino) ?? 'synced';
  if (copyOf !== undefined) state = 'conflict';
  line('State', state);
  if (base?.versionId !== undefined) line('VersionId', base.versionId);
  if (base?.syncedMs !== undefined) line('LastSynced', new Date(base.syncedMs).toISOString());
  // The path is S3's now; what it lost is told by whatever has the path.
  const lost = copyOf === undefined ? conflicts.ofPath(keys.pathOf(ino)) : undefined;
  if (lost !== undefined) line('Conflict', `${lost.id} ${lost.keptAs ?? ''}`.trimEnd());
  return `${lines.join('\n')}\n`;
}
