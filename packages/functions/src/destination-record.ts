/**
 * What a destination is told of an asynchronous invocation that has ended.
 * Shape: Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
 */
import type { QueuedEvent } from './event-journal.ts';
import type { FunctionConfiguration } from './function-configuration.ts';

export type EndCondition = 'Success' | 'RetriesExhausted' | 'EventAgeExceeded';

/** Of the last try, or of the durable execution that was started. */
export interface EndResult {
  payload: Uint8Array;
  executedVersion: string;
  functionError?: string;
}

export interface EndedInvocation {
  event: QueuedEvent;
  f: FunctionConfiguration;
  condition: EndCondition;
  /** Milliseconds since the epoch. */
  atMs: number;
  /** undefined when there was none in this life of the host. */
  result: EndResult | undefined;
}

/** As JSON. */
export function destinationRecord({ event, f, condition, atMs, result }: EndedInvocation): Buffer {
  const tries = event.failures + (condition === 'EventAgeExceeded' ? 0 : 1);
  return Buffer.from(
    JSON.stringify({
      version: '1.0',
      timestamp: new Date(atMs).toISOString(),
      requestContext: {
        requestId: event.id,
        functionArn: `${f.arn}:${event.qualifier ?? '$LATEST'}`,
        condition,
        approximateInvokeCount: tries,
      },
      requestPayload: json(Buffer.from(event.payloadBase64, 'base64')),
      ...(result && {
        responseContext: {
          statusCode: 200,
          executedVersion: result.executedVersion,
          ...(result.functionError !== undefined && { functionError: result.functionError }),
        },
        responsePayload: json(result.payload),
      }),
    }),
  );
}

function json(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
