import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Sandbox } from '../testing/command.ts';
import { plantRepository } from '../testing/planted-repository.ts';

const LIMIT_MS = 180_000;

let sandbox: Sandbox;
let repository: string;
let run: string;

beforeAll(async () => {
  sandbox = new Sandbox();
  repository = sandbox.path('planted');
  mkdirSync(repository);
  plantRepository(repository);
  const { status, stderr } = await sandbox.run(['review', repository]);
  expect(status, stderr).toBe(0);
  run = sandbox.runId;
}, LIMIT_MS);
afterAll(async () => {
  const left = await sandbox.clean();
  sandbox.remove();
  expect(left).toEqual([]);
}, 60_000);

async function json<T>(...args: string[]): Promise<T> {
  const { status, stdout, stderr } = await sandbox.run(['executions', ...args, '--json']);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

interface Listed {
  run: string;
  live: boolean;
  DurableExecutionName: string;
  DurableExecutionArn: string;
  Status: string;
}

describe('of a run that has ended', () => {
  test(
    'list, show and history take names, ARNs and ids',
    async () => {
      const { executions } = await json<{ executions: Listed[] }>('list');
      const own = executions.find(({ DurableExecutionName: name }) => name === run) as Listed;
      expect(own).toMatchObject({ run, live: false, Status: 'SUCCEEDED' });
      expect(executions.length).toBeGreaterThan(3);
      const arn = own.DurableExecutionArn;
      for (const name of [run, arn, arn.slice(arn.lastIndexOf('/') + 1)]) {
        expect(await json('show', name)).toMatchObject({ run, DurableExecutionArn: arn });
      }
      const { events } = await json<{ events: { EventType: string; Name?: string }[] }>(
        'history',
        run,
      );
      expect(events[0]?.EventType).toBe('ExecutionStarted');
      expect(events.at(-1)?.EventType).toBe('ExecutionSucceeded');
      const steps = events.filter(({ EventType: type }) => type === 'StepSucceeded');
      expect(steps.map(({ Name: name }) => name)).toEqual(
        expect.arrayContaining(['clone', 'merge', 'publish']),
      );
      const text = await sandbox.run(['executions', 'history', run]);
      expect(text.stdout).toMatch(/^ +\+\d+\.\d{3} s {2}StepSucceeded +clone +\{"ok":true/m);
      expect((await sandbox.run(['executions', 'show', run])).stdout).toContain('SUCCEEDED');
      expect((await sandbox.run(['executions', 'list', '--status', 'FAILED'])).stdout).toBe('');
    },
    LIMIT_MS,
  );

  test(
    'fork --from-step runs it again from there; retry of a success is refused',
    async () => {
      const forked = await json<{ name: string; status: string; result: object }>(
        ...['fork', run, '--from-step', 'review-security'],
      );
      expect(forked).toMatchObject({
        name: `${run}-fork-1`,
        status: 'SUCCEEDED',
        result: { runId: run, status: 'complete' },
      });
      const { events } = await json<{ events: { EventType: string; Name?: string }[] }>(
        ...['history', `${run}-fork-1`],
      );
      const invoked = events.filter(({ EventType: type }) => type === 'ChainedInvokeStarted');
      expect(invoked.map(({ Name: name }) => name)).toContain('review-security');
      const retried = await sandbox.run(['executions', 'retry', run]);
      expect(retried.status).toBe(2);
      expect(retried.stderr).toContain('only one that failed can be retried');
      expect(await sandbox.clean()).toEqual([]);
    },
    LIMIT_MS,
  );

  test.each([
    [['show', 'nobody'], /There is no execution "nobody"/],
    [['show'], /Missing argument/],
    [['fork', 'x'], /Missing option: --from-step/],
    [['callback', 'succeed', 'QUJD'], /There is no callback QUJD/],
    [['callback', 'explode', 'x'], /succeed, fail or heartbeat/],
    [['list', '--run', 'nowhere'], /There is no run "nowhere"/],
    [['dance'], /needs one of: list, show/],
    [[], /needs one of: list, show/],
  ])(
    '%j is a usage error',
    async (args, expected) => {
      const { status, stdout, stderr } = await sandbox.run(['executions', ...args]);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(expected);
    },
    LIMIT_MS,
  );

  test('--help of each action', async () => {
    const all = await sandbox.run(['executions', '--help']);
    for (const action of ['list', 'show', 'history', 'stop', 'callback', 'retry', 'fork']) {
      expect(all.stdout).toContain(`moorage executions ${action}`);
      const one = await sandbox.run(['executions', action, '--help']);
      expect(one.status).toBe(0);
      expect(one.stdout).toContain('Exit codes:');
    }
  });
});

test(
  'of a run that is under way: followed live, and stopped',
  async () => {
    const review = sandbox.start(['review', repository]);
    await review.saw('✓ clone');
    const name = sandbox.runId;
    const following = sandbox.run(['executions', 'history', name, '--follow']);
    const { executions } = await json<{ executions: Listed[] }>('list', '--run', name);
    expect(executions.find((one) => one.DurableExecutionName === name)).toMatchObject({
      live: true,
    });
    await json('stop', name, '--reason', 'enough');
    const { status, stderr } = await review.ended;
    expect([0, 3]).toContain(status);
    if (status === 3) expect(stderr).toContain('stopped from outside');
    const { stdout } = await following;
    expect(stdout).toMatch(/ExecutionStarted[^]*Execution(Stopped|Succeeded)/);
    expect(await sandbox.clean()).toEqual([]);
  },
  LIMIT_MS,
);
