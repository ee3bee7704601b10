/**
 * Lambda's Invoke API over HTTP: `POST /2015-03-31/functions/{function}/invocations`, so that the
 * AWS SDKs and CLI work against the host with an endpoint override. Signatures are not checked: the
 * endpoint belongs on the loopback interface.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { DurableInvoker } from './durable-invoker.ts';
import type { FunctionHost } from './function-host.ts';
import {
  ASYNC_PAYLOAD_BYTES_MAX,
  SYNC_PAYLOAD_BYTES_MAX,
  type InvocationRequest,
} from './invocation.ts';
import { LambdaError } from './lambda-error.ts';

/** True when the request was taken. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => boolean;

type InvocationType = 'RequestResponse' | 'Event' | 'DryRun';

const PATH = /^\/2015-03-31\/functions\/([^/]+)\/invocations\/?$/;
/** The largest header set of an answer is small; a client context is at most 3583 bytes. */
const CLIENT_CONTEXT_BYTES_MAX = 3583;

/** The API of one host; `durable` runs its durable functions. */
export function invokeApi(
  host: FunctionHost,
  o: { durable?: DurableInvoker } = {},
): RequestHandler {
  if (o.durable) host.useDurable(o.durable);
  return (req, res) => {
    const [path, query] = splitUrl(req.url ?? '');
    const match = PATH.exec(path);
    if (match === null || req.method !== 'POST') return false;
    answer(host, o.durable, match[1]!, query, req, res).catch((error: unknown) => {
      sendError(res, error);
    });
    return true;
  };
}

async function answer(
  host: FunctionHost,
  durable: DurableInvoker | undefined,
  encodedName: string,
  query: URLSearchParams,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  // The body is read in any case: a client that is still sending would not see an early answer.
  const body = await readBody(req);
  const functionName = decode(encodedName);
  const qualifier = query.get('Qualifier') ?? undefined;
  const type = invocationType(header(req, 'x-amz-invocation-type'));
  const f = host.resolve(functionName, qualifier);
  const bytesMax = type === 'Event' ? ASYNC_PAYLOAD_BYTES_MAX : SYNC_PAYLOAD_BYTES_MAX;
  if (body.bytes > bytesMax)
    throw new LambdaError(
      'RequestTooLargeException',
      `Request must be smaller than ${bytesMax} bytes for the InvokeFunction operation`,
    );
  checkJson(body.payload);
  if (type === 'DryRun') {
    res.writeHead(204, { 'X-Amz-Executed-Version': f.version });
    res.end();
    return;
  }
  const executionName = header(req, 'x-amz-durable-execution-name');
  const request = withQualifier({ functionName, payload: body.payload }, qualifier);
  if (durable !== undefined && f.durable === true) {
    await answerDurable(host, durable, request, executionName, type, f.version, res);
    return;
  }
  if (executionName !== undefined)
    throw new LambdaError(
      'InvalidParameterValueException',
      `${f.name} is not a durable function: leave X-Amz-Durable-Execution-Name out, or give it a ` +
        'DurableConfig',
    );
  await answerPlain(host, { ...request, ...contextOf(req) }, type, req, res);
}

async function answerPlain(
  host: FunctionHost,
  request: InvocationRequest,
  type: InvocationType,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  if (type === 'Event') {
    const requestId = await host.invokeLater(request);
    res.writeHead(202, { 'x-amzn-RequestId': requestId, 'Content-Length': '0' });
    res.end();
    return;
  }
  const result = await host.invoke(request);
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'Content-Length': String(result.payload.byteLength),
    'x-amzn-RequestId': result.requestId,
    'X-Amz-Executed-Version': result.executedVersion,
  };
  if (result.functionError !== undefined) headers['X-Amz-Function-Error'] = result.functionError;
  if (header(req, 'x-amz-log-type') === 'Tail')
    headers['X-Amz-Log-Result'] = Buffer.from(result.logTail).toString('base64');
  res.writeHead(200, headers);
  res.end(result.payload);
}

