/**
 * The Debian programs that tests and benchmarks run beside us: real clients, real tools, a real
 * unprivileged mount. Root installs what is missing; anyone else is told what to install.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program to look for → Debian package that brings it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  git: 'git',
  fusermount3: 'fuse3',
  curl: 'curl',
  jq: 'jq',
  getfattr: 'attr',
  sqlite3: 'sqlite3',
  rsync: 'rsync',
  aws: 'awscli',
  s3cmd: 's3cmd',
  rclone: 'rclone',
  python3: 'python3',
  ssh: 'openssh-client',
  dropbear: 'dropbear-bin',
  setpriv: 'util-linux',
  unshare: 'util-linux',
};

/** Makes every program available, or throws an error that says which command would. */
export function requireDebianPrograms(mayInstall: boolean): void {
  const missing = missingPackages();
  if (missing.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${missing.join(' ')}`;
  if (!mayInstall) throw new Error(`These programs are missing. Run: sudo ${command}`);
  console.log(`Installing Debian packages: ${missing.join(' ')}`);
  apt(['update', '--quiet']);
  apt(command.split(' ').slice(1));
  const left = missingPackages();
  if (left.length > 0) throw new Error(`Still missing after ${command}: ${left.join(' ')}`);
}

function missingPackages(): string[] {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !onPath(program));
  return [...new Set(missing.map(([, debianPackage]) => debianPackage))];
}

function onPath(program: string): boolean {
  const administrators = ['/usr/sbin', '/sbin'];
  const directories = (process.env.PATH ?? '').split(delimiter).concat(administrators);
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function apt(args: string[]): void {
  const result = spawnSync('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (result.status !== 0) throw new Error(`apt-get ${args.join(' ')} failed`);
}
