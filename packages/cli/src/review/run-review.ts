// One review from the request to the copied report, on a stack of its own.
//
// Order: hand-in (local repositories) and bring-up side by side → execution → report out of the mount
// and into the bucket, side by side → stop. An interruption at any point stops the stack in order and
// leaves a run that `--resume` finishes: the journal and the local store are in the run's directory.
import { statfsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { unreadSentence, type ReviewRequest, type ReviewResult } from '@moorage/code-review';
import type { BucketLocation } from '@moorage/object-store';
import type { Stack, StackOptions } from '@moorage/stack';
import { CommandError, EXIT } from '../command-line/outcome.ts';
import { ownCommand } from '../command-line/own-command.ts';
import type { Terminal } from '../command-line/terminal.ts';
import { stackProblem } from '../stack-problem.ts';
import { systemClock } from '../system-clock.ts';
import { handIn, isHandedIn, needsHandIn, resolveLocal, type HandInOptions } from './hand-in.ts';
import { Progress, type HistoryEvent } from './progress.ts';
import { copyReport, ORCHESTRATOR_ACCESS } from './report-copy.ts';
import { executionError } from './review-failure.ts';
import { saveRequest, type RunDirectory, type RunRequest } from './run-directory.ts';
import { startRunStack, syncAll } from './run-stack.ts';
import type { ReportedFinding, ReviewSummary } from './summary.ts';
import type { Target } from './target.ts';
import { copyTree, removeTree } from './workspace-files.ts';

export interface ReviewRun {
  readonly run: RunDirectory;
  readonly request: RunRequest;
  /** What the address or path of the request stands for. */
  readonly target: Target;
  /** More directories the report is copied to. */
  readonly output: string | undefined;
  readonly cacheDir: string;
  readonly timeScale: number | undefined;
  readonly asUser: readonly string[];
  /** Milliseconds since the epoch. */
  readonly startedMs: number;
  readonly signal: AbortSignal;
  /** What finishes the run after an interruption. */
  readonly resumeCommand: string;
  readonly log: StackOptions['log'];
}

const STATUS_MS_MAX = 2_000;
/** With less than this left nothing can be expected to work. */
const DISK_FULL_BYTES = 512 * 1024;
const DISK_LOOK_MS = 1_000;
const DISK_FULL_LOOKS = 10;

/** Throws a CommandError for whatever a user can cause. Nothing is left running in any case. */
export async function runReview(review: ReviewRun, terminal: Terminal): Promise<ReviewSummary> {
  const progress = new Progress(terminal, systemClock.now);
  let stack: Stack | undefined;
  try {
    const up = await bringUp(review, progress);
    stack = up.stack;
    const result = await execute(review, up, progress);
    return await finish(review, up, progress, result);
  } catch (error) {
    progress.close();
    const away = stack && (await bucketProblem(stack));
    const lost = stack?.lost.aborted ? (stack.lost.reason as Error) : undefined;
    await stack?.stop();
    throw problem(review, lost ?? error, { away, lost: lost !== undefined });
  }
}

/** What the user is told. A full disk or a lost bucket shows in many ways; the cause is what helps. */
function problem(
  review: ReviewRun,
  error: unknown,
  { away, lost }: { away: string | undefined; lost: boolean },
): unknown {
  const { run, signal } = review;
  if (signal.aborted) return interrupted(review);
  const known = stackProblem(error);
  if (known instanceof CommandError && known.exitCode === EXIT.usage) return known;
  if (known instanceof CommandError && known.exitCode === EXIT.incomplete) return known;
  // The workspace keeps some of the disk for itself: what is written there fails before all of it is used.
  const full = isFull(run.path) || (error instanceof Error && error.message.includes('ENOSPC'));
  if (!full && away === undefined) return lost ? lostPart(review, error as Error) : known;
  // An execution that has ended cannot be taken up again.
  const over = known instanceof CommandError;
  const then = over ? 'start the review again' : `finish it: ${review.resumeCommand}`;
  return full
    ? new CommandError(
        EXIT.incomplete,
        `The disk that holds ${run.path} is full.`,
        `Free space there, then ${then}`,
        { cause: error, final: over },
      )
    : new CommandError(
        EXIT.incomplete,
        `The bucket went away in the middle of the review: ${away}`,
        `Make it reachable, then ${then}`,
        { cause: error, final: over },
      );
}

function isFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < DISK_FULL_BYTES;
}

