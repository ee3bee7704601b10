/** `user.s3files.status` on a mount: there for who asks, in nobody's way who copies a tree with its attributes. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 120_000 });

let served: ServedBucket;
beforeAll(async () => {
  served = await ServedBucket.start({ quietMs: 3_600_000, maxAgeMs: 3_600_000 });
});
afterAll(() => served.close());

const python = (script: string): string =>
  `python3 - <<'END'\nimport errno, os, shutil\n${script}\nEND`;
/** What getfattr prints; the suffix is there to get past the kernel's cache. */
const status = (path: string): Promise<string> =>
  served.out(
    python(`print(os.getxattr('${path}', 'user.s3files.status;1700000000').decode(), end='')`),
  );

test('tells the object, the state, the version and when', async () => {
  await served.out('echo one > f; mkdir d; ln -s f link');
  expect(await status('f')).toBe('S3Key: \nState: pending\n');
  await served.server.sync();
  const { versionId } = (await served.bucket.head('f'))!;
  expect(await status('f')).toMatch(
    new RegExp(`^S3Key: s3://work/f\nState: synced\nVersionId: ${versionId}\nLastSynced: .*Z\n$`),
  );
  expect(await status('d')).toContain('S3Key: s3://work/d/\nState: synced\n');
  await served.out('echo two > f');
  expect(await status('f')).toContain('S3Key: s3://work/f\nState: pending\n');
  // A name that cannot be a key.
  await served.out(python(`open(b'bad-\\xff', 'w').close()`));
  await expect(served.server.sync()).rejects.toMatchObject({ code: 'NOT_SYNCED' });
  const failed = await served.out(
    python(`print(os.getxattr(b'bad-\\xff', 'user.s3files.status').decode(), end='')`),
  );
  expect(failed).toBe('S3Key: \nExportError: NameNotUtf8\nState: failed\n');
  await served.out('rm bad-*');
});

test('an object that only a listing has shown has its version too', async () => {
  await served.bucket.put('from-outside/g', Buffer.from('g'));
  const { versionId } = (await served.bucket.head('from-outside/g'))!;
  expect(await status('from-outside/g')).toContain(`State: synced\nVersionId: ${versionId}\n`);
});

test('is not listed, cannot be set or removed, and nor can others', async () => {
  const out = await served.out(
    python(`
print(os.listxattr('f'), os.listxattr('d'))
def refused(call, *arguments):
    try: call(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
print(refused(os.setxattr, 'f', 'user.s3files.status', b'x'))
print(refused(os.removexattr, 'f', 'user.s3files.status'))
print(refused(os.setxattr, 'f', 'user.mine', b'x'))
print(refused(os.getxattr, 'f', 'user.mine'), refused(os.removexattr, 'f', 'user.mine'))`),
  );
  expect(out).toBe('[] []\nENOTSUP\nENOTSUP\nENOTSUP\nENODATA ENODATA\n');
});

test('trees are copied with their attributes: cp -a, rsync -X, shutil.copytree', async () => {
  await served.out('mkdir -p tree/sub; echo 1 > tree/a; echo 2 > tree/sub/b; ln -s a tree/l');
  // From another file system, where an attribute may be set.
  await served.out(
    `mkdir $SCRATCH/from; echo x > $SCRATCH/from/x; ${python(`
try: os.setxattr(os.environ['SCRATCH'] + '/from/x', 'user.mine', b'1')
except OSError: pass`)}`,
  );
  const out = await served.out(`
    cp -a tree copied && rsync -aX tree/ synced/
    ${python(`shutil.copytree('tree', 'python', symlinks=True)`)}
    ${python(`shutil.copytree(os.environ['SCRATCH'] + '/from', 'from')`)}
    cp -a tree $SCRATCH/back && rsync -aX tree/ $SCRATCH/back2/ && cp -a $SCRATCH/from from2
    for copy in copied synced python $SCRATCH/back $SCRATCH/back2; do diff -r tree $copy && echo same; done
    cat from/x from2/x`);
  expect(out.replace(/^cp: .*user\.mine.*\n/gm, '')).toBe('same\n'.repeat(5) + 'x\nx\n');
});
