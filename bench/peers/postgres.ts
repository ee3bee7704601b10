/** A PostgreSQL cluster of its own in a temporary directory, as Debian's package brings it, fsync on. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

const VERSIONS = '/usr/lib/postgresql';
const START_MS_MAX = 30_000;

export interface Postgres {
  url: string;
  close(): Promise<void>;
}

/** undefined when it is not installed. */
export async function startPostgres(): Promise<Postgres | undefined> {
  const version = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort().at(-1) : undefined;
  const bin = join(VERSIONS, version ?? '', 'bin');
  if (version === undefined || !existsSync(join(bin, 'initdb'))) return undefined;
  const dir = mkdtempSync(join(tmpdir(), 'moorage-postgres-'));
  // It refuses to run as root.
  const user = process.getuid?.() === 0 ? accountOf('postgres') : undefined;
  if (user) chownSync(dir, user.uid, user.gid);
  const as = { cwd: dir, ...user };
  const data = join(dir, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '-A', 'trust'], {
    ...as,
    stdio: 'ignore',
  });
  const port = await freePort();
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), '-k', dir, '-c', 'listen_addresses=127.0.0.1'],
    { ...as, stdio: 'ignore' },
  );
  const until = Date.now() + START_MS_MAX;
  for (;;) {
    try {
      execFileSync(join(bin, 'createdb'), ['-h', dir, '-p', String(port), '-U', 'bench', 'bench'], {
        ...as,
        stdio: 'ignore',
      });
      break;
    } catch (error) {
      if (Date.now() > until || server.exitCode !== null) throw error;
      await sleep(100);
    }
  }
  return {
    url: `postgresql://bench@127.0.0.1:${port}/bench`,
    async close() {
      server.kill('SIGINT');
      await once(server, 'exit');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function accountOf(name: string): { uid: number; gid: number } {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))!;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}
