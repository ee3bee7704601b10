/**
 * What this machine lets the host do with its workers, found out once by trying:
 *
 * - `namespace`: the host is root, or root of a user namespace: own mounts and processes per worker;
 * - `user-namespace`: an ordinary user who may create one: the same, inside it;
 * - `none`: neither. A worker is then a plain process group, and environment values that name a
 *   LocalMountPath are rewritten to the directory behind it.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';

import type { WorkerUser } from './function-configuration.ts';

export type IsolationKind = 'namespace' | 'user-namespace' | 'none';

export interface Isolation {
  kind: IsolationKind;
  /** Whether a worker can have a /proc that shows nothing but itself. */
  ownProc: boolean;
}

const TRIES: readonly Isolation[] = [
  { kind: 'namespace', ownProc: true },
  { kind: 'namespace', ownProc: false },
  { kind: 'user-namespace', ownProc: true },
  { kind: 'user-namespace', ownProc: false },
];

/** The strongest isolation that works here. */
export async function probeIsolation(): Promise<Isolation> {
  for (const isolation of TRIES) {
    if (isolation.kind === 'namespace' && process.getuid?.() !== 0) continue;
    if (await succeeds('unshare', [...unshareArguments(isolation), 'true'])) return isolation;
  }
  return { kind: 'none', ownProc: false };
}

/** Arguments of unshare(1) up to the command. */
export function unshareArguments(isolation: Isolation): string[] {
  return [
    ...(isolation.kind === 'user-namespace' ? ['--user', '--map-root-user'] : []),
    '--mount',
    '--propagation',
    'private',
    '--pid',
    '--fork',
    '--kill-child',
    ...(isolation.ownProc ? ['--mount-proc'] : []),
    '--',
  ];
}

/** Whether this process may become `user`: root, with the ids mapped and groups allowed. */
export function canBecome(user: WorkerUser): boolean {
  if (process.getuid?.() !== 0) return false;
  if (readFileSync('/proc/self/setgroups', 'utf8').trim() === 'deny') return false;
  const gids = [user.gid, ...(user.groups ?? [])];
  return (
    mapped('/proc/self/uid_map', user.uid) && gids.every((g) => mapped('/proc/self/gid_map', g))
  );
}

function mapped(path: string, id: number): boolean {
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .some((line) => {
      const [first, , count] = line.trim().split(/\s+/).map(Number);
      return id >= first! && id < first! + count!;
    });
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 10_000 }, (error) => resolve(error === null));
  });
}
