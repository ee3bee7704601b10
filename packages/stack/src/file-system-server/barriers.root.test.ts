/** What can be waited for: `sync` of exactly what was changed, and fsync(2) on a mount where it means S3. */
import { afterEach, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

const never = { quietMs: 3_600_000, maxAgeMs: 3_600_000 };

let served: ServedBucket;
afterEach(() => served.close());

const keys = async (): Promise<string[]> => Object.keys(await served.objects());
const python = (script: string): string => `python3 - <<'END'\nimport os\n${script}\nEND`;

test('sync takes what is at and below a path: creations, changes, renames, deletions; nothing else', async () => {
  served = await ServedBucket.start(never);
  await served.out('mkdir -p a/sub b; for f in a/f a/sub/g a/gone b/f ab; do echo $f > $f; done');
  await served.server.sync('/a');
  expect(await keys()).toEqual(['a/', 'a/f', 'a/gone', 'a/sub/', 'a/sub/g']);
  const { total, changes } = await served.server.pending('/', 10);
  expect(total).toBe(3);
  expect(changes.map(({ path, kind, state }) => [path, kind, state])).toEqual([
    ['/b', 'directory', 'pending'],
    ['/b/f', 'file', 'pending'],
    ['/ab', 'file', 'pending'],
  ]);
  expect(await served.server.pending('/b', 0)).toEqual({ total: 2, changes: [] });
  await served.out('rm a/gone; mv a/sub a/moved; mv a/f b/from-a; echo more >> ab');
  await served.server.sync('/a');
  expect(await keys()).toEqual(['a/', 'a/moved/', 'a/moved/g', 'b/from-a']);
  await served.server.sync();
  expect(await keys()).toEqual(['a/', 'a/moved/', 'a/moved/g', 'ab', 'b/', 'b/f', 'b/from-a']);
  // Of a path that nothing has any more its deletion is waited for; once that is done there is nothing to do.
  await served.out('rm -r a; rm ab');
  await served.server.sync('/a');
  expect(await keys()).toEqual(['ab', 'b/', 'b/f', 'b/from-a']);
  await served.server.sync('/a');
  await served.server.sync('/ab');
  expect(await keys()).toEqual(['b/', 'b/f', 'b/from-a']);
  await expect(served.server.sync('/no/such')).rejects.toMatchObject({ code: 'NO_SUCH_PATH' });
});

test('sync names every file that did not make it', async () => {
  served = await ServedBucket.start(never);
  await served.out(
    `mkdir d; ${python(`
for name in (b'd/bad-\\xff', b'd/bad-\\xfe', b'd/good'): open(name, 'w').close()`)}`,
  );
  const failed = served.server.sync('/d');
  await expect(failed).rejects.toMatchObject({
    code: 'NOT_SYNCED',
    failures: [{ error: 'NameNotUtf8' }, { error: 'NameNotUtf8' }],
  });
  expect(await keys()).toEqual(['d/', 'd/good']);
  await served.out('rm d/bad*');
  await served.server.sync('/d');
});

test('fsync on disk: many at once, each done when it returns, and others are served meanwhile', async () => {
  served = await ServedBucket.start(never);
  const out = await served.out(
    python(`
import threading
def work(n):
    for i in range(40):
        fd = os.open('f%d' % n, os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, b'x' * (70000 if n == 0 else 100), i * 10)
        os.fsync(fd); os.close(fd)
    d = os.open('.', os.O_RDONLY); os.fsync(d); os.close(d)
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
[t.start() for t in threads]
[os.stat('.') for _ in range(200)]
[t.join() for t in threads]
print(sorted(os.listdir('.')))`),
  );
  expect(out).toBe("['f0', 'f1', 'f2', 'f3', 'f4', 'f5']\n");
  // Waiting ones are asked again by the next server.
  const syncing = served.out(
    python(`
fd = os.open('killed', os.O_RDWR | os.O_CREAT)
for i in range(300): os.write(fd, b'x'); os.fsync(fd)
print(os.fstat(fd).st_size)`),
  );
  await served.out('until [ -s killed ]; do sleep 0.01; done');
  process.kill(served.server.pid, 'SIGKILL');
  expect(await syncing).toBe('300\n');
});

test('with fsync to S3 the version is there when it returns', async () => {
  served = await ServedBucket.start({ ...never, fsync: 's3' });
  const write = (text: string): string =>
    python(`
fd = os.open('f', os.O_RDWR | os.O_CREAT | os.O_TRUNC)
os.write(fd, b'${text}')
os.fsync(fd); os.fdatasync(fd)`);
  await served.out(`echo waits > other; ${write('one')}`);
  expect(await served.objects()).toEqual({ f: 'one' });
  await served.out(write('two'));
  expect(await served.objects()).toEqual({ f: 'two' });
  const refused = await served.run(
    python(`
fd = os.open(b'bad-\\xff', os.O_RDWR | os.O_CREAT); os.fsync(fd)`),
  );
  expect(refused.out).toContain('Input/output error');
  // The store is away: it waits, nobody else does, and a signal ends it.
  await served.stopS3();
  const stuck = await served.run(`
    cat > $SCRATCH/stuck.py <<'END'
import os
fd = os.open('f', os.O_RDWR); os.write(fd, b'three')
open(os.environ['SCRATCH'] + '/going', 'w').close()
os.fsync(fd)
END
    python3 $SCRATCH/stuck.py & until [ -e $SCRATCH/going ]; do sleep 0.1; done
    sleep 0.5; cat f other; kill $!; wait $!; echo $?`);
  expect(stuck.out).toMatch(/^threewaits\n(.*Terminated.*\n)?143\n$/);
  await served.startS3();
  await served.out(write('four'));
  expect(await served.objects()).toEqual({ f: 'four' });
});
