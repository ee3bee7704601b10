// The command beside a durable service that runs real handlers, whose run directory is made by hand.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { withDurableExecution, type DurableContext } from '@aws/durable-execution-sdk-js';
import { startLocalHost, type LocalHandler, type LocalHost } from '@moorage/durable/testing';
import { startLocalS3 } from '@moorage/local-s3';
import { openBucket } from '@moorage/object-store';
import { endpointFile } from '@moorage/stack';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Sandbox, type CommandResult } from '../testing/command.ts';

const RUN = '20260102t030405006-0a1b2c3d4e';
const LIMIT_MS = 120_000;

let sandbox: Sandbox;
let host: LocalHost;
let broken: boolean;
let ran: string[];

beforeEach(async () => {
  sandbox = new Sandbox();
  broken = true;
  ran = [];
  mkdirSync(stack(), { recursive: true });
  host = await open();
});
afterEach(async () => {
  await host.close();
  sandbox.remove();
});

function stack(): string {
  return sandbox.path('data', 'moorage', 'runs', RUN, 'stack');
}

function journal(): string {
  return path.join(stack(), 'executions');
}

async function open(): Promise<LocalHost> {
  const started = await startLocalHost({
    dir: journal(),
    functions(endpoint) {
      const client = new LambdaClient({
        endpoint,
        region: 'us-east-1',
        credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      });
      return Object.fromEntries(
        Object.entries(HANDLERS).map(([name, handler]) => [
          name,
          {
            durableSeconds: 3600,
            handler: withDurableExecution(handler, { client }) as LocalHandler,
          },
        ]),
      );
    },
  });
  const file = { endpoint: started.endpoint, pid: process.pid, stack: 'test' };
  writeFileSync(endpointFile(stack()), JSON.stringify(file));
  return started;
}

const HANDLERS: Record<string, (event: never, ctx: DurableContext) => Promise<unknown>> = {
  /** Three steps; the last one fails as long as `broken`. */
  steps: async (event: { n: number }, ctx) => {
    const once = { retryStrategy: () => ({ shouldRetry: false as const }) };
    await step(ctx, 'first');
    await ctx.runInChildContext('inside', (inner) => step(inner, 'second'));
    return ctx.step(
      'third',
      async () => {
        ran.push('third');
        if (broken) throw new Error('out of luck');
        return event.n + 1;
      },
      once,
    );
  },
  /** Its payloads are as `createFileSystemSerdes` writes them. */
  files: async (_event: unknown, ctx) => {
    await ctx.step('escapes', async () => ({ file: '/mnt/workspace/../secret' }));
    await ctx.step('gone', async () => ({ file: '/mnt/workspace/gone.json' }));
    return { file: '/mnt/workspace/result.json', preview: { findings: 3 } };
  },
  /** Waits for two people. */
  asks: async (_event: unknown, ctx) => {
    const [first] = await ctx.createCallback('approval');
    const [second] = await ctx.createCallback('signature');
    return [await first, await second];
  },
};

async function step(ctx: DurableContext, name: string): Promise<string> {
  return ctx.step(name, async () => {
    ran.push(name);
    return name;
  });
}

function command(...args: string[]): Promise<CommandResult> {
  return sandbox.run(['executions', ...args]);
}

async function text(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await command(...args);
  expect(status, stderr).toBe(0);
  return stdout;
}

async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  return JSON.parse(await text(...args, '--json')) as T;
}

async function start(functionName: string, name: string): Promise<string> {
  const { executionArn } = await host.service.startExecution({
    functionName,
    name,
    payload: '{"n":1}',
  });
  return executionArn;
}

/** An execution of `asks`, once it waits for both callbacks. */
async function asking(name: string): Promise<string> {
  const arn = await start('asks', name);
  await expect
    .poll(
      () =>
        host.service.history(arn).filter(({ EventType: type }) => type === 'CallbackStarted')
          .length,
      { timeout: 30_000 },
    )
    .toBe(2);
  return arn;
}

/** The service gone, its endpoint file left as by a process that was killed. */
async function killed(): Promise<void> {
  await host.close();
  writeFileSync(
    endpointFile(stack()),
    JSON.stringify({ endpoint: host.endpoint, pid: process.pid, stack: 'test' }),
  );
}

function journalBytes(): Record<string, string> {
  return Object.fromEntries(
    readdirSync(journal()).map((name) => [
      name,
      readFileSync(path.join(journal(), name)).toString('base64'),
    ]),
  );
}

