/** Access points: several roots and identities on one tree, each bound into a mount namespace of its own. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';
import type { Ran } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeAll(async () => {
  served = await ServedBucket.start({
    accessPoints: [{ id: 'fsap-whole', rootPath: '/' }],
  });
});
afterAll(() => served.close());

/** Runs a script as `uid` where only the access point's directory is seen, at /mnt. */
function inside(path: string, uid: number, script: string): Promise<Ran> {
  const inner = `cd /mnt && ${script}`;
  return served.run(
    `unshare --mount bash -c 'mount --bind "$0" /mnt && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups bash -c "$1"' ${path} '${inner}' 2>&1`,
    { in: '/' },
  );
}

test('an access point has its own root and identity, and sees what is made elsewhere', async () => {
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-one',
    rootPath: '/team/one',
    posixUser: { uid: 1234, gid: 1234 },
    creationPermissions: { ownerUid: 1234, ownerGid: 1234, permissions: '750' },
  });
  const made = await inside(
    path,
    1234,
    'echo text > f; mkdir d; ls; cd ..; ls -d team 2>&1 || true',
  );
  expect(made.out).toBe("d\nf\nls: cannot access 'team': No such file or directory\n");
  expect(await served.out('stat -c "%u %a" team/one team/one/f; cat team/one/f')).toBe(
    '1234 750\n1234 644\ntext\n',
  );
  await served.out('echo more >> team/one/f; echo new > team/one/new; chmod 666 team/one/new');
  const seen = await inside(path, 1234, 'cat f new');
  expect(seen.out).toBe('text\nmore\nnew\n');
});

test('root in an access point with an identity acts as that identity', async () => {
  await served.out('mkdir -m 755 owned; echo secret > owned/f; chmod 600 owned/f');
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-two',
    rootPath: '/owned',
    posixUser: { uid: 4321, gid: 4321 },
  });
  const ran = await inside(path, 0, 'cat f; echo x > g; ls');
  expect(ran.out).toContain('cat: f: Permission denied');
  expect(ran.out).toContain('g: Permission denied');
  expect(ran.out.endsWith('f\n')).toBe(true);
});

test('a read-only access point refuses changes', async () => {
  await served.out('mkdir -p source; echo code > source/main');
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-read',
    rootPath: '/source',
    posixUser: { uid: 0, gid: 0 },
    readOnly: true,
  });
  const ran = await inside(path, 0, 'cat main; echo x > main; rm main; ls');
  expect(ran.out).toMatch(/^code\n.*Read-only file system.*Read-only file system\nmain\n$/s);
});

test('locks are shared between access points', async () => {
  const [whole] = (await served.server.status()).accessPoints;
  await served.out('mkdir -p shared; : > shared/lock');
  const holder = served.run(
    'flock shared/lock -c "echo > shared/held; until [ -e shared/done ]; do sleep 0.05; done"',
  );
  await served.out('until [ -e shared/held ]; do sleep 0.05; done');
  const other = await inside(
    whole!.path,
    0,
    'flock -n shared/lock true || echo taken; : > shared/done',
  );
  expect(other.out).toBe('taken\n');
  await holder;
});

test('the directory of an access point is not listed and stays the same', async () => {
  expect(await served.out('ls -a | grep moorage || echo hidden')).toBe('hidden\n');
  const point = { id: 'fsap-again', rootPath: '/' };
  const first = await served.server.addAccessPoint(point);
  expect(await served.server.addAccessPoint(point)).toEqual(first);
  await expect(served.server.addAccessPoint({ ...point, readOnly: true })).rejects.toMatchObject({
    code: 'ACCESS_POINT_UNUSABLE',
  });
  await expect(
    served.server.addAccessPoint({ id: 'fsap-none', rootPath: '/nowhere' }),
  ).rejects.toMatchObject({ code: 'ACCESS_POINT_UNUSABLE' });
});

test('an access point whose root was removed does not keep the server from being restarted', async () => {
  await served.out('mkdir gone');
  const gone = await served.server.addAccessPoint({ id: 'fsap-gone', rootPath: '/gone' });
  const kept = await served.server.addAccessPoint({
    id: 'fsap-kept',
    rootPath: '/kept',
    posixUser: { uid: 55, gid: 55 },
    creationPermissions: { ownerUid: 55, ownerGid: 55, permissions: '755' },
  });
  const working = inside(
    kept.path,
    55,
    'echo a > a; until [ -e go ]; do sleep 0.05; done; echo b > b; ls',
  );
  await served.out('until [ -e kept/a ]; do sleep 0.05; done; rmdir gone');
  process.kill(served.server.pid, 'SIGKILL');
  await served.out('echo > kept/go');
  expect((await working).out).toBe('a\nb\ngo\n');
  expect(await served.out('stat -c %u kept/b')).toBe('55\n');
  expect((await inside(gone.path, 0, 'ls')).code).not.toBe(0);
});

test('access points work on after the server was killed', async () => {
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-after',
    rootPath: '/after',
    posixUser: { uid: 77, gid: 77 },
    creationPermissions: { ownerUid: 77, ownerGid: 77, permissions: '700' },
  });
  const working = inside(
    path,
    77,
    'for i in $(seq 200); do echo $i > f$i || exit 1; done; ls | wc -l',
  );
  await served.server.status();
  process.kill(served.server.pid, 'SIGKILL');
  expect((await working).out).toBe('200\n');
  expect(await served.out('stat -c %u after/f1')).toBe('77\n');
});

test('a directory listed again and again shows what another access point changes in it', async () => {
  await served.out('mkdir -p -m 777 listed/below; : > listed/old');
  const { path } = await served.server.addAccessPoint({ id: 'fsap-lists', rootPath: '/listed' });
  // One lists anew each time, the other keeps the directory open and goes back to its beginning.
  const lister = inside(
    path,
    0,
    'for i in 1 2 3; do ls > /dev/null; done; : > ready; until ls | grep -q new; do ls > /dev/null; done; ls',
  );
  const rewinder = inside(
    path,
    0,
    `perl -e "opendir D, q(.); readdir D; do { rewinddir D; @n = readdir D } until grep { \\$_ eq q(new) } @n; print scalar @n"`,
  );
  await served.out('until [ -e listed/ready ]; do sleep 0.05; done; rm listed/old; : > listed/new');
  expect((await lister).out).toBe('below\nnew\nready\n');
  expect((await rewinder).out).toBe('5');
});

test('a name made through one access point is in the next listing of another', async () => {
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-next',
    rootPath: '/next',
    creationPermissions: { ownerUid: 0, ownerGid: 0, permissions: '755' },
  });
  const out = await served.run(
    `unshare --mount bash -c 'mount --bind "$0" /mnt && for i in $(seq 100); do ls /mnt > /dev/null; : > $1/next/$i; ls /mnt | wc -l; done' ${path} ${served.mountPoint}`,
    { in: '/' },
  );
  expect(out.out).toBe(`${Array.from({ length: 100 }, (_, i) => i + 1).join('\n')}\n`);
});
