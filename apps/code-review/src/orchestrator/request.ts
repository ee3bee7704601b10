/** Checks the event that starts a review, so that every later step can trust it. */
import { isRunId } from '@moorage/workspace';
import { z } from 'zod';
import { defaultLimits, type ReviewLimits, type ReviewRequest } from '../events.ts';
import { failure } from '../failure.ts';

const positive = z.number().int().positive();

const schema = z.object({
  runId: z.string().refine(isRunId, 'is not a run id; make one with newRunId()'),
  url: z.string().min(1).exactOptional(),
  path: z.string().min(1).max(1000).exactOptional(),
  revision: z.string().min(1).exactOptional(),
  limits: z
    .strictObject({
      filesMax: positive.exactOptional(),
      fileBytesMax: positive.exactOptional(),
      totalBytesMax: positive.exactOptional(),
      downloadBytesMax: positive.exactOptional(),
      cloneSecondsMax: positive.exactOptional(),
      reviewSecondsMax: positive.exactOptional(),
    })
    .exactOptional(),
  model: z
    .string()
    .regex(/^(?:|(?:bedrock|openai|anthropic):\S{1,200})$/, 'is not provider:id')
    .exactOptional(),
  displayName: z.string().min(1).max(500).exactOptional(),
});

export interface CheckedRequest extends Omit<ReviewRequest, 'limits'> {
  readonly limits: ReviewLimits;
}

/** Throws a ReviewFailure BadRequest that names the field. */
export function checkRequest(event: unknown): CheckedRequest {
  const parsed = schema.safeParse(event);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw failure(
      'BadRequest',
      `The request's ${issue?.path.join('.') || 'event'}: ${issue?.message ?? 'is malformed'}.`,
      'Send {runId, url or path, revision?, limits?, model?}.',
    );
  }
  return { ...parsed.data, limits: { ...defaultLimits, ...parsed.data.limits } };
}
