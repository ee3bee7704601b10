import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox, descendants, type RunningCommand } from '../testing/command.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 180_000;

let sandbox: Sandbox;
let repository: string;
let expected: string[];

beforeAll(async () => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  plantRepository(repository);
  const { status, stderr } = await sandbox.run(['review', repository]);
  expect(status, stderr).toBe(0);
  expected = fingerprints();
}, LIMIT_MS);
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

/** What was found: the same whatever happened on the way. */
function fingerprints(): string[] {
  const report = readFileSync(sandbox.runPath('report', 'findings.json'), 'utf8');
  const { findings } = JSON.parse(report) as { findings: { fingerprint: string }[] };
  return findings.map(({ fingerprint }) => fingerprint).sort();
}

const ROLES: Readonly<Record<string, RegExp>> = {
  'the file system server': /file-system-server\/server-main/,
  'the local store': /local-s3\/dist\/main/,
  'the orchestrator': /AWS_LAMBDA_FUNCTION_NAME=code-review-OrchestratorFunction/,
  'a reviewer': /AWS_LAMBDA_FUNCTION_NAME=code-review-SecurityFunction/,
};

/** Kills every process of a role once there is one. */
async function kill(command: RunningCommand, role: string): Promise<void> {
  const pattern = ROLES[role] as RegExp;
  for (const deadline = Date.now() + 60_000; ; await sleep(10)) {
    const all = descendants(command.child.pid as number);
    const found = all.filter(({ text }) => pattern.test(text));
    for (const { pid } of found) killed(pid);
    if (found.length > 0) return;
    if (Date.now() > deadline) throw new Error(`no process is ${role}`);
  }
}

/** One may have gone together with another one already. */
function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

describe('kill -9 in the middle of a review', () => {
  describe.each([
    ['while the repository is cloned', '✓ workspace'],
    ['while the reviewers work', '✓ clone'],
  ])('%s', (_when, moment) => {
    test.each(Object.keys(ROLES))(
      'of %s is not noticed in the result',
      async (role) => {
        const command = sandbox.start(['review', repository]);
        await command.saw(moment);
        await kill(command, role);
        const { status, stderr } = await command.ended;
        expect(status, stderr).toBe(0);
        expect(fingerprints()).toEqual(expected);
        expect(await sandbox.clean()).toEqual([]);
      },
      LIMIT_MS,
    );

    test.each(['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
      'of the supervisor by %s leaves nothing running, and --resume finishes the run',
      async (signal) => {
        const command = sandbox.start(['review', repository]);
        await command.saw(moment);
        command.child.kill(signal);
        const stopped = await command.ended;
        if (signal === 'SIGKILL') expect(stopped.signal).toBe('SIGKILL');
        else {
          expect(stopped.status).toBe(3);
          expect(stopped.stderr).toContain(`moorage review --resume ${sandbox.runId}`);
        }
        expect(await sandbox.clean()).toEqual([]);
        const { status, stdout, stderr } = await sandbox.run([
          ...['review', '--resume', sandbox.runId, '--json'],
        ]);
        expect(status, stderr).toBe(0);
        const document = JSON.parse(stdout) as { seconds: Record<string, Record<string, number>> };
        expect(document).toMatchObject({ runId: sandbox.runId, status: 'complete' });
        // What had been done is shown as such, and not as if it took no time now. (Killed, it may have
        // been shown and not be in the journal yet.)
        const { parts = {}, earlier = {} } = document.seconds;
        expect(Object.keys({ ...parts, ...earlier })).toContain('clone');
        for (const name of Object.keys(earlier)) expect(parts).not.toHaveProperty([name]);
        if (signal !== 'SIGKILL' && moment === '✓ clone') expect(earlier).toHaveProperty('clone');
        expect(fingerprints()).toEqual(expected);
        expect(await sandbox.clean()).toEqual([]);
      },
      LIMIT_MS,
    );
  });
});
