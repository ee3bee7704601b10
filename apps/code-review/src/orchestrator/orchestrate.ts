/**
 * The durable orchestration of one review. Every effect is in a step or an invocation, so a run that was
 * interrupted anywhere continues where it stopped; through checkpoints travel paths, hashes and counts.
 *
 *   open → claim-{security,style,coverage}, clone → seal → review-{…} → verify → merge → publish
 *
 * The operation names are what a person sees as progress. Operations are made in a fixed order: the ids
 * that the durable service replays by depend on it.
 */
import { readFile } from 'node:fs/promises';
import type { DurableContext, StepConfig } from '@aws/durable-execution-sdk-js';
import {
  publish,
  runLayout,
  sha256Hex,
  verifyDone,
  writeManifest,
  writeRunRecord,
  type FileReference,
  type RunLayout,
} from '@moorage/workspace';
import {
  reviewerNames,
  type ReviewerName,
  type ReviewerRequest,
  type ReviewerResponse,
  type ReviewResult,
} from '../events.ts';
import { ReviewFailure, type FailureReport } from '../failure.ts';
import { cloneRepository } from '../repository/clone.ts';
import { withoutUser } from '../repository/location.ts';
import { mergeReports, type ReviewedBy } from './merge-reports.ts';
import { checkRequest, type CheckedRequest } from './request.ts';
import {
  emptySource,
  notWritable,
  openRunDirectory,
  sealRunDirectory,
  type ReviewRecord,
} from './run-directory.ts';

export interface OrchestratorSetting {
  /** Where the file system is mounted. */
  readonly workspaceRoot: string;
  /** Qualified function names. */
  readonly functions: Readonly<Record<ReviewerName, string>>;
  /** The model when the request names none; '' for none. */
  readonly defaultModel: string;
  /** Credentials for git come from here. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: () => number;
}

/** Rounds of reviewing: a reviewer whose results do not verify is asked once more. */
const roundsMax = 2;

/** A value or the failure, as a checkpoint can hold it. */
type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: FailureReport };