/** Aborts when the disk stays full: what cannot be written waits for space, and nobody would be told. */
function watchDisk(directory: string): { signal: AbortSignal; timer: NodeJS.Timeout } {
  const controller = new AbortController();
  let looks = 0;
  const timer = setInterval(() => {
    looks = isFull(directory) ? looks + 1 : 0;
    if (looks === DISK_FULL_LOOKS) controller.abort(new Error('the disk stays full'));
  }, DISK_LOOK_MS);
  return { signal: controller.signal, timer };
}

function lostPart({ run, resumeCommand }: ReviewRun, cause: Error): CommandError {
  return new CommandError(
    EXIT.incomplete,
    cause.message,
    `Finish the run: ${resumeCommand} (its log is ${run.path}/moorage.log)`,
    { cause },
  );
}

/** What the bucket last said, if that was an error. */
async function bucketProblem({ fileSystems }: Stack): Promise<string | undefined> {
  for (const server of fileSystems.values()) {
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), STATUS_MS_MAX).unref();
    });
    const status = await Promise.race([server.status().catch(() => undefined), late]);
    if (status?.lastError) return status.lastError.message;
  }
  return undefined;
}

function interrupted({ resumeCommand }: ReviewRun): CommandError {
  return new CommandError(
    EXIT.incomplete,
    'The review was interrupted. What it had done is kept.',
    `Finish it: ${resumeCommand}`,
  );
}

interface Up {
  readonly stack: Stack;
  readonly event: ReviewRequest;
  /** Takes what was handed in out of the workspace again; once, whoever asks first. */
  readonly removeHandIn: () => Promise<void>;
}

async function bringUp(review: ReviewRun, progress: Progress): Promise<Up> {
  const { run, request } = review;
  const handInOptions = {
    target: review.target,
    revision: request.revision,
    directory: run.incoming,
    asUser: review.target.kind === 'remote' ? review.asUser : [],
    signal: review.signal,
  };
  // Loaded while git looks; what is wrong with it is said where it is used.
  import('@moorage/stack').catch(() => {});
  const commit = request.event ? undefined : await resolveLocal(handInOptions);
  progress.begin('workspace');
  // git first: it works while the rest of the program is being loaded.
  const handing = settleEvent(review, handInOptions, commit);
  const [stack, event] = await Promise.allSettled([startRunStack(review), handing]);
  if (stack.status === 'rejected') throw stack.reason;
  if (event.status === 'rejected') {
    await stack.value.stop();
    throw event.reason;
  }
  progress.end('workspace', true);
  return {
    stack: stack.value,
    event: event.value,
    removeHandIn: handInRemoval(review, stack.value, event.value),
  };
}

function handInRemoval(
  review: ReviewRun,
  stack: Stack,
  { path: place }: ReviewRequest,
): () => Promise<void> {
  if (place === undefined) return () => Promise.resolve();
  const directory = path.join(stack.accessPointDirectory(ORCHESTRATOR_ACCESS), place);
  let removal: Promise<void> | undefined;
  return () => (removal ??= removeTree(directory, AbortSignal.any([review.signal, stack.lost])));
}

/** Decides once how the repository reaches the orchestrator, and hands it in where need be. */
async function settleEvent(
  { run, request, target }: ReviewRun,
  options: HandInOptions,
  commit: string | undefined,
): Promise<ReviewRequest> {
  if (request.event) return request.event;
  const handed = await needsHandIn(options);
  const revision = handed ? await handIn(options, commit) : request.revision;
  const event: ReviewRequest = {
    runId: run.runId,
    ...(target.kind === 'remote' && !handed
      ? { url: target.url }
      : { path: `incoming/${run.runId}.git` }),
    ...(revision !== undefined && { revision }),
    ...(request.model !== undefined && { model: request.model }),
    displayName: target.display,
  };
  saveRequest(run, { ...request, event });
  return event;
}

async function execute(review: ReviewRun, up: Up, progress: Progress): Promise<ReviewResult> {
  const { stack, event } = up;
  if (event.path !== undefined && isHandedIn(review.run.incoming)) {
    await putIntoWorkspace(review, stack, event.path);
  }
  const ended = await followed(review, up, progress);
  if (ended.status !== 'SUCCEEDED') throw executionError(ended, review.run.path);
  return JSON.parse(ended.result ?? 'null') as ReviewResult;
}

/** By way of the orchestrator's own access point, so that the files belong to its user. */
async function putIntoWorkspace(review: ReviewRun, stack: Stack, place: string): Promise<void> {
  const workspace = stack.accessPointDirectory(ORCHESTRATOR_ACCESS);
  const gone = AbortSignal.any([review.signal, stack.lost]);
  await copyTree(review.run.incoming, path.join(workspace, place), gone);
}

