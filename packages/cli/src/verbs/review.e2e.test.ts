import {
  cpSync,
  renameSync,
  writeFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../testing/command.ts';
import { git, plantRepository } from '../testing/planted-repository.ts';
import { sarifProblems } from '../testing/sarif.ts';

const LIMIT_MS = 120_000;

let sandbox: Sandbox;
let repository: string;
let commit: string;

beforeAll(() => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  commit = plantRepository(repository);
});
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

interface Report {
  counts: Record<string, number>;
  findings: { path: string; startLine: number; reviewer: string; ruleId: string }[];
  files: { path: string }[];
}

describe('a review of a local repository', () => {
  test(
    'finds what was planted, writes every report, leaves nothing running',
    async () => {
      const { status, stdout, stderr } = await sandbox.run(['review', repository]);
      expect(status, stderr).toBe(0);
      const report = JSON.parse(
        readFileSync(sandbox.runPath('report', 'findings.json'), 'utf8'),
      ) as Report;
      const places = report.findings.map(({ path, startLine }) => `${path}:${startLine}`);
      expect(places).toEqual(
        expect.arrayContaining(['src/users.js:5', 'src/users.js:9', 'tools/deploy.py:5']),
      );
      const reviewers = new Set(report.findings.map(({ reviewer }) => reviewer));
      expect([...reviewers].sort()).toEqual(['coverage', 'security', 'style']);
      expect(readdirSync(sandbox.runPath('report')).sort()).toEqual([
        'findings.json',
        'report.md',
        'report.sarif',
      ]);
      expect(
        sarifProblems(readFileSync(sandbox.runPath('report', 'report.sarif'), 'utf8')),
      ).toEqual([]);
      expect(stdout).toContain(`Review of ${repository} at ${commit.slice(0, 12)}`);
      expect(stdout).toContain('src/users.js:5');
      expect(stdout).toContain(sandbox.runPath('report'));
      expect(stdout).toContain('No model was used');
      for (const part of ['workspace', 'clone', 'security', 'style', 'coverage', 'merge']) {
        expect(stderr).toMatch(new RegExp(`^✓ ${part} \\d+\\.\\d s$`, 'm'));
      }
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    '--json prints one document, --fail-on decides the exit code, --output copies the report',
    async () => {
      const output = sandbox.path('out', 'deep');
      const args = ['review', '.', '--json', '--fail-on', 'high', '--output', output];
      const { status, stdout } = await sandbox.run([...args, '--revision', 'v1'], {
        cwd: repository,
      });
      expect(status).toBe(1);
      const document = JSON.parse(stdout) as Record<string, unknown>;
      expect(document).toMatchObject({
        runId: sandbox.runId,
        status: 'complete',
        exitCode: 1,
        repository,
        revision: 'v1',
        commit,
        runDirectory: sandbox.runPath(),
        report: { directories: [sandbox.runPath('report'), output] },
      });
      expect(existsSync(`${output}/report.sarif`)).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    'the report is in the bucket, where any client finds it',
    async () => {
      const store = sandbox.start(['local-s3', '--dir', sandbox.runPath('stack', 's3'), '--json']);
      try {
        await store.saw(/\n}\n$/);
        const { openBucket } = await import('@moorage/object-store');
        const address = JSON.parse(store.output()) as {
          endpoint: string;
          accessKeyId: string;
          secretAccessKey: string;
        };
        const bucket = await openBucket({
          bucket: 'code-review-bucket',
          endpoint: address.endpoint,
          region: 'us-east-1',
          credentials: address,
        });
        const { objects } = await bucket.list({ prefix: `reviews/${sandbox.runId}/` });
        await bucket.close();
        const keys = objects.map(({ key }) => key.replace(`reviews/${sandbox.runId}/`, ''));
        expect(keys).toEqual(
          expect.arrayContaining([
            'run.json',
            'report/findings.json',
            'report/report.md',
            'report/report.sarif',
            'agents/security/DONE.json',
          ]),
        );
      } finally {
        store.child.kill('SIGTERM');
        expect((await store.ended).status).toBe(0);
      }
    },
    LIMIT_MS,
  );

  test(
    'a finished run is not run again by --resume',
    async () => {
      const before = sandbox.runId;
      const { status, stdout } = await sandbox.run(['review', '--resume', before, '--json']);
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ runId: before, status: 'complete', commit });
      expect(sandbox.runId).toBe(before);
    },
    LIMIT_MS,
  );

  test(
    'a run is worked on once at a time, and a --resume that cannot work leaves it as it is',
    async () => {
      const { runId } = sandbox;
      const first = sandbox.start(['review', '--resume', runId]);
      await first.saw(`Run ${runId}`);
      const second = await sandbox.run(['review', '--resume', runId]);
      expect(second).toMatchObject({ status: 2, stdout: '' });
      expect(second.stderr).toContain(`Another process is working on the run ${runId}.`);
      const { status, stderr } = await first.ended;
      expect(status, stderr).toBe(0);
      // The place of its store is taken by something else.
      const store = sandbox.runPath('stack', 's3');
      renameSync(store, `${store}.away`);
      writeFileSync(store, '');
      expect(await sandbox.run(['review', '--resume', runId])).toMatchObject({ status: 2 });
      rmSync(store);
      renameSync(`${store}.away`, store);
      expect(await sandbox.run(['review', '--resume', runId])).toMatchObject({ status: 0 });
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    'a review removes finished runs that are too old, and only those',
    async () => {
      const runs = sandbox.path('data', 'moorage', 'runs');
      const before = readdirSync(runs);
      const planted = Array.from({ length: 20 }, (_, i) => `20200101t0000000${10 + i}-aaaaaaaaaa`);
      for (const name of planted) {
        cpSync(
          sandbox.path('data', 'moorage', 'runs', before[0] as string, 'request.json'),
          `${runs}/${name}/request.json`,
        );
        utimesSync(`${runs}/${name}/request.json`, 1_500_000_000, 1_500_000_000);
      }
      const { status, stderr } = await sandbox.run(['review', repository]);
      expect(status, stderr).toBe(0);
      const after = readdirSync(runs);
      expect(after).toHaveLength(20);
      expect(after).toEqual(expect.arrayContaining(before));
      expect(after).toContain(sandbox.runId);
      for (const name of planted) rmSync(`${runs}/${name}`, { recursive: true, force: true });
    },
    LIMIT_MS,
  );

  test(
    'what is not committed is not reviewed',
    async () => {
      git(repository, 'rm', '--quiet', '--cached', 'README.md');
      const { status, stdout } = await sandbox.run(['review', repository, '--json']);
      git(repository, 'reset', '--quiet');
      expect(status).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ commit });
    },
    LIMIT_MS,
  );
});
