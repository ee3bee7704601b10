import { rmSync } from 'node:fs';
import path from 'node:path';
import { severities, type Severity } from '@moorage/code-review';
import { newRunId } from '@moorage/workspace';
import { checkEndpoint, parseBucketUrl } from '../bucket-url.ts';
import { CommandError, EXIT, usageError, type ExitCode } from '../command-line/outcome.ts';
import { ownCommand } from '../command-line/own-command.ts';
import type { Terminal } from '../command-line/terminal.ts';
import type { ParsedArguments } from '../command-line/verb.ts';
import { directories } from '../directories.ts';
import { asOriginalUser } from '../namespace.ts';
import {
  markFinished,
  openRun,
  prepareOutput,
  runDirectory,
  saveRequest,
  type GivenBucket,
  type RunDirectory,
  type RunRequest,
} from '../review/run-directory.ts';
import { holdRun } from '../review/run-lock.ts';
import { runLog } from '../review/run-log.ts';
import type { ReviewSummary } from '../review/summary.ts';
import { checkRevision, parseTarget, type Target } from '../review/target.ts';
import type { Verb } from '../run.ts';
import { TIME_SCALE_OPTION, timeScaleOf } from '../time-scale.ts';
import { stopSignals } from '../stop-signals.ts';

type Option =
  | 'revision'
  | 'model'
  | 'fail-on'
  | 'bucket'
  | 'endpoint'
  | 'output'
  | 'data-dir'
  | 'resume'
  | 'time-scale';

export const verb: Verb<Option> = {
  declaration: {
    name: 'review',
    usage: ['<url|path> [options]', '--resume <run> [options]'],
    summary:
      'Reviews one commit of a git repository: security, style and test coverage. The repository is an ' +
      'https:// or ssh:// address (also user@host:path) or a path; of a path, what is committed is reviewed.',
    positionals: { min: 0, max: 1 },
    options: {
      revision: { value: 'NAME', help: 'Branch, tag or commit. Default: what HEAD stands for.' },
      model: {
        value: 'PROVIDER:ID',
        help:
          'Reviewers are agents of this model: bedrock:…, openai:… or anthropic:… (with OPENAI_API_KEY, ' +
          'ANTHROPIC_API_KEY or AWS_BEARER_TOKEN_BEDROCK). Without it the offline analysers report alone.',
      },
      'fail-on': {
        value: 'SEVERITY',
        help: 'End with exit code 1 when there is a finding of this severity or worse: critical, high, medium, low, info. Default: never.',
      },
      bucket: {
        value: 'S3-URL',
        help:
          'Work in this bucket (s3://name or s3://name/prefix, versioning on, credentials from the usual ' +
          'AWS environment). Default: a local store in the run directory.',
      },
      endpoint: { value: 'URL', help: 'S3 endpoint of --bucket, if it is not at Amazon.' },
      output: { value: 'DIR', help: 'Also copy the report to this directory.' },
      'data-dir': {
        value: 'DIR',
        help:
          'Where runs are kept: the newest 20 that are finished, others for 30 days. ' +
          'Default: $XDG_DATA_HOME/moorage or ~/.local/share/moorage.',
      },
      resume: { value: 'RUN', help: 'Finish a run that was interrupted.' },
      'time-scale': TIME_SCALE_OPTION,
    },
    notes: [
      'Exit codes: 0 reviewed, nothing at or above --fail-on; 1 findings at or above --fail-on; 2 arguments, ' +
        'repository, bucket or machine must be changed; 3 not complete: interrupted (--resume finishes it), a reviewer failed, or the network did; 4 internal error.',
    ],
  },
  run: review,
};

async function review(args: ParsedArguments<Option>, terminal: Terminal): Promise<ExitCode> {
  const startedMs = Date.now();
  const places = directories(process.env, args.values['data-dir']);
  const failOn = severityOf(args.values['fail-on']);
  const timeScale = timeScaleOf(args.values['time-scale']);
  const planned = args.values.resume === undefined ? plan(args) : resume(args, places.data);
  const { output } = args.values;
  if (output !== undefined) prepareOutput(path.resolve(output));
  const { request, target } = planned;
  const run = planned.run ?? begin(request, places.data);
  await holdRun(run);

  const signal = stopSignals(terminal, () => {});
  terminal.note(`Run ${run.runId}`);
  const { runReview } = await import('../review/run-review.ts');
  const summary = await runReview(
    {
      run,
      request,
      target,
      output,
      cacheDir: places.cache,
      timeScale,
      asUser: asOriginalUser(),
      startedMs,
      signal,
      resumeCommand: resumeCommand(run, args.values['data-dir']),
      log: runLog(run),
    },
    terminal,
  ).catch((error: unknown) => {
    // Nothing of it could be used: neither a report nor a run to go on with. What was there before stays:
    // with other credentials, say, it may still be finished.
    if (planned.run === undefined && error instanceof CommandError && error.final)
      rmSync(run.path, { recursive: true, force: true });
    throw error;
  });
  markFinished(run, Date.now());
  const exitCode = exitCodeOf(summary, failOn);
  const { printSummary } = await import('../review/summary.ts');
  printSummary(summary, terminal);
  terminal.result(document(summary, run, exitCode));
  const { removeOldRuns } = await import('../review/old-runs.ts');
  removeOldRuns(places.data, Date.now());
  return exitCode;
}

