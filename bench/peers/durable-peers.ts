/**
 * Other ways to run durable steps, where they are installed: DBOS on PostgreSQL, and Restate. Too large
 * to come with the repository's own packages.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { startPostgres } from './postgres.ts';

export interface DurablePeer {
  name: string;
  /** Runs one execution of so many steps. */
  execute(steps: number): Promise<{ stepsMs: number[]; executionMs: number }>;
  close(): Promise<void>;
}

const MODULES = join(import.meta.dirname, 'node_modules');
const INSTALL = 'npm install --prefix bench/peers --no-package-lock --ignore-scripts';
const START_MS_MAX = 60_000;

/** Those that are there; how to get the others goes to standard error. */
export async function durablePeers(directory: string): Promise<DurablePeer[]> {
  const found = [await dbos(), await restate(directory)];
  return found.filter((peer) => peer !== undefined);
}

async function dbos(): Promise<DurablePeer | undefined> {
  if (!existsSync(join(MODULES, '@dbos-inc'))) return missing('DBOS', INSTALL);
  const postgres = await startPostgres();
  if (!postgres) return missing('DBOS', 'apt-get install postgresql');
  const worker = await startWorker(new URL('./dbos-worker.ts', import.meta.url), postgres.url);
  return {
    name: 'dbos on postgresql',
    async execute(steps) {
      const answered = once(worker, 'message');
      worker.send(steps);
      const [answer] = (await answered) as [{ stepsMs: number[]; executionMs: number }];
      return answer;
    },
    async close() {
      await stop(worker);
      await postgres.close();
    },
  };
}

async function restate(directory: string): Promise<DurablePeer | undefined> {
  const packed = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  const program = join(MODULES, packed, 'bin', 'restate-server');
  if (!existsSync(program)) return missing('Restate', INSTALL);
  const [node, ingress, admin, service] = [
    ...[await freePort(), await freePort(), await freePort(), await freePort()],
  ];
  const server = spawn(program, [], {
    cwd: '/',
    stdio: 'ignore',
    env: {
      ...process.env,
      RESTATE_BASE_DIR: join(directory, 'restate'),
      RESTATE_BIND_ADDRESS: `127.0.0.1:${node}`,
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${admin}`,
      DO_NOT_TRACK: '1',
    },
  });
  const worker = await startWorker(
    new URL('./restate-worker.ts', import.meta.url),
    String(service),
  );
  await retried(async () => {
    const reply = await fetch(`http://127.0.0.1:${admin}/deployments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ uri: `http://127.0.0.1:${service}` }),
    });
    if (!reply.ok) throw new Error(`Restate does not take the service: ${await reply.text()}`);
  });
  const execute: DurablePeer['execute'] = async (steps) => {
    const start = performance.now();
    const reply = await fetch(`http://127.0.0.1:${ingress}/bench/steps`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(steps),
    });
    if (!reply.ok) throw new Error(`Restate: ${await reply.text()}`);
    return { stepsMs: (await reply.json()) as number[], executionMs: performance.now() - start };
  };
  await retried(() => execute(1));
  return {
    name: 'restate',
    execute,
    async close() {
      await stop(worker);
      await stop(server);
    },
  };
}

/** Resolves once it says that it is ready. */
async function startWorker(file: URL, argument: string): Promise<ChildProcess> {
  const worker = fork(file, [argument], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_NO_WARNINGS: '1', RESTATE_LOGGING: 'ERROR' },
  });
  const ended = once(worker, 'exit').then(() => {
    throw new Error(`${file.pathname} ended before it was ready`);
  });
  await Promise.race([once(worker, 'message'), ended]);
  ended.catch(() => {});
  return worker;
}

/** Until it works: servers take their time. */
async function retried(attempt: () => Promise<unknown>): Promise<void> {
  for (const until = Date.now() + START_MS_MAX; ;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(200);
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function missing(name: string, how: string): undefined {
  console.error(`${name} is left out, for it is not installed: ${how}`);
}
