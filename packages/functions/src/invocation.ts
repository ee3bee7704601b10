/** One invocation, as asked for and as answered. */

/** Lambda's limits, in bytes. */
export const SYNC_PAYLOAD_BYTES_MAX = 6_291_456;
export const ASYNC_PAYLOAD_BYTES_MAX = 1_048_576;
export const RESPONSE_BYTES_MAX = 6_291_556;
export const LOG_TAIL_BYTES_MAX = 4096;

export interface InvocationRequest {
  /** A name, `name:qualifier`, partial or full ARN. */
  functionName: string;
  qualifier?: string;
  /** JSON; empty means `{}`. */
  payload: Uint8Array;
  /** JSON, decoded from base64. */
  clientContext?: string;
  /** Milliseconds since the epoch: ends the invocation before the function's timeout would. */
  deadlineMs?: number;
  requestId?: string;
  traceId?: string;
  tenantId?: string;
  /** Every line of the invocation as it is written, START to REPORT. */
  log?: (line: string) => void;
}

export interface InvocationReport {
  durationMs: number;
  /** Present when this invocation waited for its environment to start. */
  initDurationMs?: number;
  memoryMb: number;
  /** Highest resident size of the worker so far; absent when it died. */
  maxMemoryUsedMb?: number;
  status: 'success' | 'error' | 'timeout';
}

export interface InvocationResult {
  /** The handler's answer, or Lambda's error object when `functionError` is set. */
  payload: Uint8Array;
  functionError?: 'Unhandled';
  /** The last 4 KB of the invocation's log. */
  logTail: string;
  executedVersion: string;
  requestId: string;
  report: InvocationReport;
}

/** An error object as Lambda answers it for a function. */
export interface FunctionError {
  errorType: string;
  errorMessage: string;
  trace?: readonly string[];
}

export function encodeFunctionError(error: FunctionError): Uint8Array {
  return Buffer.from(JSON.stringify(error));
}
