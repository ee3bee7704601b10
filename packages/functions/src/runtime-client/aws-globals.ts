/**
 * `globalThis.awslambda`, as handlers and the AWS SDK expect it: response streaming (collected, the
 * Invoke API has no place for a stream) and the store of the invocation's identity.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Writable } from 'node:stream';

import type { Handler } from './handler-lookup.ts';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const KEYS = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
  TRACEPARENT: Symbol.for('_AWS_LAMBDA_TRACEPARENT'),
  TRACESTATE: Symbol.for('_AWS_LAMBDA_TRACESTATE'),
  BAGGAGE: Symbol.for('_AWS_LAMBDA_BAGGAGE'),
} as const;
const PROTECTED: readonly PropertyKey[] = Object.values(KEYS);

type Values = Record<PropertyKey, unknown>;

/** The interface of `@aws/lambda-invoke-store`, which uses this object when it finds it. */
export class InvokeStore {
  readonly #storage = new AsyncLocalStorage<Values>();

  run<T>(values: Values, fn: () => T): T {
    return this.#storage.run(values, fn);
  }

  getContext(): Values | undefined {
    return this.#storage.getStore();
  }

  hasContext(): boolean {
    return this.#storage.getStore() !== undefined;
  }

  isProtectedKey(key: PropertyKey): boolean {
    return PROTECTED.includes(key);
  }

  get(key: PropertyKey): unknown {
    return this.#storage.getStore()?.[key];
  }

  set(key: PropertyKey, value: unknown): void {
    if (this.isProtectedKey(key))
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`);
    const values = this.#storage.getStore();
    if (values === undefined) throw new Error('No context available');
    values[key] = value;
  }

  getRequestId(): unknown {
    return this.get(KEYS.REQUEST_ID) ?? '-';
  }

  getXRayTraceId(): unknown {
    return this.get(KEYS.X_RAY_TRACE_ID);
  }

  getTenantId(): unknown {
    return this.get(KEYS.TENANT_ID);
  }

  getTraceparent(): unknown {
    return this.get(KEYS.TRACEPARENT);
  }

  getTracestate(): unknown {
    return this.get(KEYS.TRACESTATE);
  }

  getBaggage(): unknown {
    return this.get(KEYS.BAGGAGE);
  }
}

/** The values of one invocation for `InvokeStore.run`. */
export function storedValues(
  requestId: string,
  traceId: string | undefined,
  tenantId: string | undefined,
): Values {
  return {
    [KEYS.REQUEST_ID]: requestId,
    [KEYS.X_RAY_TRACE_ID]: traceId,
    [KEYS.TENANT_ID]: tenantId,
  };
}

/** What a streaming handler writes to; everything is kept until it ends. */
export class ResponseStream extends Writable {
  readonly #chunks: Buffer[] = [];
  contentType: string | undefined;

  override _write(chunk: Buffer | string, encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    done();
  }

  setContentType(contentType: string): void {
    this.contentType = contentType;
  }

  body(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

const HttpResponseStream = {
  /** Puts the HTTP metadata before the body, ended by eight zero bytes. */
  from(stream: ResponseStream, prelude: unknown): ResponseStream {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    stream.write(JSON.stringify(prelude));
    stream.write(Buffer.alloc(8));
    return stream;
  },
};

export function isStreaming(handler: Handler): boolean {
  return STREAMING in handler;
}

/** Installs the global; answers the store. */
export function installAwsGlobals(): InvokeStore {
  const store = new InvokeStore();
  Object.assign(globalThis, {
    awslambda: {
      streamifyResponse: (handler: Handler) => Object.assign(handler, { [STREAMING]: 'response' }),
      HttpResponseStream,
      InvokeStore: store,
    },
  });
  return store;
}
