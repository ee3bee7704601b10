/** The tools people copy with: onto the mount, off it again, and nothing but hard links differs. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

let mount: ServedMount;
beforeAll(async () => {
  mount = await ServedMount.start();
  await run(makeSource);
});
afterAll(() => mount.close());

const run = (program: string): Promise<string> =>
  python(mount.mountPoint, program, { scratch: mount.scratch, msMax: 120_000 });

/** Everything a tree can hold but hard links and devices, on the machine's own file system. */
const makeSource = `
os.chdir(os.environ['SCRATCH'])
os.mkdir('source'); os.chdir('source')
for mode in [0o600, 0o640, 0o755, 0o4755, 0o2711, 0o444, 0o000]:
    write(f'mode-{mode:o}', b'text'); os.chmod(f'mode-{mode:o}', mode)
write('empty'); write('large', os.urandom(5_000_001)); write('text', b'line\\n' * 1000)
for name in [b'sp ace', b'new\\nline', 'é'.encode(), b'\\xff\\xfe', b'-dash', b'a' * 255]: write(name, name)
os.makedirs('deep/er/still'); write('deep/er/still/file', b'x'); os.mkdir('hollow'); os.mkdir('sticky'); os.chmod('sticky', 0o1777)
os.symlink('text', 'link'); os.symlink('/nowhere/at all', 'dangling'); os.symlink('deep/er', 'link-to-directory')
os.mkfifo('fifo')
fd = os.open('sparse', os.O_CREAT | os.O_WRONLY); os.pwrite(fd, b'a', 0); os.pwrite(fd, b'z', 30_000_000); os.close(fd)
write('owned'); os.chown('owned', 1234, 4321)
for i in range(200): write(f'deep/{i}', str(i).encode())
for index, (base, directories, files) in enumerate(os.walk('.', topdown=False)):
    for name in files + directories:
        os.utime(os.path.join(base, name), ns=(1_500_000_000_000_000_000 + index, 1_600_000_000_123_456_789 + hash(name) % 1000), follow_symlinks=False)
`;

const compare = `
import hashlib
def manifest(root, fifos=True):
    found = {}
    for base, directories, files in os.walk(os.fsencode(root)):
        for name in directories + files:
            path = os.path.join(base, name)
            at = os.lstat(path)
            kind = stat.S_IFMT(at.st_mode)
            entry = [at.st_mode, at.st_uid, at.st_gid, at.st_mtime_ns]
            if kind == stat.S_IFREG: entry += [at.st_size, hashlib.sha256(read(path)).hexdigest()]
            if kind == stat.S_IFLNK: entry += [os.readlink(path)]
            if kind == stat.S_IFIFO and not fifos: continue
            found[os.path.relpath(path, os.fsencode(root))] = entry
    return found
def same(one, two, **o):
    a, b = manifest(one, **o), manifest(two, **o)
    different = {name: (a.get(name), b.get(name)) for name in a.keys() | b.keys() if a.get(name) != b.get(name)}
    assert not different, (len(different), sorted(different.items())[:3])
scratch = os.environ['SCRATCH']
source = scratch + '/source'
def tool(*command): subprocess.run(command, check=True)
`;

test('cp -a', async () => {
  await run(`${compare}
tool('cp', '-a', source, 'cp')
same(source, 'cp')
tool('cp', '-a', 'cp', scratch + '/cp'); same(source, scratch + '/cp')
tool('cp', '-a', 'cp', 'cp-again'); same(source, 'cp-again')
tool('rm', '-r', 'cp-again')
`);
});

test('rsync -aX, twice, with nothing to do the second time', async () => {
  await run(`${compare}
tool('rsync', '-aX', source + '/', 'rsync/')
same(source, 'rsync')
again = subprocess.run(['rsync', '-aXi', source + '/', 'rsync/'], check=True, capture_output=True)
assert again.stdout == b'', again.stdout
tool('rsync', '-aX', 'rsync/', scratch + '/rsync/'); same(source, scratch + '/rsync')
os.unlink('rsync/text')
tool('rsync', '-aX', '--delete', '--inplace', source + '/', 'rsync/'); same(source, 'rsync')
`);
});

test("Python's copytree", async () => {
  await run(`${compare}
ignore = shutil.ignore_patterns('fifo')
shutil.copytree(source, 'copytree', symlinks=True, ignore=ignore)
for name in ['owned']: os.chown('copytree/' + name, 1234, 4321)
os.utime('copytree', ns=(0, 0))
same(source, 'copytree', fifos=False)
shutil.copytree('copytree', scratch + '/copytree', symlinks=True)
os.chown(scratch + '/copytree/owned', 1234, 4321)
same(source, scratch + '/copytree', fifos=False)
shutil.rmtree('copytree')
`);
});

test('tar, and mv between file systems', async () => {
  await run(`${compare}
tool('sh', '-c', 'mkdir tar && tar -C "$0" --format=posix --numeric-owner -c . | tar -xpC tar --numeric-owner', source)
same(source, 'tar')
tool('mv', 'tar', scratch + '/tar'); same(source, scratch + '/tar')
assert not os.path.lexists('tar')
tool('mv', scratch + '/tar', 'back'); same(source, 'back')
`);
});

test('a copy comes through its export unchanged; a name that cannot be a key is told of', async () => {
  await run(`${compare}
tool('cp', '-a', source, 'exported')
`);
  await expect(mount.server.sync()).rejects.toThrow('cannot be a key');
  await run(`${compare}
same(source, 'exported')
for tree in ['cp', 'rsync', 'back']: shutil.rmtree(tree)
os.unlink(b'exported/\\xff\\xfe')
`);
  await mount.server.sync();
  const { objects } = await mount.bucket.list({ prefix: 'exported/deep/' });
  // 200 files, one in deep/er/still, the markers of three directories.
  expect(objects).toHaveLength(204);
});
