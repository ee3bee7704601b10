/**
 * What the three reviewer functions have in common: a claim makes the reviewer's directory with the user of
 * its access point; a review fills it. The analysis is one durable step; with a model each of its turns and
 * tool calls is a step too, so a run that is repeated after a crash pays for nothing twice.
 */
import {
  withDurableExecution,
  type DurableContext,
  type DurableLambdaHandler,
} from '@aws/durable-execution-sdk-js';
import { claimAgentDirectory, runLayout, type FileReference } from '@moorage/workspace';
import type { Model } from '@strands-agents/sdk';
import type { ReviewerRequest, ReviewerResponse } from '../events.ts';
import {
  analyseSource,
  finishReview,
  openSnapshot,
  readFindings,
  type Reviewer,
  type ReviewTask,
} from '../reviewers/review-source.ts';
import { requiredVariable } from './environment.ts';

/** `openModel` makes the model of a `provider:id`; tests put a scripted one in its place. */
export type OpenModel = (specification: string) => Promise<Model>;

export function reviewerHandler(reviewer: Reviewer, openModel?: OpenModel): DurableLambdaHandler {
  return withDurableExecution<ReviewerRequest, ReviewerResponse>(async (event, context) => {
    const workspaceRoot = requiredVariable('WORKSPACE');
    switch (event.task) {
      case 'claim': {
        const layout = runLayout(workspaceRoot, event.runId);
        await claimAgentDirectory(layout, reviewer.name);
        return { task: 'claim', directory: `agents/${reviewer.name}` };
      }
      case 'review':
        return { task: 'review', done: await review(reviewer, event, context, openModel) };
    }
  });
}

/** A failed analysis is not repeated here: the orchestrator asks once more, in a new attempt. */
const once = { retryStrategy: () => ({ shouldRetry: false }) };

async function review(
  reviewer: Reviewer,
  task: ReviewTask,
  context: DurableContext,
  openModel: OpenModel | undefined,
): Promise<FileReference> {
  const setting = { workspaceRoot: requiredVariable('WORKSPACE'), clock: Date.now };
  const { model: modelName } = task;
  if (modelName === undefined) {
    return context.step(
      'analyse',
      async () => {
        const source = await analyseSource(reviewer, task, setting);
        return finishReview(reviewer, task, setting, source, null);
      },
      once,
    );
  }
  const source = await context.step('analyse', () => analyseSource(reviewer, task, setting), once);
  // The agent's packages are large; a review without a model does not load them.
  const { consultModel } = await import('../reviewers/consult-model.ts');
  const open = openModel ?? (await import('../reviewers/model.ts')).openModelFromEnvironment;
  const result = await consultModel({
    reviewer: reviewer.name,
    context,
    model: await open(modelName),
    modelName,
    tree: await openSnapshot(task, setting.workspaceRoot),
    findings: await readFindings(reviewer, task, setting.workspaceRoot, source),
  });
  return context.step('finish', () => finishReview(reviewer, task, setting, source, result), once);
}
