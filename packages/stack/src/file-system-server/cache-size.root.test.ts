/** A cache smaller than what is read and written, on a real mount: what goes, what stays, and that nobody notices. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ServedBucket } from './testing/served-bucket.ts';

vi.setConfig({ testTimeout: 180_000 });

const mebibyte = 1 << 20;
const cacheBytesMax = 24 * mebibyte;
const fileBytes = 8 * mebibyte;

let served: ServedBucket;
beforeEach(async () => {
  served = await ServedBucket.start({ cacheBytesMax });
});
afterEach(() => served.close());

function content(name: string): Buffer {
  return Buffer.alloc(fileBytes, `this is a line of ${name}\n`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What the files of the cache take on disk; their directories are not counted by the limit. */
async function cachedBytes(): Promise<number> {
  const { out } = await served.run(
    "find content -type f -printf '%b\\n' | awk '{ blocks += $1 } END { print blocks * 512 }'",
    { in: served.dataDir },
  );
  return Number(out);
}

async function eventuallyFits(): Promise<void> {
  await vi.waitFor(async () => expect(await cachedBytes()).toBeLessThanOrEqual(cacheBytesMax), {
    timeout: 60_000,
    interval: 200,
  });
}

test('more is read than fits: bytes are right, also those of open and of mapped files', async () => {
  expect(existsSync(join(served.dataDir, 'content'))).toBe(true);
  const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
  for (const name of names) await served.bucket.put(`d/${name}`, content(name));
  // Both keep their file open while all others go through the cache: one reads, one has mapped it.
  const reader = `
import hashlib, mmap, os, sys
held = os.open('d/f0', os.O_RDONLY)
os.pread(held, 4096, 0)
with open('d/f1', 'rb') as file: mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
mapped[:4096]
def digest(read):
    h = hashlib.sha256()
    for at in range(0, ${fileBytes}, 65536): h.update(read(at))
    print(h.hexdigest())
for _ in range(2):
    for i in range(2, 12):
        with open(f'd/f{i}', 'rb') as file:
            digest(lambda at: os.pread(file.fileno(), 65536, at))
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    digest(lambda at: os.pread(held, 65536, at))
    digest(lambda at: mapped[at:at + 65536])
    os.posix_fadvise(held, 0, 0, os.POSIX_FADV_DONTNEED)
`;
  const out = await served.out(`python3 - <<'PYTHON'\n${reader}PYTHON`, { msMax: 120_000 });
  const order = [...names.slice(2), 'f0', 'f1'];
  const expected = order.map((name) => sha256(content(name)));
  expect(out.trim().split('\n')).toEqual([...expected, ...expected]);
  await eventuallyFits();
  expect(await served.out('ls d | wc -l; stat -c %s d/f5')).toBe(`12\n${fileBytes}\n`);
});

test('what is not in the bucket yet never goes, however much it is', async () => {
  await served.out('ls');
  await served.stopS3();
  const write = (name: string): string =>
    `yes 'this is a line of ${name}' | head -c ${fileBytes} > ${name}`;
  const names = ['a', 'b', 'c', 'd', 'e'];
  await served.out(names.map(write).join('\n'));
  const digest = async (): Promise<string[]> =>
    (await served.out(`sha256sum ${names.join(' ')} | cut -d' ' -f1`)).trim().split('\n');
  const expected = names.map((name) => sha256(content(name)));
  expect(await digest()).toEqual(expected);
  expect(await cachedBytes()).toBeGreaterThan(cacheBytesMax);
  await served.startS3();
  await served.server.sync();
  await eventuallyFits();
  expect(await digest()).toEqual(expected);
});
