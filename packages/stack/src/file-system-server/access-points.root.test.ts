/** Access points as AWS has them: identity, jail, creation, read-only, root squash, and one tree behind all of them. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { AccessPoint } from '@moorage/file-system';
import { ServedBucket } from './testing/served-bucket.ts';
import type { Ran } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeAll(async () => {
  served = await ServedBucket.start({ accessPoints: [] });
});
afterAll(() => served.close());

async function point(accessPoint: AccessPoint): Promise<string> {
  return (await served.server.addAccessPoint(accessPoint)).path;
}

/** Runs a script as `uid` (supplementary groups: `groups`) where the access point's directory is at /mnt. */
function inside(path: string, uid: number, script: string, groups = ''): Promise<Ran> {
  const clear = groups === '' ? '--clear-groups' : `--groups ${groups}`;
  const ran = `cat > $SCRATCH/script-${script.length}.sh <<'END'\ncd /mnt\n${script}\nEND
    chmod 755 $SCRATCH $(dirname $SCRATCH)
    unshare --mount bash -c 'mount --bind "$0" /mnt && exec setpriv --reuid ${uid} --regid ${uid} ${clear} bash "$1"' ${path} $SCRATCH/script-${script.length}.sh 2>&1`;
  return served.run(ran, { in: '/' });
}

test('the identity replaces who asks: owner, groups, also for root, and chown is the identity’s', async () => {
  await served.out(
    'mkdir -m 770 shared; chgrp 3000 shared; echo g > shared/group; chmod 640 shared/group; chgrp 3000 shared/group',
  );
  const path = await point({
    id: 'fsap-id',
    rootPath: '/',
    posixUser: { uid: 2000, gid: 2001, secondaryGids: [3000] },
  });
  const ran = await inside(
    path,
    0,
    'cat shared/group; echo new > shared/mine; stat -c "%u %g" shared/mine; chown 0 shared/mine; chgrp 3000 shared/mine && stat -c %g shared/mine; chmod 600 shared/group',
  );
  expect(ran.out).toMatch(/^g\n2000 2001\nchown: .*not permitted\n3000\nchmod: .*not permitted\n$/);
  expect(await served.out('stat -c "%u %g" shared/mine')).toBe('2000 3000\n');
});

test('nothing outside the root can be reached: dot-dot, links, rename between access points', async () => {
  await served.out('mkdir -p jail/in other; echo secret > other/secret; echo s > secret');
  const path = await point({ id: 'fsap-jail', rootPath: '/jail' });
  const ran = await inside(
    path,
    0,
    `ls -A; cat ../secret; cat ../other/secret; cat in/../../secret
    ln -s ../secret up; ln -s /mnt/../other/secret far; cat up; cat far
    ls -ida .. | awk '{print $1}' > in/above; cd in; cd ..; cd ..; pwd`,
  );
  expect(ran.out.replace(/.*No such file or directory\n/g, '')).toBe('in\n/\n');
  expect(await served.out('cat secret other/secret; ls jail')).toBe('s\nsecret\nfar\nin\nup\n');
  // Where the directories of two access points are seen beside each other, they are two file systems.
  const second = await point({ id: 'fsap-other', rootPath: '/other' });
  const moved = await served.out(`python3 - <<'PY'
import errno, os
for to in ('${second}/moved', 'other/moved'):
    for call in (os.rename, os.link):
        try: call('${path}/up', to)
        except OSError as error: print(errno.errorcode[error.errno])
print(os.path.exists('${path}/../secret'), os.listdir('${path}/in/..') == os.listdir('${path}'))
PY`);
  expect(moved).toBe('EXDEV\nEXDEV\nEXDEV\nEXDEV\nTrue True\n');
});

test('a directory moved out of the jail while in use is out of reach, one moved in is in', async () => {
  await served.out('mkdir -p pen/sub outside; echo 1 > pen/sub/f; echo 2 > outside/f');
  const path = await point({ id: 'fsap-pen', rootPath: '/pen' });
  const working = inside(
    path,
    0,
    'cd sub; cat f; : > /mnt/ready; until [ -e /mnt/go ]; do sleep 0.05; done; cat f; echo x > g; ls /mnt/in/f; cat /mnt/in/f',
  );
  await served.out(
    'until [ -e pen/ready ]; do sleep 0.05; done; mv pen/sub gone; mv outside pen/in; : > pen/go',
  );
  const { out } = await working;
  expect(out).toMatch(
    /^1\n(.*(Stale file handle|No such file or directory)\n){2}\/mnt\/in\/f\n2\n$/,
  );
  expect(await served.out('ls gone')).toBe('f\n');
});

