/**
 * Open files, on both kinds of mounts: with access points every open and close is told to the file system; without
 * them the kernel opens and closes by itself, and what is unlinked lives until the kernel forgets it.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

const kinds = {
  'with access points': { accessPoints: [{ id: 'fsap-other', rootPath: '/' }] },
  'without access points': {},
};

describe.each(Object.entries(kinds))('%s', (kind, options) => {
  let mount: ServedMount;
  beforeAll(async () => {
    mount = await ServedMount.start(options);
  });
  afterAll(() => mount.close());
  const run = (program: string): Promise<string> =>
    python(mount.mountPoint, program, { args: [mount.cacheDirectory] });

  test('a file stays itself while it is open: unlinked, replaced, moved, its mode taken away', async () => {
    await run(`
os.mkdir('open'); os.chdir('open')
write('gone', b'kept'); fd = os.open('gone', os.O_RDWR); os.unlink('gone')
os.pwrite(fd, b'still', 0)
assert os.pread(fd, 10, 0) == b'still' and os.fstat(fd).st_nlink == 0
os.fsync(fd); os.ftruncate(fd, 100_000); assert os.fstat(fd).st_size == 100_000
assert read(f'/proc/self/fd/{fd}')[:5] == b'still'
write('old', b'old'); write('new', b'new'); fd = os.open('old', os.O_RDWR); os.rename('new', 'old')
assert os.pread(fd, 10, 0) == b'old' and read('old') == b'new'
os.mkdir('d'); write('d/f', b'in d'); fd = os.open('d/f', os.O_RDONLY); os.rename('d', 'e')
assert os.pread(fd, 10, 0) == b'in d'
write('closed', b'x'); fd = os.open('closed', os.O_RDWR); os.fchmod(fd, 0)
os.pwrite(fd, b'y', 0); assert os.pread(fd, 1, 0) == b'y'
os.mkdir('cwd'); os.chdir('cwd'); os.rmdir('../cwd')
refused(errno.ENOENT, os.open, 'x', os.O_CREAT | os.O_WRONLY)
`);
  });

  test('an open that truncates does so at once, for everybody who has the file open', async () => {
    await run(`
write('t', b'x' * 300_000); fd = os.open('t', os.O_RDONLY); m = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
os.close(os.open('t', os.O_WRONLY | os.O_TRUNC))
assert os.fstat(fd).st_size == 0 and os.pread(fd, 10, 0) == b''
os.close(os.open('t', os.O_RDWR)); write('t', b'new'); assert os.pread(fd, 10, 0) == b'new'
os.chmod('t', 0o4755); os.chown('t', 1234, 1234)
def bob():
    os.setgroups([]); os.setgid(1234); os.setuid(1234)
    os.close(os.open('t', os.O_WRONLY | os.O_TRUNC))
os.chmod('t', 0o4755); assert join(child(bob)) == 0
assert os.stat('t').st_size == 0 and stat.S_IMODE(os.stat('t').st_mode) == 0o755
`);
  });

  test('the bytes of a removed file go with its last descriptor or mapping', async () => {
    await run(`
def cached():
    return sum(os.stat(os.path.join(at, name)).st_blocks * 512
               for at, _, names in os.walk(sys.argv[1]) for name in names)
before = cached()
write('large', b'x' * (8 << 20))
first = os.open('large', os.O_RDONLY); second = os.open('large', os.O_RDONLY)
mapped = mmap.mmap(first, 8 << 20, prot=mmap.PROT_READ)
os.unlink('large'); os.close(first)
assert os.pread(second, 4, 4 << 20) == b'xxxx'
os.close(second)
time.sleep(0.5)
assert mapped[-4:] == b'xxxx' and cached() >= before + (8 << 20)
mapped.close()
until(lambda: cached() < before + (1 << 20), 'its space is free')
`);
  });

  test('a file that may be read is read without asking, once it has been', async () => {
    const operations = async (): Promise<number> => {
      const { traffic } = await mount.server.metrics();
      return Object.values(traffic).reduce((sum, counts) => sum + counts.operations, 0);
    };
    const readTimes = (times: number): Promise<string> =>
      run(`
if not os.path.exists('hot'): write('hot', b'hot')
for _ in range(${times}):
    fd = os.open('hot', os.O_RDONLY); assert os.read(fd, 10) == b'hot'; os.close(fd)
`);
    await readTimes(2);
    const before = await operations();
    await readTimes(500);
    const asked = (await operations()) - before;
    // OPEN, FLUSH and RELEASE of each, or the names and attributes that are looked at again now and then.
    if (kind === 'with access points') expect(asked).toBeGreaterThan(1_500);
    else expect(asked).toBeLessThan(100);
  });
});
