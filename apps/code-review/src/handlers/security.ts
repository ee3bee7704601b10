/** Entry of the security reviewer's function. */
import type { DurableLambdaHandler } from '@aws/durable-execution-sdk-js';
import { securityReviewer } from '../reviewers/security.ts';
import { reviewerHandler } from './reviewer.ts';

export const handler: DurableLambdaHandler = reviewerHandler(securityReviewer);
