import { usageError, type ExitCode } from '../command-line/outcome.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import type { ErrorObject } from '../executions/api.ts';
import { branch, callback, stop, type Answer } from '../executions/change.ts';
import { history, list, show } from '../executions/look.ts';
import { runNamedBy } from '../executions/runs.ts';
import { openSources, type Source, type Wanted } from '../executions/sources.ts';
import type { Verb } from '../run.ts';
import { stopSignals } from '../stop-signals.ts';
import { TIME_SCALE_OPTION, timeScaleOf } from '../time-scale.ts';

type Option =
  | 'run'
  | 'status'
  | 'follow'
  | 'from-step'
  | 'result'
  | 'error-type'
  | 'error-message'
  | 'time-scale'
  | 'data-dir';

export const verb: Verb<Option> = {
  declaration: {
    name: 'executions',
    usage: [
      'list [--status STATUS,…]',
      'show <execution>',
      'history <execution> [--follow]',
      'stop <execution> [--error-type T] [--error-message M]',
      'callback succeed <callback> [--result TEXT]',
      'callback fail <callback> [--error-type T] [--error-message M]',
      'callback heartbeat <callback>',
      'retry <execution>',
      'fork <execution> [--from-step STEP]',
    ],
    summary: 'Shows the durable executions of runs, and stops, answers, retries and forks them.',
    positionals: { min: 1, max: 4 },
    options: {
      run: {
        value: 'RUN',
        help: 'The run to look in. Default: the one the execution is named after, else every run that is alive, or the newest one to look at.',
      },
      status: {
        value: 'STATUS,…',
        help: 'List only these: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, STOPPED.',
      },
      follow: { short: 'f', help: 'Go on with new events until the execution has ended.' },
      'from-step': {
        value: 'STEP',
        help:
          'Name or id of the operation to go on from: what had ended when it began is taken over. ' +
          'Without it the fork begins at the beginning.',
      },
      result: { value: 'TEXT', help: "The callback's result, handed over as it is." },
      'error-type': { value: 'TYPE', help: 'Type of the error to stop or fail with.' },
      'error-message': { value: 'TEXT', help: 'Message of that error.' },
      'time-scale': TIME_SCALE_OPTION,
      'data-dir': { value: 'DIR', help: 'As given to review.' },
    },
    notes: [
      'An execution is given by its name, its id or its ARN; a callback by its id, or by its execution ' +
        'and, when that waits for several, its name after it. retry does again what failed last and keeps the ' +
        'rest. Both retry and fork start a new execution and leave the old one as it is. They also do so in ' +
        'a run that is not alive: its stack is brought up until the new execution has ended.',
      'Where a payload is a file of the workspace (createFileSystemSerdes), show and history --json show what is in ' +
        'it: while the run is alive from its mount, afterwards from its bucket.',
      'list, show and history also read a run that is not alive. What of it had not ended ' +
        'goes on with `moorage review --resume RUN`.',
      "--json prints executions and events as AWS's API names them, times in seconds since 1970; with " +
        '--follow one document an event.',
      'Exit codes: 0; 2 no such execution or wrong arguments; 3 the run is not alive, its stack went away, or ' +
        'an execution that was waited for did not succeed; 4 internal error.',
    ],
  },
  run: executions,
};

const STATUSES = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED'];
const REMEDY = 'See `moorage executions --help`.';

interface Action {
  /** Arguments after the action's name. */
  readonly arguments: { readonly min: number; readonly max: number };
  readonly options: readonly Option[];
  /** What it needs of the run. */
  readonly to: Wanted['to'];
  run(sources: readonly Source[], args: Arguments, terminal: Terminal): Promise<ExitCode>;
}

interface Arguments {
  readonly positionals: readonly string[];
  readonly values: ParsedArguments<Option>['values'];
  readonly follow: boolean;
}

const ONE = { min: 1, max: 1 };

