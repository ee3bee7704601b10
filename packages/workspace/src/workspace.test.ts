import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  claimAgentDirectory,
  openAttempt,
  verifyDone,
  writeAttemptFile,
  writeDone,
} from './agent-directory.ts';
import { writeFileAtomic, writeReferenced } from './atomic-file.ts';
import { runLayout, type RunLayout } from './layout.ts';
import { acquireLease } from './lease.ts';
import { IntegrityError, readManifest, readReferenced, writeManifest } from './manifest.ts';
import { publish, stage, stagingDirectory } from './publish.ts';
import { isRunId, newRunId } from './run-id.ts';
import { readRunRecord, writeRunRecord } from './run-record.ts';

let root: string;
let layout: RunLayout;

const runId = (now: number): string =>
  newRunId({ clock: () => now, random: (bytes) => void globalThis.crypto.getRandomValues(bytes) });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'workspace-'));
  layout = runLayout(root, runId(0));
  mkdirSync(layout.agents, { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('run ids', () => {
  test('sort by time and do not repeat', () => {
    const times = [0, 1, 999, 1000, 1_790_000_000_000, 1_790_000_000_001];
    const ids = times.map(runId);
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(Array.from({ length: 1000 }, () => runId(5))).size).toBe(1000);
    expect(ids.every(isRunId)).toBe(true);
  });

  test.each(['', '..', '../x', `${runId(0)}/..`, runId(0).toUpperCase(), `${runId(0)}\n`, 'a/b'])(
    '%j is not one',
    (text) => {
      expect(isRunId(text)).toBe(false);
      expect(() => runLayout(root, text)).toThrow(RangeError);
    },
  );
});

describe('atomic files', () => {
  test('are replaced whole: a reader sees the old or the new content', async () => {
    const path = join(root, 'f');
    const contents = ['a', 'b'].map((character) => character.repeat(100_000));
    await writeFileAtomic(path, contents[0] ?? '');
    for (let round = 0; round < 40; round++) {
      const writing = writeFileAtomic(path, contents[round % 2] ?? '');
      for (let read = 0; read < 20; read++) {
        expect(contents).toContain(readFileSync(path, 'utf8'));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writing;
    }
    expect(readdirSync(root).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('leave nothing behind when they fail', async () => {
    mkdirSync(join(root, 'directory/full'), { recursive: true });
    await expect(writeFileAtomic(join(root, 'directory'), 'x')).rejects.toThrow();
    expect(readdirSync(root).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

test('a run record is absent, or whole', async () => {
  expect(await readRunRecord(layout.record)).toBeNull();
  const record = { runId: layout.runId, status: 'running', startedAt: 1, updatedAt: 2 } as const;
  await writeRunRecord(layout.record, record);
  expect(await readRunRecord(layout.record)).toEqual(record);
});

describe('references', () => {
  test('a manifest comes back only with the bytes that were referenced', async () => {
    const manifest = { repository: 'r', revision: 'main', commit: 'c', files: [], skipped: [] };
    const reference = await writeManifest(layout.directory, manifest);
    expect(await readManifest(layout.directory, reference)).toEqual(manifest);
    writeFileSync(layout.manifest, JSON.stringify({ ...manifest, commit: 'd' }));
    await expect(readManifest(layout.directory, reference)).rejects.toThrow(IntegrityError);
  });

  test('cannot lead out of the run', async () => {
    const reference = await writeReferenced(layout.directory, 'agents/x', 'x');
    for (const path of ['../x', '/etc/passwd', 'agents/../../x']) {
      await expect(readReferenced(layout.directory, { ...reference, path })).rejects.toThrow(
        IntegrityError,
      );
    }
  });
});

describe('agents', () => {
  test('an agent is done when its marker and all its files verify', async () => {
    const directory = await claimAgentDirectory(layout, 'style');
    expect(await claimAgentDirectory(layout, 'style')).toBe(directory);
    await expect(verifyDone(layout, 'style')).rejects.toThrow(IntegrityError);
    const attempt = await openAttempt(directory);
    const file = await writeAttemptFile(layout, attempt, 'findings.jsonl', 'one\n');
    const done = await writeDone(layout, { agent: 'style', attempt: 1, files: [file], summary: 7 });
    const { marker, files } = await verifyDone<number>(layout, 'style', done);
    expect(marker.summary).toBe(7);
    expect(files.get('findings.jsonl')?.toString()).toBe('one\n');

    writeFileSync(join(attempt.directory, 'findings.jsonl'), 'two\n');
    await expect(verifyDone(layout, 'style', done)).rejects.toThrow('findings.jsonl');
  });

  test('a marker cannot name files of another agent', async () => {
    const other = await openAttempt(await claimAgentDirectory(layout, 'other'));
    const file = await writeAttemptFile(layout, other, 'f', 'x');
    await claimAgentDirectory(layout, 'style');
    await writeDone(layout, { agent: 'style', attempt: 1, files: [file], summary: null });
    await expect(verifyDone(layout, 'style')).rejects.toThrow("is not style's");
  });

  test('attempts at the same time get different directories', async () => {
    const directory = await claimAgentDirectory(layout, 'style');
    const attempts = await Promise.all(Array.from({ length: 8 }, () => openAttempt(directory)));
    expect(attempts.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  test.each(['..', 'a/b', '', 'A', '.hidden'])('%j is no name of an agent', (name) => {
    expect(() => layout.agent(name)).toThrow(RangeError);
  });
});

describe('publication', () => {
  const files = new Map([
    ['a', '1'],
    ['b', '2'],
  ]);

  test('is whole, repeatable, and replaces the former one', async () => {
    const references = await stage(layout.report, files);
    expect(references.map(({ path }) => path)).toEqual(['report/a', 'report/b']);
    await publish(layout.report);
    await publish(layout.report);
    expect(readdirSync(layout.report)).toEqual(['a', 'b']);
    await stage(layout.report, new Map([['c', '3']]));
    expect(readdirSync(layout.report)).toEqual(['a', 'b']);
    await publish(layout.report);
    expect(readdirSync(layout.report)).toEqual(['c']);
    expect(readdirSync(layout.directory).toSorted()).toEqual(['agents', 'report']);
  });

  test('starts anew over what a crash left', async () => {
    mkdirSync(stagingDirectory(layout.report));
    writeFileSync(join(stagingDirectory(layout.report), 'half'), '');
    await stage(layout.report, files);
    await publish(layout.report);
    expect(readdirSync(layout.report)).toEqual(['a', 'b']);
  });
});

describe('leases', () => {
  let now = 0;
  const acquire = (owner: string): ReturnType<typeof acquireLease> =>
    acquireLease({ directory: root, name: 'shared', owner, clock: () => now, leaseMs: 1000 });

  test('have one holder, who can renew and release', async () => {
    now = 0;
    const held = await Promise.all(Array.from({ length: 10 }, (_, index) => acquire(`a${index}`)));
    const [lease, ...others] = held.filter((one) => one !== null);
    expect(others).toEqual([]);
    now = 900;
    expect(await lease?.renew()).toBe(true);
    now = 1800;
    expect(await acquire('b')).toBeNull();
    await lease?.release();
    expect(await acquire('b')).not.toBeNull();
  });

  test('expire, and the former holder learns that it lost', async () => {
    now = 0;
    const first = await acquire('a');
    now = 1000;
    const second = await acquire('b');
    expect(second?.token).toBeGreaterThan(first?.token ?? Infinity);
    expect(await first?.renew()).toBe(false);
    await first?.release();
    expect(await acquire('c')).toBeNull();
  });
});
