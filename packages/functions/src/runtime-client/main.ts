/**
 * The program inside a worker: loads the handler, then serves one invocation after the other.
 *
 * Errors before the first invocation go to init/error, errors of a handler to its invocation; an
 * uncaught exception ends the process, as on Lambda. Output before a response is on the pipe before
 * the response is on the socket.
 */
import { flushCompileCache } from 'node:module';
import { finished } from 'node:stream/promises';

import {
  installAwsGlobals,
  isStreaming,
  ResponseStream,
  storedValues,
  type InvokeStore,
} from './aws-globals.ts';
import { DurableTransport } from './durable-transport.ts';
import { findHandler, type FoundHandler, type Handler } from './handler-lookup.ts';
import { invocationContext, type InvocationContext } from './invocation-context.ts';
import { RuntimeConnection, type NextInvocation } from './runtime-connection.ts';
import { errorObject, RuntimeError, type ErrorObject } from './runtime-errors.ts';
import { levelOf, patchConsole } from './worker-console.ts';

const env = process.env;
const connection = new RuntimeConnection(env['AWS_LAMBDA_RUNTIME_API'] ?? '');
let current: InvocationContext | undefined;

const writeLog = patchConsole({
  json: env['AWS_LAMBDA_LOG_FORMAT'] === 'JSON',
  requestId: () => current?.awsRequestId,
  tenantId: () => current?.tenantId,
  minimum: levelOf(env['AWS_LAMBDA_LOG_LEVEL']),
});
const store = installAwsGlobals();

process.on(
  'uncaughtException',
  (thrown) => void die('Uncaught Exception', errorObject(thrown), 129),
);
process.on('unhandledRejection', (thrown) => {
  const { errorType, errorMessage, trace } = errorObject(thrown);
  const error = {
    errorType: 'Runtime.UnhandledPromiseRejection',
    errorMessage: `${errorType}: ${errorMessage}`,
    trace,
  };
  void die('Unhandled Promise Rejection', error, 128);
});
// A handler that waits for something that nothing will ever bring must run into its timeout.
setInterval(() => {}, 2 ** 31 - 1);

let found: FoundHandler;
try {
  found = await findHandler(env['LAMBDA_TASK_ROOT'] ?? process.cwd(), env['_HANDLER'] ?? '');
} catch (thrown) {
  const error = errorObject(thrown);
  logError('Uncaught Exception', error);
  await connection.initError(error).catch(() => {});
  process.exit(1);
}
const durable = new DurableTransport(found.file, found.fn, env);

for (let served = 0; ; served++) {
  const next = connection.next();
  // Killed, not stopped: what was compiled would be lost.
  if (served === 1) setImmediate(flushCompileCache);
  await serve(await next.catch(() => process.exit(1)), found.fn, store);
}

async function serve(next: NextInvocation, fn: Handler, invokeStore: InvokeStore): Promise<void> {
  const context = invocationContext(next.headers, env);
  const { awsRequestId, xRayTraceId, tenantId } = context;
  current = context;
  if (xRayTraceId === undefined) delete env['_X_AMZN_TRACE_ID'];
  else env['_X_AMZN_TRACE_ID'] = xRayTraceId;
  let body: Buffer;
  let contentType = 'application/json';
  try {
    const event = durable.eventFor(JSON.parse(next.body.toString()));
    const values = storedValues(awsRequestId, xRayTraceId, tenantId);
    if (isStreaming(fn)) {
      const stream = new ResponseStream();
      await invokeStore.run(values, () => fn(event, stream, context));
      stream.end();
      await finished(stream);
      body = stream.body();
      contentType = stream.contentType ?? 'application/octet-stream';
    } else {
      body = encode(await invokeStore.run(values, () => fn(event, context)));
    }
  } catch (thrown) {
    const error = errorObject(thrown);
    logError('Invoke Error', error);
    await connection.error(awsRequestId, error).catch(() => process.exit(1));
    return;
  }
  await connection.response(awsRequestId, body, contentType).catch(() => process.exit(1));
}

function encode(result: unknown): Buffer {
  let text: string | undefined;
  try {
    text = JSON.stringify(result === undefined ? null : result);
  } catch (cause) {
    throw new RuntimeError(
      'Runtime.JSONStringifyError',
      'Unable to stringify response body',
      cause,
    );
  }
  // A function or a symbol has no JSON.
  return Buffer.from(text ?? 'null');
}

async function die(kind: string, error: ErrorObject, status: number): Promise<never> {
  logError(kind, error);
  const posted =
    current === undefined
      ? connection.initError(error)
      : connection.error(current.awsRequestId, error);
  await posted.catch(() => {});
  process.exit(status);
}

function logError(kind: string, error: ErrorObject): void {
  writeLog('ERROR', [kind, JSON.stringify({ ...error, stack: error.trace, trace: undefined })]);
}