interface Planned {
  readonly request: RunRequest;
  readonly target: Target;
  /** Of an earlier start; undefined for a new run. */
  readonly run: RunDirectory | undefined;
}

function plan(args: ParsedArguments<Option>): Planned {
  const [text] = args.positionals;
  if (text === undefined) {
    throw usageError('Missing argument: <url|path>', 'See `moorage review --help`.');
  }
  const { revision, model } = args.values;
  const target = parseTarget(text, process.cwd());
  if (revision !== undefined) checkRevision(revision);
  if (model !== undefined && !/^(bedrock|openai|anthropic):\S{1,200}$/.test(model)) {
    throw usageError(
      `--model ${JSON.stringify(model)} is not provider:id.`,
      'Providers: bedrock, openai, anthropic. For example --model anthropic:claude-sonnet-4-5',
    );
  }
  if (model !== undefined) requireKey(model);
  const bucket = bucketOf(args);
  return {
    request: {
      format: 1,
      createdAt: Date.now(),
      repository: target.kind === 'remote' ? target.url : target.directory,
      ...(revision !== undefined && { revision }),
      ...(model !== undefined && { model }),
      ...(bucket && { bucket }),
    },
    target,
    run: undefined,
  };
}

/** What the reviewers need in order to ask the model; better missed now than in the middle of a review. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  bedrock: ['AWS_BEARER_TOKEN_BEDROCK'],
  // Without a key: a server of one's own, which takes any.
  openai: ['OPENAI_API_KEY', 'OPENAI_BASE_URL'],
  anthropic: ['ANTHROPIC_API_KEY'],
};

function requireKey(model: string): void {
  const [provider = ''] = model.split(':');
  const names = KEYS[provider] ?? [];
  if (names.some((name) => (process.env[name] ?? '') !== '')) return;
  throw usageError(
    `--model ${model} needs ${names.join(' or ')} in the environment.`,
    'Set it, or leave --model out: the offline analysers need no key.',
  );
}

function resume(args: ParsedArguments<Option>, dataDir: string): Planned {
  const fixed = (['revision', 'model', 'bucket', 'endpoint'] as const).filter(
    (name) => args.values[name] !== undefined,
  );
  if (args.positionals.length > 0 || fixed.length > 0) {
    throw usageError(
      '--resume goes on with what the run was started with.',
      `Leave out ${[...args.positionals, ...fixed.map((name) => `--${name}`)].join(' and ')}.`,
    );
  }
  const { run, request } = openRun(dataDir, args.values.resume as string);
  if (request.model !== undefined && request.finishedAt === undefined) requireKey(request.model);
  return { run, request, target: parseTarget(request.repository, '/') };
}

function resumeCommand({ runId }: RunDirectory, dataDir: string | undefined): string {
  const where = dataDir === undefined ? '' : ` --data-dir ${path.resolve(dataDir)}`;
  return `${ownCommand(process.env)} review --resume ${runId}${where}`;
}

function begin(request: RunRequest, dataDir: string): RunDirectory {
  const runId = newRunId({
    clock: () => request.createdAt,
    random: (bytes) => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
  });
  const run = runDirectory(dataDir, runId);
  saveRequest(run, request);
  return run;
}

function bucketOf(args: ParsedArguments<Option>): GivenBucket | undefined {
  const { bucket, endpoint } = args.values;
  if (bucket === undefined) {
    if (endpoint === undefined) return undefined;
    throw usageError('--endpoint is of no use without --bucket.');
  }
  return {
    ...parseBucketUrl(bucket),
    ...(endpoint !== undefined && { endpoint: checkEndpoint(endpoint) }),
  };
}

function severityOf(text: string | undefined): Severity | undefined {
  if (text === undefined) return undefined;
  const severity = severities.find((known) => known === text);
  if (severity) return severity;
  throw usageError(
    `--fail-on ${JSON.stringify(text)} is not a severity.`,
    `Severities: ${severities.join(', ')}.`,
  );
}

/** An incomplete review never looks like a clean one: what is missing could be what matters. */
function exitCodeOf({ result }: ReviewSummary, failOn: Severity | undefined): ExitCode {
  if (result.status === 'incomplete') return EXIT.incomplete;
  if (failOn === undefined) return EXIT.clean;
  const counted = severities.slice(0, severities.indexOf(failOn) + 1);
  return counted.some((severity) => result.counts[severity] > 0) ? EXIT.findings : EXIT.clean;
}

function document(summary: ReviewSummary, run: RunDirectory, exitCode: ExitCode): unknown {
  const { result } = summary;
  return {
    runId: run.runId,
    status: result.status,
    exitCode,
    repository: result.repository,
    revision: result.revision,
    commit: result.commit,
    files: result.files,
    counts: result.counts,
    suppressed: result.suppressed,
    unread: result.unread,
    reviewers: result.reviewers,
    report: {
      directories: summary.reportDirectories,
      url: summary.reportUrl,
    },
    runDirectory: run.path,
    seconds: {
      total: summary.totalSeconds,
      parts: secondsOf(summary, false),
      earlier: secondsOf(summary, true),
    },
  };
}

function secondsOf({ parts }: ReviewSummary, earlier: boolean): Record<string, number> {
  const wanted = parts.filter((part) => part.earlier === earlier);
  return Object.fromEntries(wanted.map(({ name, seconds }) => [name, seconds]));
}