interface CloneResult {
  readonly repository: string;
  readonly revision: string;
  readonly commit: string;
  readonly manifest: FileReference;
  readonly files: number;
  readonly skipped: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

/** What a user can cause is returned, so it is not retried; a surprise gets a second chance at once. */
const retryOnce: Pick<StepConfig<never>, 'retryStrategy'> = {
  retryStrategy: (_error, attempt) => ({ shouldRetry: attempt < 2, delay: { seconds: 1 } }),
};

export async function orchestrate(
  event: unknown,
  context: DurableContext,
  setting: OrchestratorSetting,
): Promise<ReviewResult> {
  const request = checkRequest(event);
  const layout = runLayout(setting.workspaceRoot, request.runId);
  const model = request.model ?? setting.defaultModel;
  const record = (startedAt: number): ReviewRecord => ({
    runId: request.runId,
    status: 'running',
    startedAt,
    updatedAt: setting.clock(),
    executionArn: context.executionContext.durableExecutionArn,
    repository: request.displayName ?? request.path ?? withoutUser(request.url ?? ''),
    revision: request.revision ?? 'HEAD',
    model: model === '' ? null : model,
    limits: request.limits,
  });

  const opened = await context.step(
    'open',
    () =>
      outcome(async () => {
        const startedAt = setting.clock();
        await openRunDirectory(layout, record(startedAt));
        return startedAt;
      }),
    retryOnce,
  );
  if (!opened.ok) throw new ReviewFailure(opened.failure);
  const startedAt = opened.value;

  const fail = async (report: FailureReport): Promise<never> => {
    await context.step(
      'fail',
      () =>
        writeRunRecord<ReviewRecord>(layout.record, {
          ...record(startedAt),
          status: 'failed',
          failure: report,
        }),
      retryOnce,
    );
    throw new ReviewFailure(report);
  };

  // Side by side: no reviewer reads anything before the run is sealed, and their environments start meanwhile.
  const [claims, cloned] = await Promise.all([
    Promise.all(
      reviewerNames.map((name) =>
        ask(context, `claim-${name}`, setting.functions[name], {
          task: 'claim',
          runId: request.runId,
        }),
      ),
    ),
    context.step('clone', () => outcome(() => cloneAlone(request, layout, setting)), retryOnce),
  ]);
  if (!cloned.ok) return fail(cloned.failure);
  const claimed = reviewerNames.filter((_name, index) => claims[index]?.error === null);
  if (claimed.length === 0) {
    return fail({
      code: 'ReviewersFailed',
      message: `No reviewer could make its directory: ${claims[0]?.error ?? ''}.`,
      remedy: 'Check the access points of the reviewers and the log of their functions.',
    });
  }

  await context.step('seal', () => sealRunDirectory(layout, claimed), retryOnce);

  const reviewStarted = new Map<ReviewerName, ReviewedBy>();
  for (const [index, name] of reviewerNames.entries()) {
    const error = claims[index]?.error ?? null;
    reviewStarted.set(name, { name, done: null, error });
  }
  const reviewed = await review(context, {
    request,
    layout,
    model,
    manifest: cloned.value.manifest,
    claimed,
    reviewed: reviewStarted,
    functions: setting.functions,
  });
  if (reviewed.every(({ done }) => done === null)) {
    return fail({
      code: 'ReviewersFailed',
      message: `No reviewer finished: ${reviewed[0]?.error ?? ''}.`,
      remedy: "Look into the log of the reviewers' functions, then start the review again.",
    });
  }

  const merged = await context.step(
    'merge',
    async () => {
      const begun = setting.clock();
      const report = await mergeReports(layout, cloned.value.manifest, reviewed, startedAt);
      return { ...report, milliseconds: setting.clock() - begun };
    },
    retryOnce,
  );
  const { value: source } = cloned;
  const result: ReviewResult = {
    runId: request.runId,
    status: merged.reviewers.every(({ status }) => status === 'done') ? 'complete' : 'incomplete',
    repository: source.repository,
    revision: source.revision,
    commit: source.commit,
    files: { total: source.files, skipped: source.skipped, bytes: source.bytes },
    counts: merged.counts,
    suppressed: merged.suppressed,
    unread: merged.unread,
    reviewers: merged.reviewers,
    report: { findings: merged.findings, sarif: merged.sarif, markdown: merged.markdown },
    milliseconds: {
      clone: source.milliseconds,
      review: Math.max(...merged.reviewers.map(({ milliseconds }) => milliseconds)),
      merge: merged.milliseconds,
    },
  };
  await context.step(
    'publish',
    async () => {
      await publish(layout.report);
      await verifyReport(layout, [merged.findings, merged.sarif, merged.markdown]);
      await writeRunRecord<ReviewRecord>(layout.record, {
        ...record(startedAt),
        status: result.status,
        commit: result.commit,
        result,
      });
    },
    retryOnce,
  );
  return result;
}

interface ReviewRound {
  readonly request: CheckedRequest;
  readonly layout: RunLayout;
  readonly model: string;
  readonly manifest: FileReference;
  readonly claimed: readonly ReviewerName[];
  /** What is known so far, by reviewer; one that could not claim stays failed. */
  readonly reviewed: Map<ReviewerName, ReviewedBy>;
  readonly functions: Readonly<Record<ReviewerName, string>>;
}

/** Invokes the reviewers in parallel and again those whose results do not verify. In the order of the names. */
async function review(context: DurableContext, round: ReviewRound): Promise<ReviewedBy[]> {
  const { request, layout, reviewed } = round;
  let pending = round.claimed;
  for (let number = 1; number <= roundsMax && pending.length > 0; number++) {
    const answers = await Promise.all(
      pending.map((name) =>
        ask(context, `review-${name}`, round.functions[name], {
          task: 'review',
          runId: request.runId,
          manifest: round.manifest,
          reviewSecondsMax: request.limits.reviewSecondsMax,
          ...(round.model === '' ? {} : { model: round.model }),
        }),
      ),
    );
    const asked: readonly ReviewedBy[] = pending.map((name, index) => {
      const answer = answers[index];
      const done = answer?.response?.task === 'review' ? answer.response.done : null;
      return { name, done, error: answer?.error ?? (done === null ? 'no answer' : null) };
    });
    const verified = await context.step(
      'verify',
      () => Promise.all(asked.map((entry) => verify(layout, entry))),
      retryOnce,
    );
    for (const entry of verified) reviewed.set(entry.name, entry);
    pending = verified.filter(({ done }) => done === null).map(({ name }) => name);
  }
  return [...reviewed.values()];
}

async function verify(layout: RunLayout, entry: ReviewedBy): Promise<ReviewedBy> {
  if (entry.done === null) return entry;
  try {
    await verifyDone(layout, entry.name, entry.done);
    return entry;
  } catch (error) {
    return { ...entry, done: null, error: messageOf(error) };
  }
}

/** One invocation of a reviewer; its failure is a value, because its siblings go on. */
async function ask(
  context: DurableContext,
  name: string,
  functionName: string,
  request: ReviewerRequest,
): Promise<{ response: ReviewerResponse | null; error: string | null }> {
  try {
    const response = await context.invoke<ReviewerRequest, ReviewerResponse>(
      name,
      functionName,
      request,
    );
    return { response, error: null };
  } catch (error) {
    return { response: null, error: messageOf(error) };
  }
}

/**
 * The clone under way in this process. An invocation that was given up goes on working when its environment is
 * used again (thawed, on AWS), and two clones must not write one source/.
 */
let lastClone: Promise<unknown> = Promise.resolve();

function cloneAlone(...args: Parameters<typeof clone>): Promise<CloneResult> {
  const made = lastClone.then(() => clone(...args));
  lastClone = made.catch(() => {});
  return made;
}

async function clone(
  request: CheckedRequest,
  layout: RunLayout,
  setting: OrchestratorSetting,
): Promise<CloneResult> {
  const begun = setting.clock();
  await emptySource(layout);
  try {
    const made = await cloneRepository({
      request,
      workspaceRoot: setting.workspaceRoot,
      source: layout.source,
      limits: request.limits,
      environment: setting.environment,
    });
    const manifest = await writeManifest(layout.directory, made);
    return {
      repository: made.repository,
      revision: made.revision,
      commit: made.commit,
      manifest,
      files: made.files.length,
      skipped: made.skipped.length,
      bytes: made.files.reduce((sum, file) => sum + file.bytes, 0),
      milliseconds: setting.clock() - begun,
    };
  } catch (error) {
    throw notWritable(layout.source, error);
  }
}

async function verifyReport(layout: RunLayout, files: readonly FileReference[]): Promise<void> {
  for (const file of files) {
    const bytes = await readFile(`${layout.directory}/${file.path}`);
    if (sha256Hex(bytes) !== file.sha256) throw new Error(`${file.path} changed while published`);
  }
}

/** Turns a ReviewFailure into a value; anything else stays an exception and is retried. */
async function outcome<T>(make: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await make() };
  } catch (error) {
    if (error instanceof ReviewFailure) return { ok: false, failure: error.report };
    throw error;
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}
