/** The handler's second argument. */
import type { IncomingHttpHeaders } from 'node:http';

export interface InvocationContext {
  callbackWaitsForEmptyEventLoop: boolean;
  functionName: string;
  functionVersion: string;
  invokedFunctionArn: string;
  memoryLimitInMB: string;
  awsRequestId: string;
  logGroupName: string;
  logStreamName: string;
  clientContext: unknown;
  identity: unknown;
  tenantId: string | undefined;
  xRayTraceId: string | undefined;
  getRemainingTimeInMillis(): number;
}

/** From the headers of one invocation and the environment of the worker. */
export function invocationContext(
  headers: IncomingHttpHeaders,
  env: NodeJS.ProcessEnv,
): InvocationContext {
  const deadlineMs = Number(header(headers, 'lambda-runtime-deadline-ms'));
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'] ?? '',
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'] ?? '',
    invokedFunctionArn: header(headers, 'lambda-runtime-invoked-function-arn') ?? '',
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? '',
    awsRequestId: header(headers, 'lambda-runtime-aws-request-id') ?? '',
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'] ?? '',
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? '',
    clientContext: parsed(header(headers, 'lambda-runtime-client-context')),
    identity: parsed(header(headers, 'lambda-runtime-cognito-identity')),
    tenantId: header(headers, 'lambda-runtime-aws-tenant-id'),
    xRayTraceId: header(headers, 'lambda-runtime-trace-id'),
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}