describe('looking', () => {
  test(
    'list shows all in columns, or those of a status',
    async () => {
      const arn = await start('steps', 'unlucky');
      await host.service.waitFor(arn);
      await asking('patient');
      const lines = (await text('list')).trimEnd().split('\n');
      expect(lines.map((line) => line.split(/ {2,}/))).toEqual([
        ['NAME', 'STATUS', 'FUNCTION', 'STARTED', 'DURATION', 'RUN'],
        ['unlucky', 'FAILED', 'steps', expect.stringMatching(/Z$/), expect.any(String), RUN],
        ['patient', 'RUNNING', 'asks', expect.stringMatching(/Z$/), RUN],
      ]);
      expect(new Set(lines.map((line) => line.lastIndexOf(' '))).size).toBe(1);
      expect(await json('list', '--status', 'FAILED,STOPPED')).toEqual({
        executions: [
          expect.objectContaining({ run: RUN, DurableExecutionArn: arn, Status: 'FAILED' }),
        ],
      });
    },
    LIMIT_MS,
  );

  test(
    'show takes name, id and ARN, and names the callbacks waited for',
    async () => {
      const arn = await asking('patient');
      for (const reference of ['patient', arn, arn.slice(arn.lastIndexOf('/') + 1)]) {
        expect(await json('show', reference)).toMatchObject({
          run: RUN,
          DurableExecutionArn: arn,
          InputPayload: '{"n":1}',
          OpenCallbacks: [{ Name: 'approval' }, { Name: 'signature' }],
        });
      }
      const shown = await text('show', 'patient');
      expect(shown).toMatch(/^Status +RUNNING$/m);
      expect(shown).toMatch(/^Waits for callback +approval {2}\S+$/m);
    },
    LIMIT_MS,
  );

  test(
    'history has a line an event, with time, type, duration, name and error',
    async () => {
      await host.service.waitFor(await start('steps', 'unlucky'));
      const shown = await text('history', 'unlucky');
      expect(shown).toMatch(/^TIME +EVENT +DURATION +NAME AND ERROR$/m);
      const at = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z';
      expect(shown).toMatch(new RegExp(`^${at}  ExecutionStarted +unlucky$`, 'm'));
      // Inside its context, so two columns further in.
      expect(shown).toMatch(/ {2}StepSucceeded .* {4}second$/m);
      expect(shown).toMatch(/ {2}StepFailed .*third {2}\w+: out of luck$/m);
      expect(shown).toMatch(/ExecutionFailed +[\d.]+ m?s {2}unlucky {2}\w+: .*out of luck$/m);
      const { Events } = await json<{ Events: { EventType: string }[] }>('history', 'unlucky');
      expect(Events.map(({ EventType: type }) => type)).toEqual(
        host.service.history('unlucky').map(({ EventType: type }) => type),
      );
    },
    LIMIT_MS,
  );

  test(
    'history --follow goes on until the end',
    async () => {
      const arn = await asking('patient');
      const following = sandbox.start(['executions', 'history', 'patient', '--follow']);
      await following.saw(/CallbackStarted.*signature/);
      expect(following.output()).not.toContain('CallbackSucceeded');
      await text('callback', 'succeed', 'patient', 'approval');
      await following.saw(/CallbackSucceeded.*approval/);
      await text('callback', 'succeed', 'patient');
      const { status, stdout } = await following.ended;
      expect(status).toBe(0);
      expect(stdout.trimEnd().split('\n').at(-1)).toContain('ExecutionSucceeded');
      expect(stdout.match(/CallbackStarted/g)).toHaveLength(2);
      await host.service.waitFor(arn);
      // For programs one document an event, each of several lines.
      const documents = await text('history', 'patient', '--follow', '--json');
      const events = documents
        .split(/(?<=^\})\n/m)
        .filter(Boolean)
        .map((document) => (JSON.parse(document) as { EventId: number }).EventId);
      expect(events).toEqual(host.service.history(arn).map((_event, index) => index + 1));
    },
    LIMIT_MS,
  );

  test(
    'history --follow of a run that goes away says how to go on',
    async () => {
      await asking('patient');
      const following = sandbox.start(['executions', 'history', 'patient', '-f']);
      await following.saw(/CallbackStarted.*signature/);
      await killed();
      const { status, stderr } = await following.ended;
      expect(status, stderr).toBe(3);
      expect(stderr).toContain(`moorage review --resume ${RUN}`);
    },
    LIMIT_MS,
  );
});

