// Machines as an ordinary user finds them, made by root for one command: in a mount namespace of its
// own with /dev/fuse open or missing, and in a user namespace of its own where no further one is allowed.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, type CommandResult, type Sandbox } from './command.ts';

export interface Machine {
  /** `closed`: not for this user; `missing`: not there. */
  readonly fuse: 'open' | 'closed' | 'missing';
  readonly userNamespaces: boolean;
  readonly fusermount: boolean;
}

export const USER = 1000;

/** Gives everything in the sandbox to the user. */
export function handOver(sandbox: Sandbox): void {
  execFileSync('chown', ['-R', `${USER}:${USER}`, sandbox.root]);
}

/** Runs the command as an ordinary user on such a machine. Only root can. */
export async function runAsUser(
  sandbox: Sandbox,
  machine: Machine,
  args: readonly string[],
): Promise<CommandResult> {
  const device = sandbox.path('fuse-device');
  if (!existsSync(device)) execFileSync('mknod', [device, 'c', '10', '229']);
  chmodSync(device, machine.fuse === 'open' ? 0o666 : 0o600);
  chownSync(device, 0, 0);
  const empty = sandbox.path('empty');
  mkdirSync(empty, { recursive: true });
  const holder = await holdNamespace();
  const command = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--'];
  const child = spawn(
    'nsenter',
    [
      `--target=${holder.pid}`,
      '--user',
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      scriptOf(machine, device, empty),
      'machine',
      ...command,
      process.execPath,
      MAIN,
      ...args,
    ],
    {
      cwd: '/',
      env: { ...sandbox.environment, XDG_CACHE_HOME: sandbox.path('home', 'cache') },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<CommandResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
  });
  try {
    return await ended;
  } finally {
    holder.stdin?.end();
  }
}

/** A user namespace with the usual ids, whose limits can be changed without touching the machine's. */
async function holdNamespace(): Promise<ChildProcess> {
  const holder = spawn('unshare', ['--user', 'cat'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const own = readlinkSync('/proc/self/ns/user');
  while (readlinkSync(`/proc/${holder.pid}/ns/user`) === own) await sleep(5);
  for (const name of ['uid_map', 'gid_map']) {
    writeFileSync(`/proc/${holder.pid}/${name}`, '0 0 65536');
  }
  return holder;
}

function scriptOf(machine: Machine, device: string, empty: string): string {
  const lines: string[] = [];
  if (machine.fuse === 'missing') {
    lines.push(`mount -t tmpfs tmpfs ${empty}`);
    for (const name of ['null', 'zero', 'urandom', 'random']) {
      lines.push(`touch ${empty}/${name}`, `mount --bind /dev/${name} ${empty}/${name}`);
    }
    lines.push(`mount --rbind ${empty} /dev`);
  } else lines.push(`mount --bind ${device} /dev/fuse`);
  if (!machine.fusermount) {
    lines.push(
      `touch ${empty}/file`,
      'for f in /usr/bin/fusermount3 /bin/fusermount3; do',
      `  if [ -e $f ]; then mount --bind ${empty}/file $f; fi`,
      'done',
    );
  }
  if (!machine.userNamespaces) lines.push('echo 0 > /proc/sys/user/max_user_namespaces');
  lines.push('exec "$@"');
  return `set -e\n${lines.join('\n')}\n`;
}