async function answerDurable(
  host: FunctionHost,
  durable: DurableInvoker,
  request: InvocationRequest,
  executionName: string | undefined,
  type: 'RequestResponse' | 'Event',
  version: string,
  res: ServerResponse,
): Promise<void> {
  const { functionName, qualifier, payload } = request;
  const started = await durable.start({
    functionName,
    ...(qualifier === undefined ? {} : { qualifier }),
    payload,
    ...(executionName === undefined ? {} : { executionName }),
  });
  const headers: Record<string, string> = {
    'X-Amz-Durable-Execution-Arn': started.executionArn,
    'X-Amz-Executed-Version': started.executedVersion ?? version,
  };
  if (type === 'Event') {
    // Nobody waits: how it ends is in the execution's history, and told to the function's destinations.
    started.result.catch(() => {});
    await host.tellOfEnd({ ...request, executionArn: started.executionArn });
    res.writeHead(202, { ...headers, 'Content-Length': '0' });
    res.end();
    return;
  }
  const result = await started.result;
  headers['Content-Type'] = 'application/json';
  headers['Content-Length'] = String(result.payload.byteLength);
  if (result.functionError !== undefined) headers['X-Amz-Function-Error'] = result.functionError;
  res.writeHead(200, headers);
  res.end(result.payload);
}

function sendError(res: ServerResponse, error: unknown): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { name, status, message } = describe(error);
  const body = Buffer.from(
    JSON.stringify({
      Type: status >= 500 ? 'Service' : 'User',
      message,
      Message: message,
      ...(name === 'TooManyRequestsException'
        ? { Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' }
        : {}),
    }),
  );
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': String(body.byteLength),
    'x-amzn-errortype': name,
    ...(name === 'TooManyRequestsException' ? { 'Retry-After': '1' } : {}),
  });
  res.end(body);
}

function describe(error: unknown): { name: string; status: number; message: string } {
  if (error instanceof Error && 'status' in error && typeof error.status === 'number')
    return { name: error.name, status: error.status, message: error.message };
  return { name: 'ServiceException', status: 500, message: String(error) };
}

interface Body {
  payload: Uint8Array;
  /** All that was sent; `payload` is empty when that was too much. */
  bytes: number;
}

function readBody(req: IncomingMessage): Promise<Body> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes <= SYNC_PAYLOAD_BYTES_MAX) chunks.push(chunk);
      else chunks.length = 0;
    });
    req.on('end', () => resolve({ payload: Buffer.concat(chunks), bytes }));
    req.on('error', reject);
  });
}

function checkJson(payload: Uint8Array): void {
  if (payload.byteLength === 0) return;
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw new LambdaError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(cause as Error).message}`,
    );
  }
}

function contextOf(
  req: IncomingMessage,
): Pick<InvocationRequest, 'clientContext' | 'traceId' | 'tenantId'> {
  const encoded = header(req, 'x-amz-client-context');
  const traceId = header(req, 'x-amzn-trace-id');
  const tenantId = header(req, 'x-amz-tenant-id');
  return {
    ...(encoded === undefined ? {} : { clientContext: clientContext(encoded) }),
    ...(traceId === undefined ? {} : { traceId }),
    ...(tenantId === undefined ? {} : { tenantId }),
  };
}

function clientContext(encoded: string): string {
  const text = Buffer.from(encoded, 'base64').toString();
  if (encoded.length > CLIENT_CONTEXT_BYTES_MAX)
    throw new LambdaError(
      'InvalidRequestContentException',
      `Client context must be no more than ${CLIENT_CONTEXT_BYTES_MAX} bytes`,
    );
  try {
    JSON.parse(text);
  } catch {
    throw new LambdaError(
      'InvalidRequestContentException',
      'Client context must be a valid Base64-encoded JSON object.',
    );
  }
  return text;
}

function invocationType(value: string | undefined): InvocationType {
  if (value === undefined) return 'RequestResponse';
  if (value === 'RequestResponse' || value === 'Event' || value === 'DryRun') return value;
  throw new LambdaError(
    'ValidationException',
    `1 validation error detected: Value '${value}' at 'invocationType' failed to satisfy ` +
      'constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]',
  );
}

function withQualifier(
  request: InvocationRequest,
  qualifier: string | undefined,
): InvocationRequest {
  return qualifier === undefined ? request : { ...request, qualifier };
}

function header(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function splitUrl(url: string): [string, URLSearchParams] {
  const at = url.indexOf('?');
  return at < 0
    ? [url, new URLSearchParams()]
    : [url.slice(0, at), new URLSearchParams(url.slice(at + 1))];
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
