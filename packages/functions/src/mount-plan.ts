/**
 * What a worker's mount namespace looks like, as one fstab that a single `mount --all --no-mtab`
 * carries out in order (it would otherwise note each x-mount option in the host's /run/mount):
 *
 * 1. a small tmpfs on a staging directory of the host's own, with every bind at its final name,
 *    a private temporary directory, and everything below a covered directory that must stay
 *    reachable;
 * 2. the staging directory over /mnt, so that /mnt holds the function's directories and nothing
 *    else (the sources may have been below /mnt: they were taken before it is covered);
 * 3. an empty tmpfs over each covered directory;
 * 4. what must stay reachable back at its own path, and once more an empty tmpfs over each covered
 *    directory that came back with it.
 */
import type { Bind } from './function-configuration.ts';

/** The worker's private temporary directory: HOME and TMPDIR. */
export const TEMPORARY_DIR = '/mnt/.tmp';
const TEMPORARY_BYTES = '512m';

export interface MountPlan {
  /** An empty directory of the host's own. */
  stage: string;
  binds: readonly Bind[];
  /** Directories that become empty. */
  covered: readonly string[];
  /** Directories that keep their path and content. */
  kept: readonly string[];
}

/** The fstab's text. */
export function fstab(plan: MountPlan): string {
  const lines: string[] = [];
  const add = (source: string, target: string, type: string, options: string): void => {
    lines.push(`${escape(source)} ${escape(target)} ${type} ${options} 0 0`);
  };
  const covered = outermost(plan.covered.filter((dir) => !within(dir, '/mnt')));
  const kept = plan.kept.filter((dir) => [...covered, '/mnt'].some((top) => within(dir, top)));

  add('tmpfs', plan.stage, 'tmpfs', 'mode=0755,size=64k');
  const temporary = plan.stage + TEMPORARY_DIR.slice('/mnt'.length);
  add(
    'tmpfs',
    temporary,
    'tmpfs',
    `mode=1777,nosuid,nodev,size=${TEMPORARY_BYTES},x-mount.mkdir=0755`,
  );
  for (const bind of plan.binds)
    add(bind.source, plan.stage + bind.target.slice('/mnt'.length), 'none', BIND);
  kept.forEach((dir, index) => add(dir, `${plan.stage}/.kept/${index}`, 'none', BIND));
  add(plan.stage, '/mnt', 'none', 'rbind');
  for (const dir of covered) add('tmpfs', dir, 'tmpfs', 'mode=0755,size=64k');
  kept.forEach((dir, index) => add(`/mnt/.kept/${index}`, dir, 'none', BIND));
  for (const dir of plan.covered)
    if (kept.some((top) => dir !== top && within(dir, top)))
      add('tmpfs', dir, 'tmpfs', 'mode=0755,size=64k');
  return lines.map((line) => `${line}\n`).join('');
}

const BIND = 'bind,x-mount.mkdir=0755';

/** Whether `path` is `dir` or below it. Both absolute and normal. */
export function within(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir === '/' ? '/' : `${dir}/`);
}

function outermost(dirs: readonly string[]): string[] {
  const unique = [...new Set(dirs)];
  return unique.filter((dir) => !unique.some((other) => other !== dir && within(dir, other)));
}

function escape(path: string): string {
  return path.replace(/[\s\\#]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
