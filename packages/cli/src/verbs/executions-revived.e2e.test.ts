// New executions in a run that is not alive: its stack is brought up for them and goes again.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runDirectory } from '../review/run-directory.ts';
import { holdRun } from '../review/run-lock.ts';
import { Sandbox } from '../testing/command.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 180_000;

let sandbox: Sandbox;
let run: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  const repository = sandbox.path('planted');
  mkdirSync(repository);
  plantRepository(repository);
  const { status, stderr } = await sandbox.run(['review', repository]);
  expect(status, stderr).toBe(0);
  [run = ''] = readdirSync(sandbox.path('data', 'moorage', 'runs'));
}, LIMIT_MS);
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

test(
  'a fork is followed to its end, with what had ended before behind it',
  async () => {
    const { report } = runDirectory(sandbox.path('data', 'moorage'), run);
    const findings = readFileSync(join(report, 'findings.json'), 'utf8');
    rmSync(join(report, 'findings.json'));
    writeFileSync(join(report, 'report.md'), 'of an earlier execution');
    const fork = ['executions', 'fork', run, '--from-step', 'merge'];
    const { status, stdout, stderr } = await sandbox.run(fork);
    expect(status, stderr).toBe(0);
    expect(stderr).toContain('is not alive; its stack is brought up');
    expect(stdout).toMatch(/StepSucceeded .* clone\n[^]*StepSucceeded .* publish\n/);
    expect(stdout).toContain(`${run}-fork-1: SUCCEEDED`);
    const listed = await sandbox.run(['executions', 'show', `${run}-fork-1`]);
    expect(listed.stdout).toMatch(/Status +SUCCEEDED/);
    // The run's own report is the one that the fork has published.
    expect(readFileSync(join(report, 'findings.json'), 'utf8')).toBe(findings);
    expect(readFileSync(join(report, 'report.md'), 'utf8')).not.toBe('of an earlier execution');
  },
  LIMIT_MS,
);

test(
  'a reference to nothing, or a retry of what succeeded, is refused',
  async () => {
    const unknown = await sandbox.run(['executions', 'retry', 'nobody', '--run', run]);
    expect([unknown.status, unknown.stderr]).toEqual([
      2,
      expect.stringContaining('There is no execution "nobody"'),
    ]);
    const succeeded = await sandbox.run(['executions', 'retry', run, '--json']);
    expect([succeeded.status, succeeded.stderr]).toEqual([
      2,
      expect.stringContaining('only one that failed can be retried'),
    ]);
  },
  LIMIT_MS,
);

// The last: this process holds the run until it ends.
test(
  'a run on which another process is at work is left to that',
  async () => {
    await holdRun(runDirectory(sandbox.path('data', 'moorage'), run));
    const { status, stderr } = await sandbox.run(['executions', 'fork', run]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('Another process is working on')]);
  },
  LIMIT_MS,
);
