/**
 * What the three reviewer functions have in common: a claim makes the reviewer's directory with the user of
 * its access point; a review fills it. The work is one durable step, so a run that is repeated after a
 * crash does not analyse twice what is done.
 */
import { withDurableExecution, type DurableLambdaHandler } from '@aws/durable-execution-sdk-js';
import { claimAgentDirectory, runLayout } from '@moorage/workspace';
import type { ReviewerRequest, ReviewerResponse } from '../events.ts';
import { runReview, type Reviewer } from '../reviewers/run-review.ts';
import { requiredVariable } from './environment.ts';

export function reviewerHandler(reviewer: Reviewer): DurableLambdaHandler {
  return withDurableExecution<ReviewerRequest, ReviewerResponse>(async (event, context) => {
    const workspaceRoot = requiredVariable('WORKSPACE');
    switch (event.task) {
      case 'claim': {
        const layout = runLayout(workspaceRoot, event.runId);
        await claimAgentDirectory(layout, reviewer.name);
        return { task: 'claim', directory: `agents/${reviewer.name}` };
      }
      case 'review': {
        const done = await context.step(
          'analyse',
          () => runReview(reviewer, event, { workspaceRoot, clock: Date.now }),
          { retryStrategy: () => ({ shouldRetry: false }) },
        );
        return { task: 'review', done };
      }
    }
  });
}
