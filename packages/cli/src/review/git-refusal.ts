// Why git could not read a repository, found in what it and ssh wrote (LC_ALL=C): one message, one remedy
// and an exit code for the user whose git it was.
import { CommandError, EXIT, type ExitCode } from '../command-line/outcome.ts';
import type { Target } from './target.ts';

interface Refusal {
  readonly said: RegExp;
  readonly exitCode: ExitCode;
  message(target: Target): string;
  remedy(target: Target): string;
}

/** The first that fits counts: ssh's reasons stand before what git makes of them. */
const REFUSALS: readonly Refusal[] = [
  {
    said: /cannot run ssh: No such file|ssh: (command )?not found/,
    exitCode: EXIT.usage,
    message: () => 'ssh is not installed.',
    remedy: () => 'Install it: sudo apt-get install openssh-client',
  },
  {
    said: /REMOTE HOST IDENTIFICATION HAS CHANGED/,
    exitCode: EXIT.usage,
    message: ({ display }) =>
      `${display} cannot be read: its server shows another host key than the one you know.`,
    remedy: (target) =>
      `Somebody may be in between. If the server was really set up anew, forget its old key (ssh-keygen -R '${knownHost(target)}') and connect once: ${sshCommand(target)}`,
  },
  {
    said: /Host key verification failed|host key is known for/,
    exitCode: EXIT.usage,
    message: ({ display }) =>
      `${display} cannot be read: you do not know its server's host key yet.`,
    remedy: (target) =>
      `Connect once, and compare the fingerprint it shows with the one the server's owner gives: ${sshCommand(target)}`,
  },
  {
    said: /Permission denied \(|Too many authentication failures/,
    exitCode: EXIT.usage,
    message: ({ display }) =>
      `${display} cannot be read: its server accepts none of your ssh keys.`,
    remedy: (target) =>
      `Nothing is asked here: a key with a passphrase must be in the agent (ssh-add). This must get in without a question: ${sshCommand(target)}`,
  },
  {
    said: /couldn't find remote ref HEAD/,
    exitCode: EXIT.usage,
    message: ({ display }) => `${display} holds no commit that its HEAD stands for.`,
    remedy: () => 'Push something first, or name a branch, tag or commit with --revision.',
  },
  {
    said: /certificate|SSL|TLS/,
    exitCode: EXIT.usage,
    message: ({ display }) => `${display} cannot be read: its certificate is not trusted.`,
    remedy: () =>
      'Check the address and the clock; for an authority of your own: git config --global http.sslCAInfo FILE',
  },
  {
    said: /could not read (Username|Password)|terminal prompts disabled|Authentication failed|returned error: 40[13]/,
    exitCode: EXIT.usage,
    message: ({ display }) =>
      `${display} is private, or there is no such repository: the server asks for other credentials.`,
    remedy: (target) =>
      `Check the address, and give git your credentials (a credential helper, or an ssh:// address). This must work without a question: git ls-remote ${address(target)}`,
  },
];

const UNREACHABLE =
  /resolve host|timed out|refused|unreachable|No route to host|Connection (reset|closed)|unable to access.*(error|fail)/i;

/** `stderr` is that of a `git fetch` which failed. */
export function gitRefusal(target: Target, stderr: string): CommandError {
  const known = REFUSALS.find(({ said }) => said.test(stderr));
  if (known) {
    const { exitCode } = known;
    return new CommandError(exitCode, known.message(target), known.remedy(target), { final: true });
  }
  const message = `${target.display} cannot be read: ${reason(stderr)}`;
  if (target.kind === 'local') {
    return new CommandError(
      EXIT.usage,
      message,
      `See what \`git -C ${target.directory} fsck\` says, and whether you may read all of it.`,
    );
  }
  const missing = /not found|does not appear to be a git repository|returned error: 404/;
  if (UNREACHABLE.test(stderr) && !missing.test(stderr)) {
    const remedy = 'Check the address and the network, and try again.';
    return new CommandError(EXIT.incomplete, message, remedy, { final: true });
  }
  return new CommandError(
    EXIT.usage,
    message,
    `Check the address. Your own git must be able to read it: git ls-remote ${address(target)}`,
  );
}

/** The line that says most: ssh's own, else git's last but the one that only says that ssh failed. */
function reason(stderr: string): string {
  const lines = stderr.split(/\r?\n/);
  const failed = lines.filter(
    (line) => line.startsWith('fatal: ') && !line.includes('Could not read from remote'),
  );
  const said = lines.find((line) => /^(ssh|ERROR|remote): /.test(line)) ?? failed.at(-1) ?? '';
  const text = said.replace(/^\w+:\s*/, '').replaceAll(/(\w:\/\/)[^\s/@']*@/g, '$1');
  return text || 'git gave no reason';
}

/** As git takes it, without a password. */
function address(target: Target): string {
  if (target.kind === 'local' || !target.url.startsWith('ssh://')) {
    return target.kind === 'remote' && !target.url.includes('://') ? target.url : target.display;
  }
  return target.url.replace(/^(ssh:\/\/[^/@:]*):[^/@]*@/, '$1@');
}

function sshCommand(target: Target): string {
  const { user, host, port } = sshParts(target);
  return `ssh -T ${port === '' ? '' : `-p ${port} `}${user === '' ? '' : `${user}@`}${host}`;
}

/** As the file known_hosts names it. */
function knownHost(target: Target): string {
  const { host, port } = sshParts(target);
  return port === '' ? host : `[${host}]:${port}`;
}

function sshParts(target: Target): { user: string; host: string; port: string } {
  const text = address(target);
  const url = /^ssh:\/\/(?:([^/@]*)@)?(\[[^\]]*\]|[^/:]*)(?::(\d+))?/i.exec(text);
  const scp = /^(?:([^@]*)@)?([^:]*):/.exec(text);
  const [, user = '', host = '', port = ''] = url ?? scp ?? [];
  return { user, host, port };
}
