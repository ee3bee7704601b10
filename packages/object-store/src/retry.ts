/**
 * Trying again: full jitter (a random wait between zero and an exponentially growing bound), a limit on the
 * tries and a deadline on all of them. Only errors that say they are retryable are retried.
 */
import { S3Error } from './errors.ts';

/** Time as the package sees it; injected so that tests need not wait. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

export interface RetryPolicy {
  triesMax: number;
  waitMsFirst: number;
  waitMsMax: number;
  deadlineMs: number;
}

export const retryPolicy: RetryPolicy = {
  triesMax: 5,
  waitMsFirst: 100,
  waitMsMax: 5_000,
  deadlineMs: 60_000,
};

export interface RetryContext {
  clock: Clock;
  random: () => number;
  log: (line: string) => void;
}

/** Calls `attempt` with the number of tries before it until it succeeds or trying again makes no sense. */
export async function withRetries<T>(
  context: RetryContext,
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: (triesBefore: number) => Promise<T>,
): Promise<T> {
  const start = context.clock.now();
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(tries);
    } catch (error) {
      if (!(error instanceof S3Error) || !error.retryable) throw error;
      if (tries + 1 >= policy.triesMax || signal?.aborted === true) throw error;
      const bound = Math.min(policy.waitMsMax, policy.waitMsFirst * 2 ** tries);
      const wait = context.random() * bound;
      if (context.clock.now() + wait - start > policy.deadlineMs) throw error;
      context.log(
        `retry s3 code=${error.code} status=${error.status} tries=${tries + 1} wait_ms=${Math.round(wait)} | ${error.message}`,
      );
      await context.clock.sleep(wait, signal);
    }
  }
}
