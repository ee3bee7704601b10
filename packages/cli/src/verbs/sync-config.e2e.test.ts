import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../testing/command.ts';
import { MountableBucket } from '../testing/mountable-bucket.ts';

const LIMIT_MS = 120_000;

let files: MountableBucket;
let mountPoint: string;

beforeAll(async () => {
  files = await MountableBucket.open();
  ({ mountPoint } = files);
});
afterEach(() => files.unmount(), 60_000);
afterAll(() => files.close(), 60_000);

const moorage = (...args: string[]): Promise<CommandResult> => files.moorage(...args);

function mount(...options: string[]): Promise<CommandResult> {
  return moorage('mount', 's3://files', mountPoint, '--endpoint', files.store.endpoint, ...options);
}

/** Writes a file for `put` and `--sync-config`. */
function file(name: string, document: unknown): string {
  const path = files.sandbox.path(name);
  writeFileSync(path, typeof document === 'string' ? document : JSON.stringify(document));
  return path;
}

const slow = { prefix: '', quietMs: 3_600_000, maxAgeMs: 3_600_000 };
const rules = {
  importDataRules: [{ prefix: '', trigger: 'ON_FILE_ACCESS', sizeLessThan: 1000 }],
  expirationDataRules: [{ daysAfterLastAccess: 7 }],
  moorageExportDataRules: [slow],
};

test(
  'is got, changed, guarded by its version, and kept with the file system',
  async () => {
    expect(await mount()).toMatchObject({ status: 0 });
    const got = await moorage('sync-config', 'get', mountPoint);
    const defaults = JSON.parse(got.stdout) as Record<string, unknown>;
    expect(defaults['expirationDataRules']).toEqual([{ daysAfterLastAccess: 30 }]);
    expect(defaults).not.toHaveProperty('latestVersionNumber');

    const put = await moorage('sync-config', 'put', mountPoint, file('rules.json', rules));
    expect(put).toMatchObject({ status: 0, stdout: 'In force, as version 1.\n' });
    const again = await moorage('sync-config', 'put', mountPoint, file('rules.json', rules));
    expect(again.status).toBe(2);
    expect(again.stderr).toContain('ConflictException');

    expect(await moorage('unmount', mountPoint)).toMatchObject({ status: 0 });
    expect(await mount()).toMatchObject({ status: 0 });
    const kept = await moorage('sync-config', 'get', mountPoint, '--json');
    expect(JSON.parse(kept.stdout)).toEqual({ ...rules, latestVersionNumber: 1 });
  },
  LIMIT_MS,
);

test(
  'a changed export window counts at once',
  async () => {
    expect(await mount('--sync-config', file('slow.json', rules))).toMatchObject({ status: 0 });
    await files.sh(`echo text > ${mountPoint}/f`);
    const got = await moorage('sync-config', 'get', mountPoint);
    const current = JSON.parse(got.stdout) as object;
    const fast = { ...current, moorageExportDataRules: [{ ...slow, quietMs: 0 }] };
    const put = await moorage('sync-config', 'put', mountPoint, file('fast.json', fast));
    expect(put).toMatchObject({ status: 0 });
    const deadline = Date.now() + 60_000;
    while ((await files.bucket.list({ prefix: 'f' })).objects.length === 0) {
      expect(Date.now()).toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  },
  LIMIT_MS,
);

test(
  'what S3 Files refuses is refused, with the reason and before anything is mounted',
  async () => {
    const bad = file('bad.json', { ...rules, expirationDataRules: [] });
    const mounted = await mount('--sync-config', bad);
    expect(mounted.status).toBe(2);
    expect(mounted.stderr).toContain('expirationDataRules must be a list of exactly one rule');
    expect((await mount('--sync-config', file('text.json', 'text'))).stderr).toContain('not JSON');
    expect((await mount('--cache-size', '10 apples')).stderr).toContain('--cache-size');
    expect(await mount('--cache-size', '64MiB')).toMatchObject({ status: 0 });
    const put = await moorage('sync-config', 'put', mountPoint, bad);
    expect(put.status).toBe(2);
    expect(put.stderr).toContain('ValidationException');
    const status = await moorage('status', '--json');
    const [shown] = JSON.parse(status.stdout).mounts;
    expect(shown.fileSystem.cacheBytesMax).toBe(64 * 1024 * 1024);
  },
  LIMIT_MS,
);
