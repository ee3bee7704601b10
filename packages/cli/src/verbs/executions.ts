import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { GivenValues } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { ExecutionsApi, type ExecutionDetails, type HistoryEvent } from '../executions/api.ts';
import { detailLines, eventLine, executionLine } from '../executions/describe.ts';
import { runsOf, withExecution, withFirstRun, type FoundExecution } from '../executions/find.ts';
import type { Verb } from '../run.ts';

const COMMON = {
  run: { value: 'RUN', help: 'Look into this run only. Default: all, newest first.' },
  'data-dir': { value: 'DIR', help: 'As given to review.' },
} as const;
const EXIT_CODES =
  'Exit codes: 0; 2 there is no such execution, or it cannot be done; 4 internal error.';
const NAMES =
  'An execution is meant by its name (a review has the name of its run), its ARN, or the ARN’s last part.';

type Common = keyof typeof COMMON;

const list: Verb<Common | 'status'> = {
  declaration: {
    name: 'executions list',
    usage: ['[options]'],
    summary: 'Lists durable executions, newest first.',
    positionals: { min: 0, max: 0 },
    options: {
      status: { value: 'STATUS', help: 'RUNNING, SUCCEEDED, FAILED, TIMED_OUT or STOPPED only.' },
      ...COMMON,
    },
    notes: [EXIT_CODES],
  },
  async run(args, terminal) {
    const found = [];
    for (const run of runsOf(dataDir(args), args.values.run)) {
      const api = await ExecutionsApi.open(run.stack);
      try {
        for (const execution of (await api.list()).reverse()) {
          if (args.values.status !== undefined && execution.Status !== args.values.status) continue;
          found.push({ run: run.runId, live: api.live, ...execution });
        }
      } finally {
        await api.close();
      }
    }
    for (const execution of found) terminal.print(executionLine(execution));
    terminal.result({ executions: found });
    return EXIT.clean;
  },
};

const show: Verb<Common> = {
  declaration: {
    name: 'executions show',
    usage: ['<execution> [options]'],
    summary: 'Shows one execution: status, input, result or error.',
    positionals: { min: 1, max: 1 },
    options: COMMON,
    notes: [NAMES, EXIT_CODES],
  },
  async run(args, terminal) {
    return onExecution(args, async ({ run, api, execution }) => {
      const details: ExecutionDetails = await api.get(execution.DurableExecutionArn);
      terminal.print(`Run       ${run.runId}`);
      for (const line of detailLines(details)) terminal.print(line);
      terminal.result({ run: run.runId, ...details });
    });
  },
};

const history: Verb<Common | 'follow'> = {
  declaration: {
    name: 'executions history',
    usage: ['<execution> [options]'],
    summary: 'Shows every event of an execution, with payloads.',
    positionals: { min: 1, max: 1 },
    options: {
      follow: { short: 'f', help: 'Stay and show events as they happen, until it has ended.' },
      ...COMMON,
    },
    notes: [NAMES, EXIT_CODES],
  },
  async run(args, terminal) {
    return onExecution(args, async (found) => {
      const follow = args.switches.has('follow') && found.api.live;
      const events: HistoryEvent[] = [];
      for (let done = false; !done;) {
        const more = await found.api.history(found.execution.DurableExecutionArn, events.length);
        for (const event of more) {
          terminal.print(eventLine(event, found.execution.StartTimestamp));
        }
        events.push(...more);
        done = !follow || events.some(isEnd);
        if (!done && more.length === 0) await sleep(FOLLOW_MS);
      }
      terminal.result({ run: found.run.runId, events });
    });
  },
};

const stop: Verb<Common | 'reason'> = {
  declaration: {
    name: 'executions stop',
    usage: ['<execution> [options]'],
    summary:
      'Ends an execution. An invocation that is under way is refused at its next checkpoint.',
    positionals: { min: 1, max: 1 },
    options: { reason: { value: 'TEXT', help: 'Kept as the error of the execution.' }, ...COMMON },
    notes: [NAMES, EXIT_CODES],
  },
  async run(args, terminal) {
    return onExecution(args, async ({ api, execution }) => {
      await api.stop(execution.DurableExecutionArn, args.values.reason);
      const { Status: status } = await api.get(execution.DurableExecutionArn);
      terminal.print(`${execution.DurableExecutionName} is ${status}`);
      terminal.result({ execution: execution.DurableExecutionArn, status });
    });
  },
};

