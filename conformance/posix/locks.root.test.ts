/**
 * Locks between processes that reach the same file through two access points, as two functions do, and in a mount
 * without access points, where they are the kernel's own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

const accessPoints = [
  { id: 'fsap-a', rootPath: '/' },
  { id: 'fsap-b', rootPath: '/', posixUser: { uid: 1001, gid: 1001 } },
];
let mount: ServedMount;
let paths: string[];

function mountWith(options: Parameters<typeof ServedMount.start>[0]): void {
  beforeAll(async () => {
    mount = await ServedMount.start(options);
    const points = (await mount.server.status()).accessPoints;
    paths =
      points.length > 0 ? points.map(({ path }) => path) : [mount.mountPoint, mount.mountPoint];
  });
  afterAll(() => mount.close());
}

/** `a` and `b` are the file `name` as the two access points see it. Each test has its own file. */
const run = (name: string, program: string): Promise<string> =>
  python(
    mount.mountPoint,
    `
a, b = sys.argv[1] + '/${name}', sys.argv[2] + '/${name}'
write(a); os.chmod(a, 0o666)
SETLK, OFD_GETLK, OFD_SETLK = fcntl.F_SETLK, 36, 37
EX, SH, UN, NB = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_UN, fcntl.LOCK_NB
def opened(path): return os.open(path, os.O_RDWR)
def flock_struct(kind, start=0, length=0, pid=0): return struct.pack('hhqqi4x', kind, os.SEEK_SET, start, length, pid)
class Holder:
    'A child that takes locks and holds them until told to end or killed.'
    def __init__(self, take):
        ready, self.end = os.pipe(), os.pipe()
        def work():
            os.close(self.end[1])
            take()
            os.write(ready[1], b'.')
            os.read(self.end[0], 1)
        self.pid = child(work)
        os.close(ready[1]); os.close(self.end[0])
        assert os.read(ready[0], 1) == b'.', 'the holder got no lock'
    def stop(self):
        os.close(self.end[1])
        assert join(self.pid) == 0
    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        join(self.pid)
def holder_of(path, take): return Holder(lambda: take(opened(path)))
def free_after(end, wait):
    'A blocking call waits while the lock is held and gets it once the holder has ended.'
    got = []
    thread = threading.Thread(target=lambda: got.append(wait()))
    thread.start()
    time.sleep(0.2)
    assert not got, 'did not wait'
    end()
    thread.join(60)
    assert got, 'still waits'
${program}`,
    { args: paths },
  );

