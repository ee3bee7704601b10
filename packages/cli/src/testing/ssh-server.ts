// A real ssh server on this machine, and a user who may log in to it: one process (`dropbear -i`) for each
// connection, with its own host key, in a mount namespace whose /etc/passwd knows that user.
//
// Dropbear and not sshd: its package brings only programs, while openssh-server's would open port 22 of
// whoever runs the tests. Works as root and in a user namespace alike.
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import path from 'node:path';
import type { Sandbox } from './command.ts';

export const SSH_USER = 'reader';

export interface SshServer {
  readonly port: number;
  /** Put before a command, makes it run as that user, whose home is the sandbox's. */
  readonly asUser: readonly string[];
  /** Makes `~/.ssh/known_hosts` name the server with its key, or with that of another one. */
  trust(whose: 'own' | 'other'): void;
  /** Makes a key of the user in `~/.ssh`; only the authorized one gets in. The closed one has a passphrase. */
  giveKey(kind: UserKey): void;
  close(): Promise<void>;
}

type UserKey = 'authorized' | 'foreign' | 'closed';

const UID = '1000';

export async function startSshServer(sandbox: Sandbox): Promise<SshServer> {
  const home = sandbox.path('home');
  const ssh = path.join(home, '.ssh');
  const keys = sandbox.path('keys');
  for (const directory of [ssh, keys]) mkdirSync(directory, { mode: 0o700 });
  for (const name of ['own', 'other']) {
    run('dropbearkey', '-t', 'ed25519', '-f', path.join(keys, name));
  }
  const phrases: Record<UserKey, string> = { authorized: '', foreign: '', closed: 'phrase' };
  for (const [name, phrase] of Object.entries(phrases)) {
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', phrase, '-f', path.join(keys, name));
  }
  const allowed = ['authorized', 'closed'].map((name) =>
    readFileSync(path.join(keys, `${name}.pub`)),
  );
  writeFileSync(path.join(ssh, 'authorized_keys'), Buffer.concat(allowed));
  const passwd = path.join(keys, 'passwd');
  writeFileSync(
    passwd,
    `root:x:0:0::/root:/bin/sh\n${SSH_USER}:x:${UID}:${UID}::${home}:/bin/sh\n`,
  );
  const become = `mount --bind "$0" /etc/passwd && exec unshare --user --map-user=${UID} --map-group=${UID} -- "$@"`;
  const asUser = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', become, passwd];

  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const [program = '', ...args] = [...asUser, 'dropbear', '-i', '-s', '-e'];
    spawn(program, [...args, '-r', path.join(keys, 'own')], {
      stdio: [socket, socket, 'ignore'],
      env: sandbox.environment,
    });
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asUser,
    trust: (whose) => {
      const said = run('dropbearkey', '-y', '-f', path.join(keys, whose));
      const [, key] = /^(ssh-ed25519 \S+)/m.exec(said) ?? [];
      writeFileSync(path.join(ssh, 'known_hosts'), `[127.0.0.1]:${port} ${key}\n`);
    },
    giveKey: (kind) => copyFileSync(path.join(keys, kind), path.join(ssh, 'id_ed25519')),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Administrators' programs are found, too. */
function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
}
