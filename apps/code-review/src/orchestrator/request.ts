/** Checks the event that starts a review, so that every later step can trust it. */
import { isRunId } from '@moorage/workspace';
import * as z from 'zod/mini';
import { defaultLimits, type ReviewLimits, type ReviewRequest } from '../events.ts';
import { failure } from '../failure.ts';

const { exactOptional } = z;
const positive = exactOptional(z.int().check(z.positive()));
const filled = z.string().check(z.minLength(1));

const schema = z.object({
  runId: z.string().check(z.refine(isRunId, 'is not a run id; make one with newRunId()')),
  url: exactOptional(filled),
  path: exactOptional(filled.check(z.maxLength(1000))),
  revision: exactOptional(filled),
  limits: exactOptional(
    z.strictObject({
      filesMax: positive,
      fileBytesMax: positive,
      totalBytesMax: positive,
      downloadBytesMax: positive,
      cloneSecondsMax: positive,
      reviewSecondsMax: positive,
    }),
  ),
  model: exactOptional(
    z
      .string()
      .check(z.regex(/^(?:|(?:bedrock|openai|anthropic):\S{1,200})$/, 'is not provider:id')),
  ),
  displayName: exactOptional(filled.check(z.maxLength(500))),
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
