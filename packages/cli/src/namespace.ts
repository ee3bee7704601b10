// Where a review's mounts live: in a mount namespace of its own, entered before anything is started.
//
// The namespace goes, and every mount in it, when the last process of the review has ended: even
// kill -9 of the supervisor leaves no mount behind. An ordinary user gets a user namespace too, in
// which mounting is allowed. Where neither is possible the review mounts by fusermount3, visibly.
//
// The command is replaced (execve), not wrapped: signals, exit code and process id stay its own.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { EXIT, CommandError } from './command-line/outcome.ts';

/** Set in the environment once the command runs inside its namespace; the value says of which kind. */
const INSIDE = 'MOORAGE_NAMESPACE';

export type MountWay = 'namespace' | 'fusermount3';

/** Enters a namespace where that is possible. Does not return when it does: the program starts again. */
export function enterMountNamespace(): MountWay {
  const inside = process.env[INSIDE];
  if (inside !== undefined) {
    delete process.env[INSIDE];
    return 'namespace';
  }
  requireFuse();
  const unshare = programPath('unshare');
  const root = process.getuid?.() === 0;
  const args = [
    ...(root ? [] : ['--user', '--map-root-user']),
    ...['--mount', '--propagation', 'private', '--'],
  ];
  if (unshare && works(unshare, args)) {
    const command = [
      'unshare',
      ...args,
      process.execPath,
      ...process.execArgv,
      ...process.argv.slice(1),
    ];
    process.removeAllListeners('warning');
    process.on('warning', () => {});
    process.execve?.(unshare, command, {
      ...definedEnvironment(),
      [INSIDE]: root ? 'root' : 'user',
    });
  }
  requireMounting(root);
  return 'fusermount3';
}

function works(unshare: string, args: readonly string[]): boolean {
  const tried = spawnSync(unshare, [...args, 'true'], { stdio: 'ignore', timeout: 10_000 });
  return tried.status === 0;
}

/** /dev/fuse must exist and be open to this user, whichever way the mount is made. */
export function requireFuse(): void {
  if (!existsSync('/dev/fuse')) {
    throw new CommandError(
      EXIT.usage,
      'This machine has no /dev/fuse, so no file system can be mounted.',
      'Load the kernel module (`sudo modprobe fuse`); in a container, start it with `--device /dev/fuse --cap-add SYS_ADMIN`.',
    );
  }
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (cause) {
    throw new CommandError(
      EXIT.usage,
      '/dev/fuse may not be opened by this user.',
      'Allow it with `sudo chmod 666 /dev/fuse` (the usual setting), or run the command as root.',
      { cause },
    );
  }
}

/** For a machine without namespaces: mounting needs root or fusermount3. */
export function requireMounting(root: boolean): void {
  if (root || programPath('fusermount3')) return;
  throw new CommandError(
    EXIT.usage,
    'This user may not mount: user namespaces are closed and fusermount3 is not installed.',
    'Install it (`sudo apt-get install fuse3`), or allow user namespaces ' +
      '(`sudo sysctl user.max_user_namespaces=10000`; on Ubuntu also ' +
      '`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`).',
  );
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
