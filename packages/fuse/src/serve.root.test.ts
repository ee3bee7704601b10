import { afterEach, beforeEach, expect, test } from 'vitest';
import { mountMemory } from './testing/mounted-memory.ts';
import type { MountedMemory } from './testing/mounted-memory.ts';

let mounted: MountedMemory;

beforeEach(async () => {
  mounted = await mountMemory();
});
afterEach(async () => {
  await mounted.close();
});

/** Runs it until the output is as expected: for what the kernel learns a moment later. */
async function eventually(script: string, expected: string): Promise<void> {
  let out = '';
  for (let tries = 0; tries < 100 && out !== expected; tries++)
    ({ out } = await mounted.run(script));
  expect(out).toBe(expected);
}

test('files, directories and links are made, read, moved and removed', async () => {
  const { out, code } = await mounted.run(`set -e
    echo one > a; echo two >> a; cat a
    mkdir d; mv a d/b; cat d/b; ls d
    ln -s d/b l; readlink l; cat l
    stat -c '%F %s %a' d/b
    truncate -s 3 d/b; cat d/b; echo
    ! ln d/b hard 2>/dev/null; ! mkdir d 2>/dev/null; ! rmdir d 2>/dev/null
    rm l d/b; rmdir d; ls -A`);
  expect(out).toBe('one\ntwo\none\ntwo\nb\nd/b\none\ntwo\nregular file 8 644\none\n');
  expect(code).toBe(0);
});

test('a large file comes back as it was written, also through mmap', async () => {
  const { out } = await mounted.run(`set -e
    head -c 5000001 /dev/urandom > /tmp/moorage-fuse-$$
    cp /tmp/moorage-fuse-$$ big; cmp big /tmp/moorage-fuse-$$ && stat -c %s big
    sqlite3 /dev/null 'select 1' >/dev/null 2>&1 || true
    rm /tmp/moorage-fuse-$$`);
  expect(out).toBe('5000001\n');
});

test('a thousand names are listed once each, with any bytes in them', async () => {
  const { out } = await mounted.run(`set -e
    for i in $(seq 1000); do : > "file $i"; done
    : > $'\\377\\376 \\n'
    ls -A | wc -l; ls -lA | grep -c '^-'; rm $'\\377\\376 \\n'; ls -A | sort -u | wc -l`);
  expect(out).toBe('1002\n1001\n1000\n');
});

test('extended attributes and statfs are answered', async () => {
  const { out } = await mounted.run(`stat -f -c '%s %b %a %l' .`);
  expect(out).toBe('4096 1000 800 255\n');
});

test('a request that is pending keeps only its caller waiting', async () => {
  const waiting = mounted.run('mkdir d; cat d/slow-file; echo done');
  const { out } = await mounted.run('echo quick > q; cat q');
  expect(out).toBe('quick\n');
  mounted.say('slow');
  expect((await waiting).out).toBe('cat: d/slow-file: No such file or directory\ndone\n');
});

test('a killed caller does not wait for what is pending', async () => {
  const { out } = await mounted.run('{ timeout -s KILL 1 cat slow-file; } 2>/dev/null; echo $?');
  expect(out).toBe('137\n');
});

test('a harmless signal does not end what is pending', async () => {
  const waiting = mounted.run(
    `perl -e '$SIG{ALRM} = sub {}; alarm 1; print((stat "slow-file") ? "found" : "$!")'`,
  );
  await mounted.run('sleep 2');
  mounted.say('slow');
  expect((await waiting).out).toBe('No such file or directory');
});

test('a lock waits for its holder, and a signal ends the wait', async () => {
  const { out } = await mounted.run(`: > f
    flock f -c 'echo held > h; sleep 2; echo released' & until [ -e h ]; do sleep 0.1; done
    flock -n f true; echo "at once $?"
    flock -w 1 f true; echo "with a limit $?"
    flock f echo 'after it'; wait`);
  expect(out).toBe('at once 1\nwith a limit 1\nreleased\nafter it\n');
});

test('what changes behind the kernel is seen through its caches', async () => {
  const { out } = await mounted.run('echo old > f; cat f; stat -c %i f; [ -e new ] || echo absent');
  const ino = /^old\n(\d+)\nabsent\n$/.exec(out)?.[1];
  expect(ino).toBeDefined();
  mounted.say(`change ${ino} changed`);
  await eventually('cat f', 'changed');
  mounted.say('add new');
  await eventually('ls new', 'new\n');
});

test('a view is reached by its name only, and nothing is moved between views', async () => {
  mounted.say('view secret');
  await mounted.heard('view ');
  const { out } = await mounted.run(`echo 1 > f; cat .moorage-view-secret/f; ls -A
    [ -e .moorage-view-other ] || echo none
    mv -T f .moorage-view-secret/g 2>/dev/null; ls -A .moorage-view-secret
    perl -e 'rename("g", ".moorage-view-secret/h") or print "$!\\n"'`);
  expect(out).toBe('1\nf\nnone\ng\nInvalid cross-device link\n');
});

test('what one view changes is seen in the other', async () => {
  mounted.say('view secret');
  await mounted.heard('view ');
  const { out } = await mounted.run(`cd .moorage-view-secret; echo first > f; cat ../f; cat f`);
  expect(out).toBe('first\nfirst\n');
});

test('who reads under a lock reads what another view wrote under it, however late its cache is told', async () => {
  mounted.say('view secret');
  const notifier = Number((await mounted.heard('notifier ')).split(' ')[1]);
  await mounted.run('echo old > f');
  const reading = mounted.run(`perl -e '
    open(F, "+<.moorage-view-secret/f"); sysread(F, $cached, 10); open(R, ">ready");
    select(undef, undef, undef, 0.05) until -e "written";
    flock(F, 2); sysseek(F, 0, 0); sysread(F, $fresh, 10); print "$cached$fresh"'`);
  await mounted.run('until [ -e ready ]; do sleep 0.05; done');
  process.kill(notifier, 'SIGSTOP');
  await mounted.run('echo new > f; : > written; sleep 1');
  process.kill(notifier, 'SIGCONT');
  expect((await reading).out).toBe('old\nnew\n');
});

test('after kill -9 another server gets the unanswered requests', async () => {
  const waiting = mounted.run('cat slow-file; echo $?');
  await mounted.run('ls');
  await mounted.restart();
  mounted.say('slow');
  expect((await waiting).out).toBe('cat: slow-file: No such file or directory\n1\n');
});