const ACTIONS: Readonly<Record<string, Action>> = {
  list: {
    arguments: { min: 0, max: 0 },
    options: ['status'],
    to: 'look',
    run: (sources, { values }, terminal) => list(sources, values.status, terminal),
  },
  show: {
    arguments: ONE,
    options: [],
    to: 'look',
    run: (sources, { positionals: [reference = ''] }, terminal) =>
      show(sources, reference, terminal),
  },
  history: {
    arguments: ONE,
    options: ['follow'],
    to: 'look',
    run: (sources, { positionals: [reference = ''], follow }, terminal) =>
      history(sources, { reference, follow }, terminal),
  },
  stop: {
    arguments: ONE,
    options: ['error-type', 'error-message'],
    to: 'change',
    run: (sources, { positionals: [reference = ''], values }, terminal) =>
      stop(sources, { reference, error: errorOf(values) }, terminal),
  },
  'callback succeed': answering(['result'], ({ result }) => ({ how: 'succeed', result })),
  'callback fail': answering(['error-type', 'error-message'], (values) => ({
    how: 'fail',
    error: errorOf(values) ?? {},
  })),
  'callback heartbeat': answering([], () => ({ how: 'heartbeat' })),
  retry: {
    arguments: ONE,
    options: ['time-scale'],
    to: 'start',
    run: (sources, { positionals: [reference = ''] }, terminal) =>
      branch(sources, { reference, how: 'retry' }, terminal),
  },
  fork: {
    arguments: ONE,
    options: ['from-step', 'time-scale'],
    to: 'start',
    run: (sources, { positionals: [reference = ''], values }, terminal) => {
      const step = values['from-step'];
      return branch(
        sources,
        { reference, how: 'fork', ...(step !== undefined && { fromStep: step }) },
        terminal,
      );
    },
  },
};

function answering(
  options: readonly Option[],
  answerOf: (values: Arguments['values']) => Answer,
): Action {
  return {
    arguments: { min: 1, max: 2 },
    options,
    to: 'change',
    run: (sources, { positionals: [reference = '', name], values }, terminal) =>
      callback(sources, { reference, name, answer: answerOf(values) }, terminal),
  };
}

async function executions(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const { action, positionals } = chosen(args);
  const { values } = args;
  const { data } = directories(process.env, values['data-dir']);
  const sources = await openSources({
    dataDir: data,
    runId: values.run ?? runNamedBy(data, positionals[0] ?? ''),
    to: action.to,
    timeScale: timeScaleOf(values['time-scale']),
    signal: () => stopSignals(terminal, () => {}),
    note: (line) => terminal.note(line),
  });
  try {
    const follow = args.switches.has('follow');
    return await action.run(sources, { positionals, values, follow }, terminal);
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

/** Finds the action and checks what was given to it. Throws a usage error. */
function chosen(args: ParsedArguments<Option>): {
  action: Action;
  positionals: readonly string[];
} {
  const words = args.positionals[0] === 'callback' ? 2 : 1;
  const name = args.positionals.slice(0, words).join(' ');
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (!action) {
    throw usageError(
      `There is no ${JSON.stringify(`executions ${name}`)}; there are: ${Object.keys(ACTIONS).join(', ')}.`,
      REMEDY,
    );
  }
  const positionals = args.positionals.slice(words);
  const { min, max } = action.arguments;
  if (positionals.length < min)
    throw usageError(`executions ${name}: which execution is not said.`, REMEDY);
  if (positionals.length > max) {
    const extra = JSON.stringify(positionals[max]);
    throw usageError(`executions ${name}: unexpected argument ${extra}`, REMEDY);
  }
  const allowed: readonly string[] = [...action.options, 'run', 'data-dir', 'json', 'help'];
  for (const option of [...Object.keys(args.values), ...args.switches]) {
    if (!allowed.includes(option))
      throw usageError(`executions ${name} takes no --${option}.`, REMEDY);
  }
  const unknown = args.values.status?.split(',').find((status) => !STATUSES.includes(status));
  if (unknown !== undefined) {
    throw usageError(
      `--status ${JSON.stringify(unknown)} is none of ${STATUSES.join(', ')}.`,
      REMEDY,
    );
  }
  return { action, positionals };
}

function errorOf(values: Arguments['values']): ErrorObject | undefined {
  const { 'error-type': type, 'error-message': message } = values;
  if (type === undefined && message === undefined) return undefined;
  return {
    ...(type !== undefined && { ErrorType: type }),
    ...(message !== undefined && { ErrorMessage: message }),
  };
}
