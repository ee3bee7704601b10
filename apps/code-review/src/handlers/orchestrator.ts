/** Entry of the orchestrator function: settings from the environment, everything else in orchestrate.ts. */
import { withDurableExecution, type DurableLambdaHandler } from '@aws/durable-execution-sdk-js';
import type { ReviewResult } from '../events.ts';
import { orchestrate } from '../orchestrator/orchestrate.ts';
import { requiredVariable } from './environment.ts';

export const handler: DurableLambdaHandler = withDurableExecution<unknown, ReviewResult>(
  (event, context) =>
    orchestrate(event, context, {
      workspaceRoot: requiredVariable('WORKSPACE'),
      functions: {
        security: requiredVariable('SECURITY_FUNCTION'),
        style: requiredVariable('STYLE_FUNCTION'),
        coverage: requiredVariable('COVERAGE_FUNCTION'),
      },
      defaultModel: process.env['MODEL'] ?? '',
      environment: process.env,
      clock: Date.now,
    }),
);
