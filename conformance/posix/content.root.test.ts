/** Bytes: mappings, sparse files, holes, direct and concurrent writes. Part of it goes through two access points. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

let mount: ServedMount;
let args: string[];
beforeAll(async () => {
  // A file of 1 TiB is not to be exported.
  mount = await ServedMount.start({
    quietMs: 3_600_000,
    maxAgeMs: 3_600_000,
    accessPoints: [{ id: 'fsap-other', rootPath: '/' }],
  });
  args = (await mount.server.status()).accessPoints.map((point) => point.path);
});
afterAll(() => mount.close());

/** `other` is the root as an access point sees it. */
const run = (program: string): Promise<string> =>
  python(mount.mountPoint, `other = sys.argv[1] + '/'\n${program}`, { args });

test('a shared mapping writes the file, a private one does not', async () => {
  await run(`
size = 5 * 4096 + 100
write('mapped', b'.' * size)
fd = os.open('mapped', os.O_RDWR)
shared = mmap.mmap(fd, 0)
shared[0:5] = b'first'; shared[9000:9004] = b'deep'; shared[size - 4:] = b'last'
shared.flush()
text = read('mapped')
assert text[:5] == b'first' and text[9000:9004] == b'deep' and text[-4:] == b'last' and len(text) == size
assert read(other + 'mapped') == text
os.pwrite(fd, b'by write', 4096)
assert shared[4096:4104] == b'by write'
private = mmap.mmap(fd, 0, mmap.MAP_PRIVATE)
private[0:5] = b'XXXXX'
assert read('mapped')[:5] == b'first' and shared[:5] == b'first' and private[:5] == b'XXXXX'
shared[100:104] = b'kept'
shared.close(); private.close(); os.close(fd)
until(lambda: read(other + 'mapped')[100:104] == b'kept', 'what was mapped is there after the mapping is gone')
before = os.stat('mapped').st_mtime_ns
fd = os.open('mapped', os.O_RDWR); shared = mmap.mmap(fd, 0)
time.sleep(0.02); shared[0:1] = b'F'; shared.flush()
assert os.stat('mapped').st_mtime_ns > before
`);
});

test('a mapping between two processes; beyond the end it is SIGBUS', async () => {
  await run(`
write('pair', bytes(4096))
def answer():
    mapping = mmap.mmap(os.open('pair', os.O_RDWR), 4096)
    until(lambda: mapping[0] == 1, 'asked')
    mapping[1] = 2
pid = child(answer)
mapping = mmap.mmap(os.open('pair', os.O_RDWR), 4096)
mapping[0] = 1
until(lambda: mapping[1] == 2, 'answered')
assert join(pid) == 0
def beyond():
    write('short', b'x' * 8192)
    mapping = mmap.mmap(os.open('short', os.O_RDWR), 8192)
    os.truncate('short', 100)
    assert mapping[50] == 120 and mapping[200] == 0
    mapping[5000]
assert join(child(beyond)) == -signal.SIGBUS
`);
});

test('a file of 1 TiB takes no space; its holes are found', async () => {
  await run(`
TiB = 1 << 40
fd = os.open('sparse', os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, TiB)
assert os.fstat(fd).st_size == TiB and os.fstat(fd).st_blocks < 100
os.pwrite(fd, b'end', TiB - 3)
os.pwrite(fd, b'middle', TiB // 2)
assert os.pread(fd, 10, TiB - 5) == bytes(2) + b'end'
assert os.pread(fd, 8, TiB // 2 - 1) == bytes(1) + b'middle' + bytes(1)
assert os.pread(fd, 4096, TiB // 4) == bytes(4096)
assert os.fstat(fd).st_blocks < 10_000
data = os.lseek(fd, 0, os.SEEK_DATA)
assert TiB // 2 - (1 << 22) <= data <= TiB // 2, data
hole = os.lseek(fd, data, os.SEEK_HOLE)
assert TiB // 2 < hole <= TiB // 2 + (1 << 22), hole
assert os.lseek(fd, TiB - 1, os.SEEK_HOLE) == TiB
assert os.lseek(fd, 5, os.SEEK_HOLE) == 5
refused(errno.ENXIO, os.lseek, fd, TiB, os.SEEK_DATA)
os.ftruncate(fd, TiB // 2 + 3)
assert os.pread(fd, 10, TiB // 2) == b'mid'
os.ftruncate(fd, TiB)
assert os.pread(fd, 6, TiB // 2) == b'mid' + bytes(3)
refused(errno.ENXIO, os.lseek, fd, TiB // 2 + (1 << 22), os.SEEK_DATA)
os.close(fd); os.unlink('sparse')
`);
});

test('punched and zeroed ranges, allocation past the end and inside', async () => {
  await run(`
KEEP, PUNCH, ZERO, COLLAPSE = 1, 2, 16, 8
def fallocate(fd, mode, offset, length):
    if libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)) != 0:
        raise OSError(ctypes.get_errno(), 'fallocate')
for size in [20_000, 3_000_000]:
    text = bytearray(os.urandom(size))
    write('punched', text)
    fd = os.open('punched', os.O_RDWR)
    fallocate(fd, PUNCH | KEEP, 5000, 7001); text[5000:12001] = bytes(7001)
    fallocate(fd, ZERO, 15_000, 10); text[15_000:15_010] = bytes(10)
    assert read('punched') == text
    until(lambda: read(other + 'punched') == text, 'seen through the other')
    fallocate(fd, KEEP, 0, 2 * size)
    assert os.fstat(fd).st_size == size
    os.posix_fallocate(fd, size, 1000)
    assert read('punched') == text + bytes(1000)
    refused(errno.EOPNOTSUPP, fallocate, fd, COLLAPSE, 0, 4096)
    os.close(fd)
`);
});