test('a root that does not exist is made with creation permissions; without them it is refused', async () => {
  await expect(
    served.server.addAccessPoint({ id: 'fsap-absent', rootPath: '/absent/deep' }),
  ).rejects.toMatchObject({ code: 'ACCESS_POINT_UNUSABLE' });
  expect(await served.out('ls -d absent 2>&1 || true')).toContain('No such file');
  const made = {
    id: 'fsap-made',
    rootPath: '/made/deep',
    creationPermissions: { ownerUid: 42, ownerGid: 43, permissions: '2750' },
  };
  await point(made);
  expect(await served.out('stat -c "%u %g %a" made/deep')).toBe('42 43 2750\n');
  // What exists is left as it is, and a file is no root.
  await point({
    ...made,
    id: 'fsap-made-2',
    creationPermissions: { ...made.creationPermissions, ownerUid: 7 },
  });
  expect(await served.out('stat -c %u made/deep; : > made/file')).toBe('42\n');
  await expect(
    served.server.addAccessPoint({ ...made, id: 'fsap-file', rootPath: '/made/file' }),
  ).rejects.toThrow('is not a directory');
  await expect(served.server.addAccessPoint({ ...made, readOnly: true })).rejects.toThrow(
    'access points cannot be changed',
  );
});

test('read-only refuses every change there, and shows those made elsewhere', async () => {
  await served.out('mkdir ro; echo 1 > ro/f; mkfifo ro/pipe');
  const path = await point({ id: 'fsap-ro', rootPath: '/ro' });
  const reading = await point({ id: 'fsap-ro-2', rootPath: '/ro', readOnly: true });
  const ran = await inside(
    reading,
    0,
    'for c in "mkdir d" "touch new" "rm f" "mv f g" "ln -s f l" "chmod 600 f" "truncate -s 0 f" "touch f"; do $c 2>&1 | grep -c "Read-only file system"; done; echo x >> f',
  );
  expect(ran.out).toMatch(/^(1\n){8}.*Read-only file system\n$/);
  await inside(path, 0, 'echo 2 > f');
  expect((await inside(reading, 0, 'cat f')).out).toBe('2\n');
});

test('root squash: root is nobody, others are themselves', async () => {
  await served.out(
    'mkdir -m 777 squash; echo s > squash/secret; chmod 600 squash/secret; echo u > squash/u; chown 77 squash/u; chmod 600 squash/u',
  );
  const path = await point({ id: 'fsap-squash', rootPath: '/squash', rootSquash: true });
  const ran = await inside(
    path,
    0,
    'cat secret; echo x > new; stat -c "%u %g" new; chmod 666 secret; rm -f u && echo removed',
  );
  expect(ran.out).toMatch(/^cat: .*denied\n65534 65534\nchmod: .*not permitted\nremoved\n$/);
  expect((await inside(path, 77, 'echo y > mine; stat -c %u mine')).out).toBe('77\n');
});

test('appends through two access points are whole, whatever they cross, and can be mapped', async () => {
  await served.out('mkdir log');
  const first = await point({ id: 'fsap-log-1', rootPath: '/log' });
  const second = await point({ id: 'fsap-log-2', rootPath: '/', posixUser: { uid: 0, gid: 0 } });
  const append = (letter: string, file: string): string => `python3 - <<'PY'
import os
for flags in (os.O_RDWR, os.O_WRONLY):
    fd = os.open('${file}', flags | os.O_APPEND | os.O_CREAT)
    for i in range(150): os.write(fd, b'${letter}' * 5999 + b'\\n')
    os.close(fd)
PY`;
  const ran = await Promise.all([
    inside(first, 0, append('a', 'l')),
    inside(second, 0, append('b', 'log/l')),
    served.run(append('c', 'log/l')),
  ]);
  expect(ran.map(({ out }) => out)).toEqual(['', '', '']);
  expect(
    await served.out(`python3 - <<'PY'
lines = open('log/l').read().split('\\n')
print(len(lines) - 1, sum(1 for l in lines[:-1] if len(l) != 5999 or len(set(l)) != 1))
import mmap, os
fd = os.open('log/l', os.O_RDWR | os.O_APPEND)
with mmap.mmap(fd, 0) as m:
    m[0:3] = b'XYZ'; m.flush()
print(os.pread(fd, 3, 0), open('log/l').read(3))
PY`),
  ).toBe("900 0\nb'XYZ' XYZ\n");
});
