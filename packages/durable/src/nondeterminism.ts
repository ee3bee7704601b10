/** Placeholder until the SDK's messages are read. */
import type { Execution } from './execution.ts';
import type { ErrorObject } from './wire.ts';

export function explainNonDeterminism(_execution: Execution, error: ErrorObject): ErrorObject {
  return error;
}