test('appends of several processes through both access points are not torn or lost', async () => {
  await run(`
write('log')
def append(path, who):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    for i in range(200): os.write(fd, f'{who} {i:04} {"x" * 100}\\n'.encode())
pids = [child(lambda: append(path, who)) for who, path in enumerate(['log', other + 'log', 'log', other + 'log'])]
assert [join(pid) for pid in pids] == [0] * 4
until(lambda: len(read('log')) == 800 * 108, 'everything was appended')
lines = read('log').decode().splitlines()
assert sorted(lines) == sorted(f'{who} {i:04} {"x" * 100}' for who in range(4) for i in range(200))
for who in '0123':
    assert [line for line in lines if line[0] == who] == sorted(line for line in lines if line[0] == who)
`);
});

test('of many who create the same name exclusively one wins', async () => {
  await run(`
os.mkdir('race')
def claim(place):
    for i in range(100):
        try:
            fd = os.open(f'{place}race/{i}', os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            os.write(fd, str(os.getpid()).encode()); os.close(fd)
            os.write(won[1], f'{i}\\n'.encode())
        except FileExistsError: pass
won = os.pipe()
pids = [child(lambda: claim(place)) for place in ['', other, '', other]]
assert [join(pid) for pid in pids] == [0] * 4
os.close(won[1])
winners = os.fdopen(won[0]).read().split()
assert sorted(winners, key=int) == [str(i) for i in range(100)], winners
`);
});

test('direct, vectored, positioned and copied bytes are the same bytes', async () => {
  await run(`
block = mmap.mmap(-1, 1 << 20)
block[:] = os.urandom(1 << 20)
fd = os.open('direct', os.O_RDWR | os.O_CREAT | os.O_DIRECT)
assert os.pwritev(fd, [block], 0) == 1 << 20
back = mmap.mmap(-1, 1 << 20)
assert os.preadv(fd, [back], 0) == 1 << 20 and back[:] == block[:]
assert read('direct') == block[:]
plain = os.open('direct', os.O_RDWR)
os.pwrite(plain, b'through the cache', 100)
os.preadv(fd, [back], 0)
assert back[100:117] == b'through the cache'
copy = os.open('copy', os.O_RDWR | os.O_CREAT)
done = 0
while done < 1 << 20: done += os.copy_file_range(plain, copy, (1 << 20) - done, done, done)
assert read('copy') == read('direct')
sent = os.open('sent', os.O_RDWR | os.O_CREAT)
done = 0
while done < 1 << 20: done += os.sendfile(sent, plain, done, (1 << 20) - done)
assert read('sent') == read('direct')
os.pwritev(copy, [b'a', b'', b'bc'], (1 << 20) - 1)
assert read('copy')[-3:] == b'abc'
`);
});

test('who only writes is seen by readers and mappings, and keeps what a mapping wrote beside it', async () => {
  await run(`
write('shared', b'.' * 300_000)
both = os.open('shared', os.O_RDWR)
mapped = mmap.mmap(both, 300_000)
assert mapped[5000:5003] == b'...' and os.pread(both, 3, 200_000) == b'...'
mapped[5000:5005] = b'mine!'
only = os.open('shared', os.O_WRONLY)
os.pwrite(only, b'theirs', 5005); os.pwrite(only, b'far', 200_000)
assert mapped[4999:5012] == b'.mine!theirs.', mapped[4999:5012]
assert os.pread(both, 3, 200_000) == b'far'
refused(errno.EBADF, os.pread, only, 1, 0)
os.ftruncate(only, 100); assert os.fstat(both).st_size == 100 and os.pread(both, 10, 95) == b'.....'
os.pwrite(only, b'z' * (3 << 20), 50); assert os.fstat(both).st_size == 50 + (3 << 20)
assert read('shared') == b'.' * 50 + b'z' * (3 << 20)
`);
});

test('the sizes at which content changes its place', async () => {
  const out = await run(`
import hashlib
os.mkdir('sizes')
edges = [0, 1, 511, 512, 513, 4095, 4096, 4097, 16384, 32768, 65535, 65536, 65537, 131072, 1 << 20, (4 << 20) - 1, (4 << 20) + 1]
for size in edges:
    text = os.urandom(size)
    write(f'sizes/{size}', text)
    assert read(f'sizes/{size}') == text
    for target in edges:
        fd = os.open(f'sizes/{size}', os.O_RDWR)
        os.ftruncate(fd, target)
        expected = text[:target] + bytes(max(0, target - size))
        assert os.pread(fd, target + 1, 0) == expected, (size, target)
        os.ftruncate(fd, 0); os.pwrite(fd, text, 0)
        os.close(fd)
print('done')
`);
  expect(out).toBe('done\n');
});