describe.each([
  ['two access points', { accessPoints }],
  ['a mount without access points', {}],
])('%s', (_, options) => {
  mountWith(options);

  test('flock: exclusive and shared, waiting, released when the holder dies', async () => {
    await run(
      'flock',
      `
holder = holder_of(a, lambda fd: fcntl.flock(fd, EX))
fd = opened(b)
refused(errno.EWOULDBLOCK, fcntl.flock, fd, EX | NB)
refused(errno.EWOULDBLOCK, fcntl.flock, fd, SH | NB)
free_after(holder.kill, lambda: fcntl.flock(fd, EX) or True)
fcntl.flock(fd, UN)
holder = holder_of(a, lambda fd: fcntl.flock(fd, SH))
fcntl.flock(fd, SH | NB)
refused(errno.EWOULDBLOCK, fcntl.flock, fd, EX | NB)
holder.stop()
fcntl.flock(fd, EX | NB)
copy = os.dup(fd); os.close(fd)
refused(errno.EWOULDBLOCK, fcntl.flock, opened(a), SH | NB)
os.close(copy)
fcntl.flock(opened(a), EX | NB)
`,
    );
  });

  test('fcntl: ranges, who holds them, waiting, released when the holder dies', async () => {
    await run(
      'ranges',
      `
holder = holder_of(a, lambda fd: fcntl.lockf(fd, EX, 10, 0))
fd = opened(b)
refused(errno.EAGAIN, fcntl.lockf, fd, EX | NB, 10, 5)
fcntl.lockf(fd, EX | NB, 10, 10)
kind, _, start, length, pid = struct.unpack('hhqqi4x', fcntl.fcntl(fd, fcntl.F_GETLK, flock_struct(fcntl.F_WRLCK)))
assert (kind, start, length, pid) == (fcntl.F_WRLCK, 0, 10, holder.pid), (kind, start, length, pid)
free_after(holder.kill, lambda: fcntl.lockf(fd, EX, 10, 5) or True)
fcntl.lockf(fd, UN, 4, 8)
def pieces(other):
    for start, length, free in [(5, 3, False), (8, 4, True), (12, 8, False), (20, 0, True)]:
        if free: fcntl.lockf(other, EX | NB, length, start)
        else: refused(errno.EAGAIN, fcntl.lockf, other, EX | NB, length, start)
assert join(child(lambda: pieces(opened(a)))) == 0
os.close(opened(b))
assert join(child(lambda: fcntl.lockf(opened(a), EX | NB))) == 0, 'closing any descriptor lets go of all'
`,
    );
  });

  test('fcntl: a descriptor that only reads lets go of all when it is closed, also one that others have', async () => {
    await run(
      'readers',
      `
def free(): return join(child(lambda: fcntl.lockf(opened(a), EX | NB))) == 0
reader, fd = os.open(a, os.O_RDONLY), opened(b)
fcntl.lockf(fd, EX | NB)
assert not free()
os.close(reader)
assert free(), 'opened before it was locked'
end = os.pipe()
reader = os.open(b, os.O_RDONLY)
fcntl.lockf(reader, SH | NB)
heir = child(lambda: os.read(end[0], 1))
assert not free()
os.close(reader)
assert free(), 'a child has the descriptor too'
os.write(end[1], b'.')
assert join(heir) == 0
`,
    );
  });

  test('a waiting fcntl lock is interrupted by a signal and then holds nothing', async () => {
    await run(
      'interrupted',
      `
holder = holder_of(a, lambda fd: fcntl.lockf(fd, EX))
class Interrupted(Exception): pass
def on_alarm(*_): raise Interrupted
signal.signal(signal.SIGALRM, on_alarm)
for wait in [lambda fd: fcntl.lockf(fd, EX), lambda fd: fcntl.lockf(fd, SH, 5, 5)]:
    fd = opened(b)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        wait(fd)
        raise AssertionError('got a lock that is held')
    except Interrupted: pass
waiter = child(lambda: fcntl.lockf(opened(b), EX))
time.sleep(0.3)
os.kill(waiter, signal.SIGKILL)
assert join(waiter) == -signal.SIGKILL
holder.stop()
assert join(child(lambda: fcntl.lockf(opened(a), EX | NB))) == 0, 'a waiter that gave up holds it'
`,
    );
  });

  test('a waiting flock is interrupted by a signal and then holds nothing', async () => {
    await run(
      'flock-interrupted',
      `
holder = holder_of(a, lambda fd: fcntl.flock(fd, EX))
waiter = child(lambda: fcntl.flock(opened(b), EX))
time.sleep(0.3)
os.kill(waiter, signal.SIGKILL)
assert join(waiter) == -signal.SIGKILL
holder.stop()
fcntl.flock(opened(b), EX | NB)
`,
    );
  });

  test('two processes that would wait for each other: one gets EDEADLK', async () => {
    await run(
      'deadlock',
      `
def first():
    fd = opened(a)
    fcntl.lockf(fd, EX, 1, 0)
    os.write(ready[1], b'.')
    fcntl.lockf(fd, EX, 1, 1)
ready = os.pipe()
fd = opened(b)
fcntl.lockf(fd, EX, 1, 1)
waiting = child(first)
os.read(ready[0], 1)
time.sleep(0.3)
refused(errno.EDEADLK, fcntl.lockf, fd, EX, 1, 0)
fcntl.lockf(fd, UN, 1, 1)
assert join(waiting) == 0
`,
    );
  });

  test('locks of open file descriptions are between descriptors of one process too', async () => {
    await run(
      'ofd',
      `
first, second = opened(a), opened(b)
fcntl.fcntl(first, OFD_SETLK, flock_struct(fcntl.F_WRLCK, 0, 10))
refused(errno.EAGAIN, fcntl.fcntl, second, OFD_SETLK, flock_struct(fcntl.F_RDLCK, 5, 10))
kind, _, start, length, pid = struct.unpack('hhqqi4x', fcntl.fcntl(second, OFD_GETLK, flock_struct(fcntl.F_WRLCK)))
assert (kind, start, length, pid) == (fcntl.F_WRLCK, 0, 10, -1), (kind, start, length, pid)
os.close(opened(a))
refused(errno.EAGAIN, fcntl.lockf, second, EX | NB)
os.close(first)
fcntl.lockf(second, EX | NB)
`,
    );
  });

  test('a counter kept under a lock by several processes loses nothing', async () => {
    await run(
      'counter',
      `
write(a, b'0')
def add(path, lock, unlock):
    for _ in range(100):
        fd = opened(path)
        lock(fd)
        value = int(os.pread(fd, 20, 0)) + 1
        os.pwrite(fd, str(value).encode(), 0)
        unlock(fd)
        os.close(fd)
for lock in [fcntl.lockf, fcntl.flock]:
    before = int(read(a))
    workers = [child(lambda: add(path, lambda fd: lock(fd, EX), lambda fd: lock(fd, UN))) for path in [a, b, a, b]]
    assert [join(pid) for pid in workers] == [0] * 4
    assert int(read(b)) == before + 400, read(b)
`,
    );
  });

  test('inserts of sqlite3 exclude each other', async () => {
    const out = await run(
      'database',
      `
subprocess.run(['sqlite3', a, 'pragma journal_mode=delete; create table t(x)'], check=True, stdout=subprocess.DEVNULL)
def insert(path):
    for i in range(20):
        subprocess.run(['sqlite3', '-cmd', '.timeout 60000', path, f'insert into t values ({i})'], check=True)
os.chmod(sys.argv[1], 0o777)
workers = [child(lambda: insert(path)) for path in [a, b]]
assert [join(pid) for pid in workers] == [0, 0]
print(subprocess.run(['sqlite3', b, 'select count(*), sum(x) from t; pragma integrity_check'], check=True, capture_output=True, text=True).stdout)
`,
    );
    expect(out).toBe('40|380\nok\n\n');
  });
});

