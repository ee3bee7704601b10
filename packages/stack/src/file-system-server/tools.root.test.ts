/** Everyday tools on a mounted bucket. Needs the Debian packages git, tar, sqlite3, rsync, util-linux, perl. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ServedBucket, makeRepository } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeAll(async () => {
  served = await ServedBucket.start();
});
afterAll(() => served.close());

test('files, directories and links', async () => {
  const out = await served.out(`mkdir basic; cd basic
    echo one > a; echo two >> a; mkdir d; mv a d/b; ln -s d/b l; cat l
    chmod 640 d/b; stat -c '%a %s %F' d/b; touch -d '2001-02-03 04:05:06.123456789Z' d/b
    TZ=UTC stat -c %y d/b; cp -a d e; diff -r d e; rm -r d l; ls; rm -r e; cd ..; rmdir basic`);
  expect(out).toBe('one\ntwo\n640 8 regular file\n2001-02-03 04:05:06.123456789 +0000\ne\n');
});

test('git clone, status, commit and fsck', async () => {
  const out = await served.out(`${makeRepository}
    make_repository "$SCRATCH/repository" 300
    git clone -q "$SCRATCH/repository" clone; cd clone
    git status --porcelain; git fsck --no-progress
    echo changed >> d1/file1.txt; git -c user.name=t -c user.email=t@x commit -qam two
    git gc -q; git fsck --no-progress; git log --format=%s; git status --porcelain`);
  expect(out).toBe('two\none\n');
});

test('tar extracts what it packed', async () => {
  const out = await served.out(`mkdir "$SCRATCH/tree"; cd "$SCRATCH/tree"
    for i in $(seq 200); do mkdir -p a/$((i % 7)); head -c $((i * 100)) /dev/urandom > a/$((i % 7))/$i; done
    ln -s a/1 link; tar cf ../tree.tar .; cd - > /dev/null
    mkdir tar; tar xf "$SCRATCH/tree.tar" -C tar; diff -r "$SCRATCH/tree" tar && echo same
    tar df "$SCRATCH/tree.tar" -C tar && echo same attributes`);
  expect(out).toBe('same\nsame attributes\n');
});

test('sqlite3 keeps its database, also with several writers and mmap', async () => {
  const out = await served.out(`sqlite3 db 'create table t(x integer)'
    writer() { for i in $(seq 25); do sqlite3 -cmd '.timeout 20000' db 'insert into t values (1)'; done; }
    writer & writer & writer & wait
    sqlite3 db 'pragma mmap_size=10000000; select count(*) from t; pragma integrity_check' | tail -2
    sqlite3 wal 'pragma journal_mode=wal; create table t(x); insert into t values (5); select x from t'`);
  expect(out).toBe('75\nok\nwal\n5\n');
});

test('rsync copies and finds nothing to do the second time', async () => {
  const out = await served.out(`mkdir "$SCRATCH/source"; cd "$SCRATCH/source"
    for i in $(seq 100); do mkdir -p d$((i % 5)); echo $i > d$((i % 5))/$i; done; cd - >/dev/null
    rsync -aX "$SCRATCH/source/" copy/; diff -r "$SCRATCH/source" copy
    rsync -aXi "$SCRATCH/source/" copy/; rsync -aX copy/ "$SCRATCH/back/"; diff -r "$SCRATCH/back" copy`);
  expect(out).toBe('');
});

test('a file is replaced by rename as editors do it, and readers see one or the other', async () => {
  const out = await served.out(`echo old > edited
    for i in $(seq 100); do echo "new $i" > .edited.swp; mv .edited.swp edited; done &
    for i in $(seq 100); do cat edited > "$SCRATCH/seen"; grep -qE '^(old|new [0-9]+)$' "$SCRATCH/seen"; done
    wait; cat edited; ls -A | grep -c edited`);
  expect(out).toBe('new 100\n1\n');
});

test('an unlinked open file can be used until it is closed', async () => {
  const out = await served.out(`exec 3<> gone; echo text >&3; rm gone; [ ! -e gone ]
    echo more >&3; perl -e 'open(F, "<&=3"); seek(F, 0, 0); print while <F>; print((stat F)[3], "\\n")'
    echo other > gone; cat gone`);
  expect(out).toBe('text\nmore\n0\nother\n');
});

test('appends of several processes do not overwrite each other', async () => {
  const out = await served.out(`for w in 1 2 3 4; do
      for i in $(seq 100); do echo "line $w $i" >> log; done &
    done; wait; sort -u log | wc -l; wc -l < log`);
  expect(out).toBe('400\n400\n');
});

test('locks are seen by other processes and released with their holder', async () => {
  const out = await served.out(`: > locked
    flock locked -c 'echo $$ > held; exec sleep 30' & holder=$!
    until [ -s held ]; do sleep 0.05; done
    flock -n locked true || echo taken
    kill -9 $holder $(cat held) 2>/dev/null; wait $holder 2>/dev/null || true; flock locked echo free
    perl -e 'use Fcntl qw(:DEFAULT :flock :seek);
      open(F, "+<", "locked"); my $lock = pack("s s x4 l! l! i", F_WRLCK, SEEK_SET, 0, 10, 0);
      fcntl(F, F_SETLK, $lock) or die;
      if (fork() == 0) {
        my $other = pack("s s x4 l! l! i", F_WRLCK, SEEK_SET, 5, 10, 0);
        print fcntl(F, F_SETLK, $other) ? "granted\\n" : "refused\\n";
        my $beside = pack("s s x4 l! l! i", F_WRLCK, SEEK_SET, 10, 10, 0);
        print fcntl(F, F_SETLK, $beside) ? "granted\\n" : "refused\\n"; exit }
      wait'`);
  expect(out).toBe('taken\nfree\nrefused\ngranted\n');
});

test('a shared mapping reads and writes the file', async () => {
  const out = await served.out(`truncate -s 1M mapped
    sqlite3 mapdb 'pragma mmap_size=67108864; create table t(x); insert into t select hex(randomblob(100)) from generate_series(1, 5000)' > "$SCRATCH/said"
    sqlite3 mapdb 'pragma mmap_size=67108864; update t set x = x || 1; select count(*), min(length(x)) from t; pragma integrity_check' | tail -2`);
  expect(out).toBe('5000|201\nok\n');
});

test('sparse files, holes and preallocation', async () => {
  const out = await served.out(`truncate -s 1T sparse; stat -c '%s' sparse
    printf x | dd of=sparse bs=1 seek=500000000000 conv=notrunc status=none
    dd if=sparse bs=1 skip=499999999999 count=3 status=none | od -An -c | tr -s ' '
    [ $(stat -c %b sparse) -lt 100000 ]; rm sparse
    fallocate -l 1M reserved; stat -c %s reserved`);
  expect(out).toBe('1099511627776\n \\0 x \\0\n1048576\n');
});

test('a mount made without access points takes none later', async () => {
  await expect(served.server.addAccessPoint({ id: 'fsap-late' })).rejects.toMatchObject({
    code: 'ACCESS_POINT_UNUSABLE',
  });
});

test('in the end all of it is in the bucket', async () => {
  await served.out('mkdir last; echo text > last/file; ln -s file last/link');
  await served.server.sync('/');
  const head = await served.bucket.head('last/file');
  expect(head.size).toBe(5);
  expect((await served.server.status()).pending).toBe(0);
  expect(served.server.restarts).toBe(0);
});
