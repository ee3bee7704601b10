// What `moorage status` says of a mount beside what waits: failures, metrics, the store.
import { startLyingStore, type LyingStore } from '@moorage/object-store/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { CommandResult } from '../testing/command.ts';
import { MountableBucket } from '../testing/mountable-bucket.ts';

const LIMIT_MS = 120_000;

let files: MountableBucket;
let lying: LyingStore;
let mountPoint: string;

beforeAll(async () => {
  files = await MountableBucket.open();
  ({ mountPoint } = files);
  lying = await startLyingStore({ ...files.store, bucket: 'files' }, {});
});
afterEach(() => files.unmount(), 60_000);
afterAll(async () => {
  await lying.close();
  await files.close();
}, 60_000);

const moorage = (...args: string[]): Promise<CommandResult> => files.moorage(...args);
const sh = (script: string): Promise<string> => files.sh(script);

async function mount(prefix: string, ...options: string[]): Promise<void> {
  const address = [`s3://files/${prefix}`, mountPoint, '--endpoint', lying.endpoint];
  expect(await moorage('mount', ...address, ...options)).toMatchObject({ status: 0, stderr: '' });
}

/** The status once it says so. */
async function says(text: RegExp, ...options: string[]): Promise<string> {
  for (;;) {
    const { stdout } = await moorage('status', ...options);
    if (text.test(stdout)) return stdout;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test(
  'failures: what, why, whether it is tried again and what to do; in pages',
  async () => {
    for (let i = 0; i < 60; i++) await files.put(`f/n//${i}/x`, 'x');
    for (const key of ['f/d/./x', 'f/taken', 'f/taken/below', 'f/ok']) {
      await files.put(key, 'x');
    }
    await mount('f');
    await sh(`ls -R ${mountPoint}; touch ${mountPoint}/$'bad\\xff'; mkdir ${mountPoint}/$'d\\xfe'`);
    await sh(`touch ${mountPoint}/$'d\\xfe'/below`);
    const long = `${'d'.repeat(200)}/`.repeat(6);
    await sh(
      `cd ${mountPoint}; for i in 1 2 3 4 5 6; do mkdir ${'d'.repeat(200)}; cd ${'d'.repeat(200)}; done`,
    );
    const shown = await says(/4 not exported, 3 keys/, '--failures');
    expect(shown).toContain(
      `    /${long.slice(0, -1)}: PathTooLong (tried again when it is changed)\n`,
    );
    expect(shown).toContain('      Keys have at most 1,024 bytes: move it to a shorter path.\n');
    expect(shown).toMatch(/bad.*: NameNotUtf8 \(tried again when it is changed\)/);
    expect(shown).toMatch(/below: DependencyExportFailed \(tried again every minute\)/);
    expect(shown).toContain('    "f/n//": EmptyComponent, a name in it is empty');
    expect(shown).toContain('    "f/d/./": DotComponent, a name in it is . or ..\n');
    expect(shown).toContain('    "f/taken": NameTaken, there is a directory of this name\n');
    expect((await moorage('status')).stdout).toContain('moorage status --failures says why');
    const alone = await moorage('status', '--from', '6');
    expect(alone.status).toBe(2);
    expect(alone.stderr).toContain('Add --failures.');
    const json = await moorage('status', '--failures', '--from', '6', '--json');
    const { mounts } = JSON.parse(json.stdout) as { mounts: { failures: unknown }[] };
    expect(mounts[0]?.failures).toMatchObject({
      exports: 4,
      imports: 3,
      failures: [{ kind: 'import' }],
    });
    await sh(`cd ${mountPoint}; rm -rf bad* d*`);
  },
  LIMIT_MS,
);

test(
  'escaped keys are files, and the mode is remembered',
  async () => {
    await files.put('e/a//b', 'odd');
    await mount('e', '--escape-keys');
    expect(await sh(`cat ${mountPoint}/a/%=/b`)).toBe('odd');
    await sh(`echo changed > ${mountPoint}/a/%=/b; echo new > ${mountPoint}/a/%=/%=%2E`);
    expect(await moorage('sync', mountPoint)).toMatchObject({ status: 0 });
    const { objects } = await files.bucket.list({ prefix: 'e/' });
    expect(objects.map(({ key }) => key)).toEqual(['e/a//.', 'e/a//b']);
    await moorage('unmount', mountPoint);
    await mount('e');
    expect(await sh(`cat ${mountPoint}/a/%=/b`)).toBe('changed\n');
    await moorage('unmount', mountPoint);
    await mount('e', '--plain-keys');
    expect(await sh(`ls ${mountPoint}/a`)).toBe('');
  },
  LIMIT_MS,
);

test(
  'metrics, by the command and over HTTP',
  async () => {
    await mount('m', '--metrics-port', '0');
    await sh(
      `head -c 100000 /dev/zero > ${mountPoint}/f; cat ${mountPoint}/f; mkdir ${mountPoint}/d`,
    );
    const json = await moorage('status', '--json');
    const { mounts } = JSON.parse(json.stdout) as { mounts: { metricsPort: number }[] };
    const address = `http://127.0.0.1:${mounts[0]?.metricsPort}`;
    const answer = await fetch(`${address}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const text of [await answer.text(), (await moorage('status', '--prometheus')).stdout]) {
      const values = new Map(
        [...text.matchAll(/^(\w+)\{.*\} (\S+)$/gm)].map(([, name = '', value]) => [
          name,
          Number(value),
        ]),
      );
      expect(values.get('DataWriteBytes_sum')).toBe(100_000);
      expect(values.get('MetadataWriteBytes_count')).toBeGreaterThanOrEqual(2);
      expect(values.get('MetadataReadBytes_sum')).toBeGreaterThan(0);
      expect(values.get('Inodes')).toBeGreaterThanOrEqual(3);
      expect(values.get('StorageBytes')).toBeGreaterThan(100_000);
      expect(values.get('ClientConnections')).toBe(1);
      expect(text).toContain(`mount_point="${mountPoint}"`);
    }
    expect((await fetch(`${address}/other`)).status).toBe(404);
  },
  LIMIT_MS,
);

test(
  'what the store does not keep',
  async () => {
    lying.lies = { refusesConditionalDelete: true, ignoresSourceConditions: true };
    await mount('l');
    const text = await says(/does not keep/);
    expect(text).toContain('    DELETE with If-Match: no; the key is compared before and');
    expect(text).toContain('    CopyObject with a condition on its source: no; the source is');
    lying.lies = {};
  },
  LIMIT_MS,
);

test('bad options are refused before anything is done', async () => {
  for (const [options, message] of [
    [['--escape-keys', '--plain-keys'], 'exclude each other'],
    [['--events', 'kafka:x'], 'is neither sqs:URL nor webhook:PORT'],
    [['--metrics-port', 'http'], 'is not a port'],
  ] as const) {
    const refused = await moorage('mount', 's3://files', mountPoint, ...options);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(message)]);
  }
});
