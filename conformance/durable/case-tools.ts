/** What a case's handler may use besides its context: things that outlive an invocation. */
import type { DurableContext } from '@aws/durable-execution-sdk-js';

export interface CaseTools {
  /** Counts calls, over all invocations of the run: what a case keeps in a table on AWS. */
  count(): number;
  /** Within a step: ends the invocation as a worker that exits does, once the step's START is written. */
  crash(): Promise<never>;
}

/** A case's handler: gets the case's input, not the whole event. */
export type CaseHandler = (
  input: never,
  context: DurableContext,
  tools: CaseTools,
) => Promise<unknown>;

export type CaseHandlers = Readonly<Record<string, CaseHandler>>;

/** Names of the functions that chained invokes go to. */
export const ECHO = 'echo';
export const FAILING = 'failing';

export const noRetry = (): { shouldRetry: false } => ({ shouldRetry: false });

export class TransientError extends Error {
  override readonly name = 'TransientError';
}