type ExecutionEnd = Awaited<ReturnType<Stack['durable']['waitFor']>>;

/** Starts the execution, or finds the one of this run, and follows it to its end. */
async function followed(
  review: ReviewRun,
  { stack, event, removeHandIn }: Up,
  progress: Progress,
): Promise<ExecutionEnd> {
  const { durable, plan } = stack;
  const functionName = plan.outputs.Orchestrator as string;
  const orchestrator = functionName.replace(/:.*/, '');
  const { executionArn } = await durable.startExecution({
    functionName,
    name: review.run.runId,
    payload: JSON.stringify(event),
  });
  const heard = (shown: HistoryEvent): void => {
    progress.event(shown);
    // While the reviewers work; should it fail, the end of the review waits for it and says so.
    if (shown.Name === 'clone' && shown.EventType === 'StepSucceeded')
      removeHandIn().catch(() => {});
  };
  // What has happened by now, also in earlier attempts, and then all that follows.
  for (const shown of durable.history(executionArn)) heard(shown as HistoryEvent);
  const stopWatching = durable.watch((notice) => {
    if (notice.functionName === orchestrator) heard(notice.event as HistoryEvent);
  });
  const disk = watchDisk(review.run.path);
  try {
    const gone = [review.signal, stack.lost, disk.signal];
    return await abortable(durable.waitFor(executionArn), gone);
  } finally {
    clearInterval(disk.timer);
    stopWatching();
  }
}

async function finish(
  review: ReviewRun,
  { stack, removeHandIn }: Up,
  progress: Progress,
  result: ReviewResult,
): Promise<ReviewSummary> {
  const { run, request, output } = review;
  const directories = [run.report, ...(output === undefined ? [] : [path.resolve(output)])];
  progress.begin('report');
  const gone = AbortSignal.any([review.signal, stack.lost]);
  const [findings, synced] = await Promise.all([
    reported(stack, run.runId, directories, gone),
    removeHandIn().then(() => syncAll(stack, gone)),
    // Nothing is invoked any more.
    stack.functions.close(),
  ]);
  progress.end('report', synced === undefined);
  progress.begin('stop');
  await stack.stop();
  progress.close();
  if (synced) throw synced;
  await rm(run.incoming, { recursive: true, force: true });
  const { bucket } = stack;
  const fileSystem = stack.plan.fileSystems[0];
  const key = `${fileSystem?.prefix ?? ''}reviews/${run.runId}/report/`;
  return {
    result,
    findings,
    reportDirectories: directories,
    reportUrl: `s3://${bucket?.bucket}/${key}`,
    bucketHint: request.bucket
      ? `aws s3 ls ${await endpointOption(request.bucket)}s3://${bucket?.bucket}/${key}`
      : `${ownCommand(process.env)} local-s3 --dir ${run.stack}/s3`,
    parts: progress.finished,
    totalSeconds: (systemClock.now() - review.startedMs) / 1000,
    notes: notesOf(result),
  };
}

/** Also where the address comes from the environment or a profile: the hint is for other shells, too. */
async function endpointOption(location: BucketLocation): Promise<string> {
  const { openBucket } = await import('@moorage/object-store');
  const bucket = await openBucket(location);
  const { endpoint } = bucket;
  await bucket.close();
  return /\.amazonaws\.com(\.cn)?$/.test(endpoint) ? '' : `--endpoint-url ${endpoint} `;
}

async function reported(
  stack: Stack,
  runId: string,
  directories: readonly string[],
  signal: AbortSignal,
): Promise<ReportedFinding[]> {
  if (!(await copyReport(stack, runId, directories, signal)))
    throw new Error(`the orchestrator ended without a report of ${runId} in the workspace`);
  const json = await readFile(path.join(directories[0]!, 'findings.json'), 'utf8');
  return (JSON.parse(json) as { findings: ReportedFinding[] }).findings;
}

function notesOf({ reviewers, unread }: ReviewResult): string[] {
  const byModel = reviewers.some(({ model }) => model !== null);
  const sentence = unreadSentence(unread, { byModel });
  return [
    ...(sentence === null ? [] : [sentence]),
    ...(byModel
      ? []
      : ['No model was used: the findings come from the analysers alone (--model provider:id).']),
  ];
}

async function abortable<T>(promise: Promise<T>, signals: readonly AbortSignal[]): Promise<T> {
  const signal = AbortSignal.any([...signals]);
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  return Promise.race([promise, aborted]);
}
