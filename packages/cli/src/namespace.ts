// Where a review's mounts live: in a mount namespace of its own, entered before anything is started.
//
// It is a slave of the namespace it came from: what is unmounted there is unmounted here, and nothing of
// ours is seen there. The namespace goes, and every mount in it, when the last process of the review has ended: even
// kill -9 of the supervisor leaves no mount behind. An ordinary user gets a user namespace too, in
// which mounting is allowed. Where neither is possible the review mounts by fusermount3, visibly.
//
// The command is replaced (execve), not wrapped: signals, exit code and process id stay its own.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Set in the environment once the command runs inside its namespace; the value says of which kind. */
const INSIDE = 'MOORAGE_NAMESPACE';

/** `namespace`: nobody else sees the mounts. `here`: everyone does, and they are made by root or fusermount3. */
export type MountPlace = 'namespace' | 'here';

/** Enters a namespace where that is possible. Does not return when it does: the program starts again. */
export function enterMountNamespace(): MountPlace {
  const inside = process.env[INSIDE];
  if (inside !== undefined) {
    return 'namespace';
  }
  const unshare = programPath('unshare');
  const root = process.getuid?.() === 0;
  const user = root ? [] : ['--user', '--map-root-user'];
  const args = [...user, '--mount', '--propagation', 'slave', '--'];
  if (unshare && works(unshare, args)) {
    const command = [
      'unshare',
      ...args,
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ];
    process.execve?.(unshare, command, {
      ...definedEnvironment(),
      [INSIDE]: root ? 'root' : `user:${process.getuid?.()}:${process.getgid?.()}`,
    });
  }
  return 'here';
}

function works(unshare: string, args: readonly string[]): boolean {
  const tried = spawnSync(unshare, [...args, 'true'], { stdio: 'ignore', timeout: 10_000 });
  return tried.status === 0;
}

/**
 * Arguments that make a program run as the user who started the command: inside a user namespace
 * everything looks as if it were root, and ssh would look for root's keys.
 */
export function asOriginalUser(): readonly string[] {
  const [, uid, gid] = /^user:(\d+):(\d+)$/.exec(process.env[INSIDE] ?? '') ?? [];
  const unshare = programPath('unshare');
  if (uid === undefined || gid === undefined || !unshare) return [];
  return [unshare, '--user', `--map-user=${uid}`, `--map-group=${gid}`, '--'];
}

/** Absolute path of an installed program. Administrators' directories count even if PATH lacks them. */
function programPath(name: string): string | undefined {
  const directories = (process.env.PATH ?? '').split(path.delimiter).filter(path.isAbsolute);
  return [...directories, '/usr/bin', '/bin', '/usr/sbin', '/sbin']
    .map((directory) => path.join(directory, name))
    .find((candidate) => existsSync(candidate));
}

function definedEnvironment(): Record<string, string> {
  const defined: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined) defined[name] = value;
  }
  return defined;
}
