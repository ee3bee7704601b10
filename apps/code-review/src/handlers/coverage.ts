/** Entry of the coverage reviewer's function. */
import type { DurableLambdaHandler } from '@aws/durable-execution-sdk-js';
import { coverageReviewer } from '../reviewers/coverage.ts';
import { reviewerHandler } from './reviewer.ts';

export const handler: DurableLambdaHandler = reviewerHandler(coverageReviewer);
