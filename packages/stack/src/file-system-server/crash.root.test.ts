/** The server killed with -9 while it is used: applications see a pause, nothing that was acknowledged is lost. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mountedAt } from '@moorage/fuse/mounting';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServedBucket, makeRepository, runScript } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeEach(async () => {
  served = await ServedBucket.start();
});
afterEach(() => served.close());

/** Kills the server, `times` times, each time once it serves again. */
async function killRepeatedly(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await pause(300);
    await served.server.status();
    process.kill(served.server.pid, 'SIGKILL');
  }
}

test('git clone goes on over kills of the server and its result is complete, here and in the bucket', async () => {
  await served.out(`${makeRepository}\nmake_repository "$SCRATCH/repository" 400`);
  const cloning = served.run(
    'git clone -q "$SCRATCH/repository" clone && cd clone && git fsck --no-progress && git status --porcelain',
    { msMax: 100_000 },
  );
  await killRepeatedly(3);
  expect(await cloning).toEqual({ code: 0, signal: null, out: '' });
  expect(served.server.restarts).toBe(3);
  await served.server.sync();
  const { objects } = await served.bucket.list({ prefix: 'clone/d1/' });
  const files = objects.filter((object) => !object.key.endsWith('/'));
  expect(files).toHaveLength(40);
});

test('sqlite3, appends, renames and exclusive creates are carried out exactly once', async () => {
  const working = served.run(
    `set -e
      ( for i in $(seq 40); do sqlite3 db "create table if not exists t(x); insert into t values ($i)"; done ) & database=$!
      ( for i in $(seq 400); do echo "$i" >> log; done ) & appends=$!
      ( for i in $(seq 200); do mkdir "dir$i"; : > "dir$i/f"; mv "dir$i/f" "dir$i/g"; rm "dir$i/g"; rmdir "dir$i"; done ) & renames=$!
      ( set -C; for i in $(seq 200); do echo "$i" > "exclusive$i"; done ) & creates=$!
      for pid in $database $appends $renames $creates; do wait $pid; done
      sqlite3 db 'select count(*), sum(x) from t; pragma integrity_check'
      wc -l < log; sort -nu log | wc -l; ls | grep -c exclusive; ls | grep -c '^dir' || true`,
    { msMax: 100_000 },
  );
  await killRepeatedly(5);
  expect(await working).toEqual({
    code: 0,
    signal: null,
    out: '40|820\nok\n400\n400\n200\n0\n',
  });
});

test('two kills in quick succession', async () => {
  const working = served.run(
    'for i in $(seq 300); do echo "$i" > "f$i" || exit 1; done; cat f* | wc -l',
  );
  await pause(100);
  process.kill(served.server.pid, 'SIGKILL');
  while (served.server.restarts < 1 || served.server.pid === 0) await pause(1);
  process.kill(served.server.pid, 'SIGKILL');
  expect(await working).toEqual({ code: 0, signal: null, out: '300\n' });
  expect(served.server.restarts).toBe(2);
});

test('open files, unlinked ones too, and locks survive their server', async () => {
  const working = served.run(`exec 3<> gone; echo before >&3; rm gone
    exec 4> locked; flock 4; echo ready > ready
    until [ -e go ]; do sleep 0.05; done
    echo after >&3; perl -e 'open(F, "<&=3"); seek(F, 0, 0); print while <F>'
    flock -n locked true || echo 'still locked'`);
  await served.out('until [ -e ready ]; do sleep 0.05; done');
  process.kill(served.server.pid, 'SIGKILL');
  await served.out('echo > go');
  expect((await working).out).toBe('before\nafter\nstill locked\n');
  expect(served.server.restarts).toBe(1);
});

test('what was not exported when everything was killed is exported by the next mount', async () => {
  await served.server.stop();
  await served.stopS3();
  await served.startS3();
  await served.serve({ quietMs: 60_000 });
  await served.out('mkdir d; echo kept > d/file; sync d/file');
  process.kill(served.server.pid, 'SIGKILL');
  await served.server.stop();
  expect(await served.objects()).toEqual({});
  await served.serve();
  await served.server.sync();
  expect(await served.objects()).toEqual({ 'd/': '', 'd/file': 'kept\n' });
  expect(await served.out('cat d/file')).toBe('kept\n');
});

test('a server that keeps dying is given up: callers get an error instead of waiting for ever', async () => {
  const waiting = served.run(
    'echo > inside; while :; do ls > /dev/null || exit 7; sleep 0.05; done',
  );
  await served.out('until [ -e inside ]; do sleep 0.05; done');
  while (served.events.at(-1)?.kind !== 'gave-up') {
    const { pid } = served.server;
    if (pid !== 0) process.kill(pid, 'SIGKILL');
    await pause(20);
  }
  await served.server.ended;
  expect((await waiting).code).toBe(7);
  expect(served.events.at(-1)).toMatchObject({ kind: 'gave-up' });
  expect(mountedAt(served.mountPoint)).toBeUndefined();
  await expect(served.server.status()).rejects.toMatchObject({ code: 'SERVER_GONE' });
});

test('a server whose supervisor is killed takes the mount away', async () => {
  await served.server.stop();
  const main = fileURLToPath(new URL('./testing/supervise.ts', import.meta.url));
  const o = { bucket: served.location, dataDir: served.dataDir, mountPoint: served.mountPoint };
  const supervisor = spawn(process.execPath, [main, JSON.stringify(o)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => supervisor.stdout.once('data', resolve));
  const { out } = await runScript(
    'echo text > f; cat f',
    served.mountPoint,
    served.scratch,
    20_000,
  );
  expect(out).toBe('text\n');
  supervisor.kill('SIGKILL');
  while (mountedAt(served.mountPoint) !== undefined) await pause(20);
  expect(existsSync(served.mountPoint)).toBe(true);
  // The data directory is free again, and nothing is lost.
  await served.serve();
  expect(await served.out('cat f')).toBe('text\n');
});
