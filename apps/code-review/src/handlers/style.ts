/** Entry of the style reviewer's function. */
import type { DurableLambdaHandler } from '@aws/durable-execution-sdk-js';
import { styleReviewer } from '../reviewers/style.ts';
import { reviewerHandler } from './reviewer.ts';

export const handler: DurableLambdaHandler = reviewerHandler(styleReviewer);