describe('between two access points', () => {
  mountWith({ accessPoints });

  test('what is done through one access point is soon seen through the other, in open files too', async () => {
    // Under a lock at once (above); otherwise as soon as the kernel has been told.
    await run(
      'seen',
      `
os.chmod(sys.argv[1], 0o777)
reader = opened(b)
def shows(text): return os.stat(b).st_size == len(text) and os.pread(reader, 10_000, 0).decode() == text
for i in range(300):
    text = f'{i:05}' * (i + 1)
    write(a, text.encode())
    until(lambda: shows(text), text)
    os.rename(a, a + '.moved')
    until(lambda: not os.path.exists(b) and os.path.exists(b + '.moved'), 'moved')
    os.rename(b + '.moved', b)
    until(lambda: os.path.exists(a) and not os.path.exists(a + '.moved'), 'moved back')
mapped = mmap.mmap(reader, 5)
os.pwrite(opened(a), b'fresh', 0)
until(lambda: mapped[:] == b'fresh', 'the mapping shows the write')
os.unlink(a)
until(lambda: not os.path.exists(b) and os.fstat(reader).st_nlink == 0, 'unlinked')
`,
    );
  });

  test('an access point with an identity makes everybody that user', async () => {
    await run(
      'identity',
      `
write(a + '.private', b'secret', 0o600)
refused(errno.EACCES, os.open, b + '.private', os.O_RDONLY)
refused(errno.EPERM, os.chown, b, 0, 0)
os.chmod(sys.argv[1], 0o777)
write(b + '.theirs')
found = os.stat(a + '.theirs')
assert (found.st_uid, found.st_gid) == (1001, 1001)
refused(errno.EPERM, os.chmod, b + '.private', 0o777)
`,
    );
  });
});
