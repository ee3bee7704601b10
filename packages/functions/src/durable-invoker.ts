/** What the host needs of whoever runs durable executions. */
import type { EndResult } from './destination-record.ts';

/** Any may reject with an error that has a `name` and a numeric `status`: both go to the caller. */
export interface DurableInvoker {
  /** The same name with the same payload is the same execution. */
  start(o: {
    functionName: string;
    qualifier?: string;
    payload: Uint8Array;
    executionName?: string;
  }): Promise<{
    executionArn: string;
    executedVersion?: string;
    result: Promise<{ payload: Uint8Array; functionError?: string }>;
  }>;
  /** Resolves when the execution has ended, at once if it has already; rejects when there is none. */
  ended(executionArn: string): Promise<EndResult>;
}
