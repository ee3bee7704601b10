/** Names, renames, times and modes as system calls see them on a mount. */
import { afterAll, beforeAll, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

let mount: ServedMount;
beforeAll(async () => {
  mount = await ServedMount.start();
});
afterAll(() => mount.close());

const run = (program: string, msMax = 90_000): Promise<string> =>
  python(mount.mountPoint, program, { msMax });

test('utimensat keeps nanoseconds, before 1970 and after 2106 too; UTIME_NOW and UTIME_OMIT', async () => {
  await run(`
write('times')
for atime, mtime in [(1, 999_999_999), (1_600_000_000_123_456_789, 1_700_000_000_987_654_321),
                     (-1, -1_000_000_001), (5_000_000_000_000_000_007, 4_294_967_296_000_000_001)]:
    os.utime('times', ns=(atime, mtime))
    found = os.stat('times')
    assert (found.st_atime_ns, found.st_mtime_ns) == (atime, mtime), (atime, mtime, found)
NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2
def utimensat(path, atime, mtime, flags=0):
    times = struct.pack('qqqq', *atime, *mtime)
    if libc.utimensat(-100, path.encode(), times, flags) != 0:
        raise OSError(ctypes.get_errno(), path)
os.utime('times', ns=(11, 22))
utimensat('times', (0, OMIT), (3, 4))
assert (os.stat('times').st_atime_ns, os.stat('times').st_mtime_ns) == (11, 3_000_000_004)
before = time.time_ns() - 1_000_000_000
utimensat('times', (0, NOW), (0, OMIT))
assert os.stat('times').st_atime_ns >= before and os.stat('times').st_mtime_ns == 3_000_000_004
ctime = os.stat('times').st_ctime_ns
utimensat('times', (0, OMIT), (0, OMIT))
assert os.stat('times').st_ctime_ns == ctime
refused(errno.EINVAL, utimensat, 'times', (0, 1_000_000_000), (0, 0))
os.symlink('nowhere', 'link')
os.utime('link', ns=(5, 6), follow_symlinks=False)
assert (os.lstat('link').st_atime_ns, os.lstat('link').st_mtime_ns) == (5, 6)
fd = os.open('times', os.O_RDONLY)
os.utime(fd, ns=(7, 8))
assert os.stat('times').st_mtime_ns == 8
`);
});

test('rename: every kind over every kind', async () => {
  await run(`
import itertools
def make(kind, path):
    if kind == 'file': write(path, path.encode())
    elif kind == 'empty': os.mkdir(path)
    elif kind == 'full': os.mkdir(path); write(path + '/inside')
    elif kind == 'link': os.symlink('target of ' + path, path)
    elif kind == 'fifo': os.mkfifo(path)
    elif kind == 'socket': os.mknod(path, stat.S_IFSOCK | 0o644)
def clear(path):
    try:
        shutil.rmtree(path) if stat.S_ISDIR(os.lstat(path).st_mode) else os.unlink(path)
    except FileNotFoundError: pass
kinds = ['file', 'empty', 'full', 'link', 'fifo', 'socket']
directories = ['empty', 'full']
for old, new in itertools.product(kinds, kinds + ['absent']):
    for place in ['', 'sub/']:
        os.makedirs('matrix/sub', exist_ok=True)
        os.chdir('matrix')
        make(old, 'old'); make(new, place + 'new')
        before = os.lstat('old')
        if new == 'absent': expected = 0
        elif old in directories and new not in directories: expected = errno.ENOTDIR
        elif old not in directories and new in directories: expected = errno.EISDIR
        elif new == 'full': expected = errno.ENOTEMPTY
        else: expected = 0
        if expected:
            refused(expected, os.rename, 'old', place + 'new')
            assert os.lstat('old').st_ino == before.st_ino
        else:
            os.rename('old', place + 'new')
            after = os.lstat(place + 'new')
            assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
            refused(errno.ENOENT, os.lstat, 'old')
            if old == 'file': assert read(place + 'new') == b'old'
            if old == 'full': assert os.listdir(place + 'new') == ['inside']
        clear('old'); clear(place + 'new')
        os.chdir('..')
os.makedirs('loop/a/b')
refused(errno.EINVAL, os.rename, 'loop/a', 'loop/a/b/c')
refused(errno.ENOTEMPTY, os.rename, 'loop/a/b', 'loop/a')
os.rename('loop/a', 'loop/a')
links = os.stat('loop').st_nlink
os.rename('loop/a/b', 'loop/b')
assert (os.stat('loop').st_nlink, os.stat('loop/a').st_nlink) == (links + 1, 2)
`);
});

test('renameat2: NOREPLACE, EXCHANGE and what cannot be', async () => {
  await run(`
NOREPLACE, EXCHANGE, WHITEOUT = 1, 2, 4
write('x', b'x'); write('y', b'y'); os.mkdir('z'); write('z/inside')
refused(errno.EEXIST, renameat2, 'x', 'y', NOREPLACE)
renameat2('x', 'fresh', NOREPLACE)
assert read('fresh') == b'x'
renameat2('fresh', 'y', EXCHANGE)
assert (read('fresh'), read('y')) == (b'y', b'x')
renameat2('y', 'z', EXCHANGE)
assert read('z') == b'x' and os.listdir('y') == ['inside']
refused(errno.ENOENT, renameat2, 'y', 'absent', EXCHANGE)
refused(errno.EINVAL, renameat2, 'y', 'y/inside', EXCHANGE)
refused(errno.EINVAL, renameat2, 'y', 'z', EXCHANGE | NOREPLACE)
refused(errno.EINVAL, renameat2, 'z', 'w', WHITEOUT)
`);
});

test('what an object store cannot hold is refused and leaves nothing: hard links, devices, O_TMPFILE', async () => {
  await run(`
os.mkdir('refusals')
write('refusals/file')
refused(errno.EPERM, os.link, 'refusals/file', 'refusals/link')
refused(errno.EPERM, os.mknod, 'refusals/device', stat.S_IFCHR | 0o644, os.makedev(1, 3))
refused(errno.EOPNOTSUPP, os.open, 'refusals', os.O_TMPFILE | os.O_RDWR, 0o600)
assert os.listdir('refusals') == ['file'] and os.stat('refusals/file').st_nlink == 1
import tempfile
with tempfile.TemporaryFile(dir='refusals') as file:
    file.write(b'kept while open'); file.seek(0)
    assert file.read() == b'kept while open'
assert os.listdir('refusals') == ['file']
`);
});

test('names of any bytes, as long as 255, in any order', async () => {
  await run(`
os.mkdir('names'); os.chdir('names')
names = {bytes([b]) for b in range(1, 256) if b not in b'./'}
names |= {b'a' * 255, 'é'.encode() * 127, b'\\xff\\xfe\\x80', b' ', b'\\n', b'..a', b'...', b'-rf', b'\\\\', b'%2F', b'a\\r\\n', b'.hidden'}
names |= {'\\u00e9'.encode(), 'e\\u0301'.encode(), b'Case', b'case'}
for name in names: write(name, name)
assert set(os.listdir(b'.')) == names
for name in names:
    assert read(name) == name
    os.rename(name, b'moved'); os.rename(b'moved', name)
refused(errno.ENAMETOOLONG, write, b'a' * 256)
for name in names: os.unlink(name)
assert os.listdir(b'.') == []
`);
});

test('an open directory is listed whole and without doubles while it changes', async () => {
  await run(`
os.mkdir('busy'); os.chdir('busy')
stay = {f'stay-{i}' for i in range(2000)}
for name in stay: write(name)
for i in range(2000): write(f'go-{i}')
with os.scandir('.') as entries:
    seen = []
    for count, entry in enumerate(entries):
        seen.append(entry.name)
        if count < 2000:
            os.unlink(f'go-{count}'); write(f'new-{count}')
assert len(seen) == len(set(seen)), 'a name twice'
assert stay <= set(seen), 'a name missed'
`);
});

test('modes: set-id bits go when others write, sticky directories protect, chown drops privileges', async () => {
  await run(`
import pwd
def user(uid, work):
    def inside():
        os.setgroups([]); os.setgid(uid); os.setuid(uid)
        work()
    assert join(child(inside)) == 0
os.mkdir('modes'); os.chmod('modes', 0o1777); os.chdir('modes')
write('program'); os.chmod('program', 0o6777)
user(1001, lambda: write('program', b'changed'))
assert stat.S_IMODE(os.stat('program').st_mode) == 0o777
os.chmod('program', 0o6777)
user(1001, lambda: os.truncate('program', 0))
assert stat.S_IMODE(os.stat('program').st_mode) == 0o777
os.chmod('program', 0o6755); os.chown('program', 1001, 1001)
assert stat.S_IMODE(os.stat('program').st_mode) == 0o755
user(1001, lambda: write('mine'))
user(1002, lambda: refused(errno.EPERM, os.unlink, 'mine'))
user(1002, lambda: refused(errno.EPERM, os.rename, 'mine', 'theirs'))
user(1002, lambda: refused(errno.EPERM, os.chmod, 'mine', 0o777))
user(1002, lambda: refused(errno.EACCES, os.open, 'mine', os.O_WRONLY))
os.mkdir('group'); os.chown('group', 0, 1003); os.chmod('group', 0o2777)
user(1001, lambda: (write('group/file'), os.mkdir('group/below')))
assert os.stat('group/file').st_gid == 1003
assert (os.stat('group/below').st_gid, os.stat('group/below').st_mode & stat.S_ISGID) == (1003, stat.S_ISGID)
os.umask(0o027); write('masked', mode=0o666)
assert stat.S_IMODE(os.stat('masked').st_mode) == 0o640
`);
});

test('the one extended attribute tells of the export; others are refused and none is listed', async () => {
  await run(`
write('attributes')
assert os.listxattr('attributes') == []
assert os.getxattr('attributes', 'user.s3files.status')
refused(errno.ENODATA, os.getxattr, 'attributes', 'user.absent')
refused(errno.EOPNOTSUPP, os.setxattr, 'attributes', 'user.new', b'value')
refused(errno.ENODATA, os.removexattr, 'attributes', 'user.absent')
`);
});
