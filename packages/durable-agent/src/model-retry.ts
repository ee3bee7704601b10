/**
 * Which failed model calls are worth another try, and when. The waiting is the durable service's:
 * while it lasts no worker is held.
 */
import {
  createRetryStrategy,
  JitterStrategy,
  type RetryDecision,
} from '@aws/durable-execution-sdk-js';

const backoff = createRetryStrategy({
  maxAttempts: 6,
  initialDelay: { seconds: 4 },
  maxDelay: { seconds: 60 },
  backoffRate: 2,
  jitter: JitterStrategy.HALF,
});

/** Six attempts, 4 to 60 seconds apart, unless the provider has said that it is no use. */
export function retryModelCall(error: Error, attempts: number): RetryDecision {
  return isPermanent(error) ? { shouldRetry: false } : backoff(error, attempts);
}

/** A refusal (bad request, no access, no such model), missing credentials, a cancelled call. */
function isPermanent(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > 8) return false;
  const { name, status, statusCode, $metadata, cause } = error as {
    name?: unknown;
    status?: unknown;
    statusCode?: unknown;
    $metadata?: { httpStatusCode?: unknown };
    cause?: unknown;
  };
  if (typeof name === 'string' && PERMANENT_NAMES.has(name)) return true;
  const http = [status, statusCode, $metadata?.httpStatusCode].find(
    (value) => typeof value === 'number',
  );
  if (http !== undefined) return http >= 400 && http < 500 && !PASSING_STATUS.has(http);
  return isPermanent(cause, depth + 1);
}

/** Request timeout, conflict, throttling. */
const PASSING_STATUS = new Set([408, 409, 429]);
const PERMANENT_NAMES = new Set([
  'CancelledError',
  'CredentialsProviderError',
  'DefaultNotConfiguredError',
  'InterruptError',
  'JsonValidationError',
]);
