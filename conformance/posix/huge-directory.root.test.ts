import { afterAll, beforeAll, expect, test } from 'vitest';
import { python } from './python.ts';
import { ServedMount } from './served-mount.ts';

let mount: ServedMount;
beforeAll(async () => {
  // Not exported in the meantime: that is the business of other tests.
  mount = await ServedMount.start({ quietMs: 3_600_000, maxAgeMs: 3_600_000 });
});
afterAll(() => mount.close());

test('a directory of 100,000 entries', { timeout: 300_000 }, async () => {
  const out = await python(
    mount.mountPoint,
    `
os.mkdir('huge'); os.chdir('huge')
count = 100_000
for i in range(count): os.mknod(f'{i:06}')
names = os.listdir('.')
assert len(names) == count and set(names) == {f'{i:06}' for i in range(count)}
for i in range(0, count, 997): assert os.stat(f'{i:06}').st_size == 0
refused(errno.ENOENT, os.stat, 'absent')
refused(errno.EEXIST, os.mknod, '099999')
refused(errno.ENOTEMPTY, os.rmdir, '../huge')
os.rename('050000', '../moved')
os.unlink('050001')
left = set(names) - {'050000', '050001'}
assert set(os.listdir('.')) == left
print('done')
`,
    { msMax: 280_000 },
  );
  expect(out).toBe('done\n');
});
