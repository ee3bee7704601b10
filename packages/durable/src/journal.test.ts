import { writeSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Journal } from './journal.ts';
import type { JournalFile, JournalOptions } from './journal.ts';
import { frame, SEGMENT_MAGIC } from './journal-format.ts';
import { systemClock } from './system-clock.ts';
import { VirtualClock } from './testing/index.ts';

let dir: string;
const log = vi.fn();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'journal-'));
  log.mockClear();
});
afterEach(() => rm(dir, { recursive: true }));

async function open(
  o: Partial<JournalOptions> = {},
): Promise<{ journal: Journal; records: unknown[] }> {
  const records: unknown[] = [];
  const journal = await Journal.open({ dir, clock: systemClock, log, ...o }, (record) =>
    records.push(JSON.parse(String(record))),
  );
  return { journal, records };
}

async function write(...records: unknown[]): Promise<void> {
  const { journal } = await open();
  for (const record of records) journal.append(record);
  await journal.durable();
  await journal.close();
}

const segment = (n: number): string => join(dir, `segment-0000000${n}`);

test('gives back what was appended, in order', async () => {
  await write({ a: 1 }, { a: 'ä€😀' });
  await write({ a: 3 });
  const { journal, records } = await open();
  expect(records).toEqual([{ a: 1 }, { a: 'ä€😀' }, { a: 3 }]);
  expect(journal.recovery.tornTail).toBeUndefined();
  await journal.close();
});

test('commits what is appended during a write together with the next', async () => {
  let writes = 0;
  const file: JournalFile = {
    write: async () => {
      writes++;
    },
    writeNow: () => {
      writes++;
    },
    truncate: async () => {},
    close: async () => {},
  };
  const { journal } = await open({ openFile: async () => file });
  writes = 0;
  for (let n = 0; n < 100; n++) journal.append({ n });
  const first = journal.durable();
  journal.append({ n: 100 });
  await Promise.all([first, journal.durable()]);
  expect(writes).toBeLessThanOrEqual(2);
  await journal.close();
});

test('waits for the disk itself as long as it is quick, and writes little', async () => {
  const clock = new VirtualClock(0);
  const made: string[] = [];
  let tookMs = 0;
  const file: JournalFile = {
    write: async () => {
      made.push('elsewhere');
      clock.advance(tookMs);
    },
    writeNow: () => {
      made.push('here');
      clock.advance(tookMs);
    },
    truncate: async () => {},
    close: async () => {},
  };
  const { journal } = await open({ openFile: async () => file, clock });
  const commit = async (ms: number, text = ''): Promise<void> => {
    tookMs = ms;
    journal.append({ text });
    await journal.durable();
  };
  made.length = 0;
  await commit(0);
  await commit(50);
  await commit(50);
  await commit(1);
  await commit(0);
  await commit(0, 'x'.repeat(100_000));
  expect(made).toEqual(['here', 'here', 'elsewhere', 'elsewhere', 'here', 'elsewhere']);
  await journal.close();
});

test('cuts a torn tail off at whatever byte the write stopped, and says so', async () => {
  await write({ n: 1 }, { n: 2 });
  const whole = await readFile(segment(1));
  const last = frame({ n: 2 }).length;
  for (let missing = 1; missing < last; missing++) {
    await writeFile(segment(1), whole.subarray(0, whole.length - missing));
    const { journal, records } = await open();
    expect(records).toEqual([{ n: 1 }]);
    expect(journal.recovery.tornTail).toMatchObject({ bytes: last - missing, recordsBeyond: 0 });
    journal.append({ n: 3 });
    await journal.durable();
    await journal.close();
    const again = await open();
    expect(again.records).toEqual([{ n: 1 }, { n: 3 }]);
    expect(again.journal.recovery.tornTail).toBeUndefined();
    await again.journal.close();
  }
});

test('keeps the bytes of a corrupted tail and counts the records beyond the damage', async () => {
  await write({ n: 1 }, { n: 2 }, { n: 3 });
  const bytes = await readFile(segment(1));
  const at = bytes.length - frame({ n: 3 }).length - 2;
  bytes[at]! ^= 0xff;
  await writeFile(segment(1), bytes);
  const { journal, records } = await open();
  expect(records).toEqual([{ n: 1 }]);
  const torn = journal.recovery.tornTail!;
  expect(torn).toMatchObject({ reason: 'a checksum does not match', recordsBeyond: 1 });
  expect(await readFile(torn.savedAs)).toEqual(bytes.subarray(bytes.length - torn.bytes));
  expect(log).toHaveBeenCalledWith(
    'error',
    expect.stringContaining('torn write'),
    expect.anything(),
  );
  await journal.close();
});

test('refuses to start over damage that newer segments follow', async () => {
  await write({ n: 1 });
  const bytes = await readFile(segment(1));
  await writeFile(segment(2), Buffer.concat([SEGMENT_MAGIC, frame({ n: 2 })]));
  bytes[bytes.length - 1]! ^= 0xff;
  await writeFile(segment(1), bytes);
  await expect(open()).rejects.toThrow(/segment-00000001 is damaged at byte 8 .* restore the file/);
});

