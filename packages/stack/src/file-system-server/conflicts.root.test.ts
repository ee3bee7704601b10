/** Conflicts through a kernel mount: announced, to be read where they happened, in nobody's way, settled once. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { connectToControl, listenForControl } from './control-socket.ts';
import type { FileConflict, FileSystemServerEvent } from './file-system-server.ts';
import { makeRepository, ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeAll(async () => {
  served = await ServedBucket.start({ accessPoints: [] });
});
afterAll(() => served.close());

/**
 * The file is changed in the bucket and in the mount; returns the conflict that comes of it. The mount may learn of the
 * other version before it is written to: then there is none, and it is tried again.
 */
async function conflict(path: string): Promise<FileConflict> {
  for (let tries = 0; tries < 20; tries++) {
    await served.out(`mkdir -p "$(dirname ${path})"; echo base > ${path}`);
    await served.server.sync();
    await served.bucket.put(path, Buffer.from('theirs\n'));
    await served.out(`echo ours > ${path}`);
    // Fails when it is this that finds the conflict, and not the event before it.
    await served.server.sync().catch(() => {});
    const { conflicts } = await served.server.status();
    const found = conflicts.find((one) => one.path === `/${path}`);
    if (found !== undefined) return found;
  }
  throw new Error(`no conflict of ${path} came about`);
}

test('announced by event, log and status; both versions are named', async () => {
  const socket = `${served.dir}/control`;
  const listening = await listenForControl(served.server, socket);
  const control = await connectToControl(socket);
  const heard: FileSystemServerEvent[] = [];
  await control.listen((event) => heard.push(event));
  const found = await conflict('announced/d.txt');
  expect(found).toMatchObject({
    path: '/announced/d.txt',
    key: 'announced/d.txt',
    what: 'content',
    ours: { size: 5, versionId: expect.any(String) as string },
    theirs: { size: 7, versionId: expect.any(String) as string },
  });
  await expect
    .poll(() => heard.filter(({ kind }) => kind === 'conflict'))
    .toContainEqual({ kind: 'conflict', conflict: found });
  expect(served.events).toContainEqual({ kind: 'conflict', conflict: found });
  expect(served.logged.some((line) => line.includes(`conflict id=${found.id}`))).toBe(true);
  control.close();
  await listening.close();
});

test('the local copy and a note are inside the access point whose file it was', async () => {
  await served.out('mkdir -p team/one; chown 1234:1234 team/one');
  const found = await conflict('team/one/f');
  await served.out('chown 1234 .s3files-lost*/* 2>/dev/null && exit 1; true');
  const { path } = await served.server.addAccessPoint({
    id: 'fsap-team',
    rootPath: '/team/one',
    posixUser: { uid: 1234, gid: 1234 },
  });
  const inside = `unshare --mount bash -c 'mount --bind ${path} /mnt && cd /mnt && exec setpriv --reuid 1234 --regid 1234 --clear-groups bash -c "$0"'`;
  const out = await served.out(
    `${inside} 'ls -A; ls .moorage-conflicts; cat .moorage-conflicts/${found.keptAs}; cat .moorage-conflicts/*.txt; cp .moorage-conflicts/${found.keptAs} copied; cat copied; touch .moorage-conflicts/x 2>&1; rm -f .moorage-conflicts/*.txt 2>&1' || true`,
  );
  expect(out).toContain(`f\n${found.keptAs}\n${found.keptAs}.txt\nours\n/f was changed here`);
  expect(out).toMatch(/made from version .*\n\nmoorage conflicts show /s);
  expect(out).toMatch(/ours\ntouch: .*\nrm: /);
  expect(await served.out('cat .moorage-conflicts/*.txt | grep team/one/f')).toContain(
    '/team/one/f was changed here',
  );
});

test('the directory of conflicts is in nobody’s way', async () => {
  const { out } = await served.run(
    `${makeRepository}
    make_repository repo 5; mkdir -p all/d; echo x > all/d/f
    cd repo; git status --porcelain; ls -A | grep moorage; cd ..
    ls -A | grep moorage-conflicts; find . -name '.moorage*' | grep . ; echo listed $?
    rsync -aX ./ $SCRATCH/rsynced --exclude '.s3files*' && ls -A $SCRATCH/rsynced | grep moorage; echo rsync $?
    rm -rf all && rmdir repo 2>/dev/null; rm -rf repo; ls -d all repo 2>&1 | wc -l
    mkdir .moorage-conflicts 2>&1; rmdir .moorage-conflicts 2>&1; mv .moorage-conflicts x 2>&1; echo end`,
  );
  expect(out).toMatch(
    /^listed 1\nrsync 1\n2\nmkdir: .*File exists\nrmdir: .*Operation not permitted\nmv: .*Operation not permitted\nend\n$/,
  );
  await served.server.sync('/').catch(() => {});
  const { objects } = await served.bucket.list({ prefix: '' });
  expect(objects.filter(({ key }) => key.includes('moorage-conflicts'))).toEqual([]);
});

test('restored over S3’s version once, also when the server is killed meanwhile', async () => {
  const found = await conflict('killed');
  const settling = served.server.settleConflict(found.id, 'restore');
  process.kill(served.server.pid, 'SIGKILL');
  expect(await settling).toEqual({ how: 'restored', path: '/killed' });
  expect(await served.server.settleConflict(found.id, 'restore')).toEqual(await settling);
  await expect(served.server.settleConflict(found.id, 'discard')).rejects.toMatchObject({
    code: 'CONFLICT_NOT_SETTLED',
  });
  expect(await served.out('cat killed; ls .s3files-lost+found-*/ | grep -c killed || true')).toBe(
    'ours\n0\n',
  );
  await served.server.sync('/killed');
  expect((await served.objects())['killed']).toBe('ours\n');
  const again = await conflict('other');
  await served.out('echo taken > taken; mkdir dir');
  await expect(served.server.settleConflict(again.id, 'restore', '/taken')).rejects.toThrow(
    '/taken exists',
  );
  await expect(served.server.settleConflict(again.id, 'restore', '/no/such')).rejects.toThrow(
    'there is no directory /no',
  );
  await served.server.settleConflict(again.id, 'restore', '/dir/as');
  expect(await served.out('cat other dir/as')).toBe('theirs\nours\n');
  const last = await conflict('gone');
  await served.server.settleConflict(last.id, 'discard');
  expect(await served.out('cat gone; ls .moorage-conflicts | grep -c gone || true')).toBe(
    'theirs\n0\n',
  );
});
