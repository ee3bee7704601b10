/** What is not in S3 yet, as a list for people. */
import { Kind, rootIno } from '../operations.ts';
import type { Context } from './context.ts';
import type { Deletions } from './deletions.ts';
import type { Exporter } from './exporter.ts';
import type { Lanes } from './lanes.ts';
import type { PendingChange, PendingList } from './port.ts';
import type { RemoteKeys } from './remote-keys.ts';

/** Whether a key is that of a file or directory (with or without its slash), or of something below it. */
export function isAtOrBelow(key: string, own: string): boolean {
  const name = own.endsWith('/') ? own.slice(0, -1) : own;
  return key.startsWith(name) && (key.length === name.length || key[name.length] === '/');
}

export function pendingList(
  parts: {
    context: Context;
    keys: RemoteKeys;
    deletions: Deletions;
    exporter: Exporter;
    lanes: Lanes;
  },
  ino: number,
  countMax: number,
): PendingList {
  const { context, keys, deletions, exporter, lanes } = parts;
  const isAll = ino === 0 || ino === rootIno;
  const found: { since: number; ino: number; key: string }[] = [];
  for (const { ino: other, since } of exporter.pending.values()) {
    if (isAll || keys.isBelow(other, ino)) found.push({ since, ino: other, key: '' });
  }
  const kind = isAll ? undefined : context.attributes(ino)?.kind;
  const own = kind === undefined ? undefined : keys.keyOf(ino, kind);
  for (const [key, since] of deletions.since) {
    if (isAll || (own !== undefined && isAtOrBelow(key, own))) found.push({ since, ino: 0, key });
  }
  if (countMax === 0) return { total: found.length, changes: [] };
  found.sort((a, b) => a.since - b.since);
  const now = context.now();
  const changes = found.slice(0, countMax).map((one): PendingChange => {
    const ageMs = Math.max(0, now - one.since);
    if (one.ino === 0) {
      const path = `/${one.key.slice(context.options.prefix.length)}`;
      const state = lanes.isBusy(one.key) ? 'exporting' : 'pending';
      return { path, kind: 'deletion', state, ageMs };
    }
    const a = context.attributes(one.ino);
    const state = exporter.pending.stateOf(one.ino) ?? 'pending';
    const change: PendingChange = { path: keys.pathOf(one.ino), kind: 'file', state, ageMs };
    if (a?.kind === Kind.directory) change.kind = 'directory';
    else if (a?.kind === Kind.symlink) change.kind = 'symlink';
    else if (a !== undefined) change.size = a.size;
    return change;
  });
  return { total: found.length, changes };
}
