/** The handler's second argument. */
import type { Headers } from './kept-connections.ts';

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
export function invocationContext(headers: Headers, env: NodeJS.ProcessEnv): InvocationContext {
  const deadlineMs = Number(headers.get('lambda-runtime-deadline-ms'));
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env['AWS_LAMBDA_FUNCTION_NAME'] ?? '',
    functionVersion: env['AWS_LAMBDA_FUNCTION_VERSION'] ?? '',
    invokedFunctionArn: headers.get('lambda-runtime-invoked-function-arn') ?? '',
    memoryLimitInMB: env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? '',
    awsRequestId: headers.get('lambda-runtime-aws-request-id') ?? '',
    logGroupName: env['AWS_LAMBDA_LOG_GROUP_NAME'] ?? '',
    logStreamName: env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? '',
    clientContext: parsed(headers.get('lambda-runtime-client-context')),
    identity: parsed(headers.get('lambda-runtime-cognito-identity')),
    tenantId: headers.get('lambda-runtime-aws-tenant-id'),
    xRayTraceId: headers.get('lambda-runtime-trace-id'),
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
}

function parsed(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}