test('one process at a time', async () => {
  const { journal } = await open();
  await expect(open()).rejects.toThrow(/in use by process \d+/);
  await journal.close();
  await writeFile(join(dir, 'lock'), '999999999 1');
  await (await open()).journal.close();
});

/** A disk that is full for a while. */
function failingDisk(): { full: boolean; openFile: (path: string) => Promise<JournalFile> } {
  const disk = {
    full: false,
    async openFile(path: string): Promise<JournalFile> {
      const { open: openReal } = await import('node:fs/promises');
      const writeNow = ({ fd }: { fd: number }, bytes: Uint8Array, position: number): void => {
        // Half of it gets through, as on a real disk.
        writeSync(fd, bytes, 0, disk.full ? bytes.length >> 1 : bytes.length, position);
        if (disk.full)
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      };
      const handle = await openReal(path, 'a').then(async (created) => {
        await created.close();
        return openReal(path, 'r+');
      });
      return {
        write: async (bytes, position) => writeNow(handle, bytes, position),
        writeNow: (bytes, position) => writeNow(handle, bytes, position),
        truncate: (length) => handle.truncate(length),
        close: () => handle.close(),
      };
    },
  };
  return disk;
}

test('a full disk stops the acknowledging; space brings it back, in order', async () => {
  const disk = failingDisk();
  const clock = new VirtualClock(0);
  const { journal } = await open({ openFile: disk.openFile, clock });
  journal.append({ n: 1 });
  await journal.durable();
  disk.full = true;
  journal.append({ n: 2 });
  await expect(journal.durable()).rejects.toThrow(/ENOSPC.*free some space/);
  expect(journal.stalled).toMatch(/ENOSPC/);
  journal.append({ n: 3 });
  await expect(journal.durable()).rejects.toThrow(/ENOSPC/);
  const eventually = journal.eventuallyDurable();
  disk.full = false;
  clock.advance(500);
  await vi.waitFor(() => expect(journal.stalled).toBeUndefined());
  clock.advance(500);
  await eventually;
  await journal.close();
  const again = await open();
  expect(again.records).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(again.journal.recovery.tornTail).toBeUndefined();
  await again.journal.close();
});

test('killed while the disk is full, it knows what was acknowledged and no more', async () => {
  const disk = failingDisk();
  const { journal } = await open({ openFile: disk.openFile, clock: new VirtualClock(0) });
  journal.append({ n: 1 });
  await journal.durable();
  disk.full = true;
  journal.append({ n: 2 });
  await expect(journal.durable()).rejects.toThrow(/ENOSPC/);
  await journal.close();
  const again = await open();
  expect(again.records).toEqual([{ n: 1 }]);
  expect(again.journal.recovery.tornTail).toBeDefined();
  await again.journal.close();
});

test('a snapshot replaces the segments before it while records go on being written', async () => {
  const { journal } = await open();
  for (let n = 0; n < 50; n++) journal.append({ n });
  await journal.durable();
  expect(journal.wantsCompaction(100)).toBe(true);
  function* state(): Iterable<unknown> {
    yield { state: 'a' };
    journal.append({ during: 1 });
    yield { state: 'b' };
  }
  await journal.compact(state());
  journal.append({ after: 1 });
  await journal.durable();
  await journal.close();
  expect((await readdir(dir)).sort()).toEqual(['segment-00000002', 'snapshot-00000002']);
  const { journal: again, records } = await open();
  expect(records).toEqual([{ state: 'a' }, { state: 'b' }, { during: 1 }, { after: 1 }]);
  await again.close();
});

test('a snapshot can be taken while the writer never rests', async () => {
  const { journal } = await open();
  let n = 0;
  const writer = { resting: false };
  const busy = (async () => {
    while (!writer.resting) {
      journal.append({ n: n++ });
      const before = journal.durable();
      journal.append({ n: n++ });
      await before;
    }
  })();
  await journal.compact([{ state: 1 }]);
  writer.resting = true;
  await busy;
  await journal.durable();
  await journal.close();
  const { journal: again, records } = await open();
  const after = records.slice(1) as { n: number }[];
  expect(records[0]).toEqual({ state: 1 });
  expect(after.map((record) => record.n)).toEqual(after.map((_record, i) => after[0]!.n + i));
  expect(after.at(-1)).toEqual({ n: n - 1 });
  await again.close();
});

test('a snapshot that was not finished is as if it had never been begun', async () => {
  await write({ n: 1 });
  await writeFile(join(dir, 'snapshot-2.tmp'), 'half');
  await writeFile(segment(2), '');
  const { journal, records } = await open();
  expect(records).toEqual([{ n: 1 }]);
  expect((await readdir(dir)).sort()).toEqual(['lock', 'segment-00000001']);
  await journal.close();
});