const callback: Verb<Common | 'result' | 'error'> = {
  declaration: {
    name: 'executions callback',
    usage: [
      'succeed <callback id> [--result JSON]',
      'fail <callback id> [--error TEXT]',
      'heartbeat <callback id>',
    ],
    summary: 'Answers a callback that an execution waits for.',
    positionals: { min: 2, max: 2 },
    options: {
      result: { value: 'JSON', help: 'Result of a callback that succeeds. Default: none.' },
      error: { value: 'TEXT', help: 'Message of a callback that fails.' },
      ...COMMON,
    },
    notes: ['The history of the execution shows the id (CallbackStarted).', EXIT_CODES],
  },
  async run(args, terminal) {
    const [answer = '', id = ''] = args.positionals;
    if (answer !== 'succeed' && answer !== 'fail' && answer !== 'heartbeat') {
      throw usageError(`A callback can succeed, fail or heartbeat, not ${JSON.stringify(answer)}.`);
    }
    const { result = '', error } = args.values;
    const failure = { ErrorType: 'CallbackFailed', ErrorMessage: error ?? 'failed by hand' };
    const body = answer === 'succeed' ? result : answer === 'fail' ? JSON.stringify(failure) : '';
    const runs = runsOf(dataDir(args), args.values.run);
    await withFirstRun(runs, `callback ${id}`, (api) => api.callback(id, answer, body));
    terminal.print(`Answered: ${answer}`);
    terminal.result({ callback: id, answer });
    return EXIT.clean;
  },
};

const retry: Verb<Common> = {
  declaration: {
    name: 'executions retry',
    usage: ['<execution> [options]'],
    summary:
      'Runs an execution that failed again, as a new one that has all behind it that had succeeded.',
    positionals: { min: 1, max: 1 },
    options: COMMON,
    notes: [NAMES, EXIT_CODES],
  },
  run: (args, terminal) => again(args, 'retry', undefined, terminal),
};

const fork: Verb<Common | 'from-step'> = {
  declaration: {
    name: 'executions fork',
    usage: ['<execution> --from-step STEP [options]'],
    summary:
      'Runs an execution again from one of its steps, as a new one that has behind it what came before.',
    positionals: { min: 1, max: 1 },
    options: {
      'from-step': { value: 'STEP', help: 'Name or id of the operation to begin with.' },
      ...COMMON,
    },
    notes: [NAMES, EXIT_CODES],
  },
  async run(args, terminal) {
    const step = args.values['from-step'];
    if (step === undefined) {
      throw usageError(
        'Missing option: --from-step STEP',
        '`moorage executions history` names the steps.',
      );
    }
    return again(args, 'fork', step, terminal);
  },
};

export const verbs: Readonly<Record<string, Verb>> = {
  list,
  show,
  history,
  stop,
  callback,
  retry,
  fork,
};

const FOLLOW_MS = 200;

function dataDir(args: GivenValues<Common>): string {
  return directories(process.env, args.values['data-dir']).data;
}

async function onExecution(
  args: GivenValues<Common>,
  use: (found: FoundExecution) => Promise<void>,
): Promise<ExitCode> {
  await withExecution(runsOf(dataDir(args), args.values.run), args.positionals[0] as string, use);
  return EXIT.clean;
}

function isEnd({ EventType: type }: HistoryEvent): boolean {
  return /^Execution(Succeeded|Failed|TimedOut|Stopped)$/.test(type);
}

/** In the running stack if there is one; else the run's stack is brought up for as long as it takes. */
async function again(
  args: GivenValues<Common>,
  how: 'retry' | 'fork',
  fromStep: string | undefined,
  terminal: Terminal,
): Promise<ExitCode> {
  const runs = runsOf(dataDir(args), args.values.run);
  const found = await withExecution(runs, args.positionals[0] as string, async (it) => {
    if (!it.api.live) return { ...it, arn: undefined };
    const arn = await it.api.again(it.execution.DurableExecutionArn, how, fromStep);
    return { ...it, arn };
  });
  if (found.arn !== undefined) {
    const { DurableExecutionName: name } = await found.api.get(found.arn);
    terminal.print(`${name} runs. Follow it: moorage executions history ${name} --follow`);
    terminal.result({ run: found.run.runId, execution: found.arn, name });
    return EXIT.clean;
  }
  const { runAgain } = await import('../executions/run-again.ts');
  const ended = await runAgain(
    { run: found.run, arn: found.execution.DurableExecutionArn, how, fromStep },
    directories(process.env, args.values['data-dir']),
    terminal,
  );
  terminal.print(`${ended.name} ${ended.status}`);
  terminal.result({ run: found.run.runId, ...ended });
  if (ended.status === 'SUCCEEDED') return EXIT.clean;
  throw new CommandError(
    EXIT.incomplete,
    `${ended.name} ended as ${ended.status}: ${ended.error ?? ''}`,
  );
}