describe('changing', () => {
  test(
    'stop ends an execution with the error given; again, it says so',
    async () => {
      const arn = await asking('patient');
      const given = ['--error-type', 'Enough', '--error-message', 'too slow'];
      expect(await text('stop', 'patient', ...given)).toBe('Stopped patient.\n');
      expect(await host.service.waitFor(arn)).toMatchObject({
        status: 'STOPPED',
        error: { ErrorType: 'Enough', ErrorMessage: 'too slow' },
      });
      expect(await text('stop', arn)).toBe('patient had ended already: STOPPED.\n');
      expect(await text('show', 'patient')).toMatch(/^Error +Enough: too slow$/m);
    },
    LIMIT_MS,
  );

  test(
    'callback succeeds by execution and name, and by id; heartbeats are sent',
    async () => {
      const arn = await asking('patient');
      const { OpenCallbacks: open } = await json<{ OpenCallbacks: { CallbackId: string }[] }>(
        ...['show', 'patient'],
      );
      await text('callback', 'heartbeat', 'patient', 'approval');
      await text('callback', 'succeed', 'patient', 'approval', '--result', 'yes, do');
      const id = open[1]?.CallbackId as string;
      expect(await json('callback', 'succeed', id, '--result', 'A. B.')).toEqual({
        run: RUN,
        DurableExecutionArn: arn,
        CallbackId: id,
      });
      expect(await host.service.waitFor(arn)).toMatchObject({
        status: 'SUCCEEDED',
        result: '["yes, do","A. B."]',
      });
      const late = await command('callback', 'succeed', id);
      expect(late.status).toBe(2);
      expect(late.stderr).toContain('CallbackTimeoutException');
    },
    LIMIT_MS,
  );

  test(
    'callback fails with the error given, and asks which when there are several',
    async () => {
      const arn = await asking('patient');
      const vague = await command('callback', 'fail', 'patient');
      expect(vague.status).toBe(2);
      expect(vague.stderr).toMatch(/waits for 2 callbacks[^]*approval \(\S+\), signature \(/);
      const other = await command('callback', 'fail', 'patient', 'nothing');
      expect(other.stderr).toContain('waits for no callback named nothing');
      await text('callback', 'fail', 'patient', 'approval', '--error-message', 'never');
      const ended = await host.service.waitFor(arn);
      expect(ended.status).toBe('FAILED');
      expect(ended.error?.ErrorMessage).toContain('never');
    },
    LIMIT_MS,
  );

  test(
    'retry does again what failed, and only that',
    async () => {
      await host.service.waitFor(await start('steps', 'unlucky'));
      const running = await asking('patient');
      broken = false;
      ran = [];
      const again = await json<{ DurableExecutionArn: string }>('retry', 'unlucky');
      expect(again).toMatchObject({ run: RUN, DurableExecutionName: 'unlucky-retry-1' });
      expect(await host.service.waitFor(again.DurableExecutionArn)).toMatchObject({
        status: 'SUCCEEDED',
        result: '2',
      });
      expect(ran).toEqual(['third']);
      const refused = await command('retry', running);
      expect(refused.status).toBe(2);
      expect(refused.stderr).toContain('only one that failed can be retried');
    },
    LIMIT_MS,
  );

  test(
    'fork goes on from a step, or from the beginning',
    async () => {
      broken = false;
      await host.service.waitFor(await start('steps', 'lucky'));
      ran = [];
      const from = await text('fork', 'lucky', '--from-step', 'second');
      expect(from).toContain('moorage executions history lucky-fork-1 --follow');
      await host.service.waitFor('lucky-fork-1');
      expect(ran).toEqual(['second', 'third']);
      ran = [];
      await text('fork', 'lucky');
      await host.service.waitFor('lucky-fork-2');
      expect(ran).toEqual(['first', 'second', 'third']);
      const nowhere = await command('fork', 'lucky', '--from-step', 'nowhere');
      expect(nowhere.status).toBe(2);
      expect(nowhere.stderr).toContain('has no operation nowhere');
    },
    LIMIT_MS,
  );
});

describe('a run that is not alive', () => {
  test(
    'can be looked into, which leaves its journal as it is',
    async () => {
      await host.service.waitFor(await start('steps', 'unlucky'));
      const arn = await asking('patient');
      await killed();
      const before = journalBytes();
      const { executions } = await json<{ executions: object[] }>('list', '--run', RUN);
      expect(executions).toMatchObject([{ Status: 'FAILED' }, { Status: 'RUNNING' }]);
      expect(await text('show', 'patient', '--run', RUN)).toMatch(/^Run +\S+, not alive$/m);
      expect(await text('history', arn, '--run', RUN)).toMatch(/CallbackStarted .*approval/);
      expect(journalBytes()).toEqual(before);
    },
    LIMIT_MS,
  );

  test(
    'cannot be changed: the way to go on is said',
    async () => {
      await asking('patient');
      await killed();
      for (const args of [
        ['stop', 'patient'],
        ['callback', 'succeed', 'patient', 'approval'],
        ['history', 'patient', '--follow'],
      ]) {
        const { status, stderr } = await command(...args, '--run', RUN);
        expect({ args, status }).toEqual({ args, status: 3 });
        expect(stderr).toContain(`moorage review --resume ${RUN}`);
      }
      const anywhere = await command('stop', 'patient');
      expect(anywhere.status).toBe(2);
      expect(anywhere.stderr).toMatch(/No run is alive[^]*review --resume/);
      // Looking does no harm: without --run it is the newest run that is looked at.
      const looked = await command('list');
      expect(looked.status).toBe(0);
      expect(looked.stdout).toContain('patient');
      expect(looked.stderr).toContain(`No run is alive; this is the newest one, ${RUN}.`);
    },
    LIMIT_MS,
  );

  test(
    'whose journal is damaged says where',
    async () => {
      await killed();
      rmSync(journal(), { recursive: true });
      mkdirSync(journal());
      for (const n of [1, 2]) {
        writeFileSync(path.join(journal(), `segment-0000000${n}`), 'no journal at all');
      }
      const { status, stderr } = await command('list', '--run', RUN);
      expect(status).toBe(3);
      expect(stderr).toContain(path.join(journal(), 'segment-00000001'));
    },
    LIMIT_MS,
  );
});

test(
  'a payload that is a file of the workspace is shown, of an ended run from its bucket',
  async () => {
    const arn = await start('files', 'in-file');
    await host.service.waitFor(arn);
    await killed();
    const s3 = await startLocalS3({ dir: path.join(stack(), 's3'), buckets: ['store'] });
    const bucket = await openBucket({ bucket: 'store', ...s3, addressing: 'path' });
    await bucket.put('reviews/result.json', Buffer.from('{"findings":3}'));
    await bucket.close();
    await s3.close();
    writeFileSync(
      path.join(stack(), 'payload-roots.json'),
      JSON.stringify({
        files: { mountPath: '/mnt/workspace', bucket: 'store', keyPrefix: 'reviews/' },
      }),
    );
    expect(await text('show', 'in-file', '--run', RUN)).toMatch(
      /Result +\{"findings":3\}\nResult file +\/mnt\/workspace\/result\.json/,
    );
    const shown = await json<{ Events: Record<string, { Result?: unknown }>[] }>(
      ...['history', 'in-file', '--run', RUN],
    );
    const results = shown.Events.map(
      (event) => (event.StepSucceededDetails ?? event.ExecutionSucceededDetails)?.Result,
    ).filter((result) => result !== undefined);
    const file = '/mnt/workspace/result.json';
    expect(results).toEqual([
      {
        Payload: '{"file":"/mnt/workspace/../secret"}',
        PayloadFile: {
          File: '/mnt/workspace/../secret',
          Problem: 'it is not in the workspace of its function',
        },
        Truncated: false,
      },
      {
        Payload: '{"file":"/mnt/workspace/gone.json"}',
        PayloadFile: { File: '/mnt/workspace/gone.json', Problem: 'it is not in the bucket' },
        Truncated: false,
      },
      {
        Payload: `{"file":"${file}","preview":{"findings":3}}`,
        PayloadFile: { File: file, Content: '{"findings":3}' },
        Truncated: false,
      },
    ]);
  },
  LIMIT_MS,
);

test.each([
  [['show', 'nobody'], /There is no execution "nobody"[^]*executions list/],
  [['show', ''], /There is no execution ""/],
  [['show'], /which execution is not said/],
  [['show', 'a', 'b'], /unexpected argument "b"/],
  [['list', '--follow'], /list takes no --follow/],
  [['list', '--status', 'GONE'], /"GONE" is none of RUNNING/],
  [['list', '--run', '../x'], /There is no run "\.\.\/x"/],
  [['callback', 'explode', 'x'], /There is no "executions callback explode"/],
  [['dance'], /there are: list, show/],
  [[], /Missing argument/],
])(
  '%j is a usage error',
  async (args, expected) => {
    const { status, stdout, stderr } = await command(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(expected);
  },
  LIMIT_MS,
);

test(
  'without any run there is nothing to ask; --help names every action',
  async () => {
    const empty = ['--data-dir', sandbox.path('home')];
    const { status, stderr } = await command('list', ...empty);
    expect(status).toBe(2);
    expect(stderr).toMatch(/No run is alive[^]*moorage review/);
    const help = await text('--help');
    for (const line of help.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    for (const action of ['list', 'show', 'history', 'stop', 'callback fail', 'retry', 'fork']) {
      expect(help).toContain(`moorage executions ${action}`);
    }
  },
  LIMIT_MS,
);
