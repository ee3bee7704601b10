/** Lambda host: Runtime API, Invoke API, worker pool, queue of asynchronous invocations. */
export type { DurableInvoker } from './durable-invoker.ts';
export type { Bind, FunctionConfiguration, WorkerUser } from './function-configuration.ts';
export { FunctionHost, type EnvironmentInfo, type FunctionHostOptions } from './function-host.ts';
export { parseFunctionName, type FunctionName } from './function-name.ts';
export type { InvocationReport, InvocationRequest, InvocationResult } from './invocation.ts';
export { invokeApi, type RequestHandler } from './invoke-api.ts';
export { type IsolationKind, probeIsolation } from './isolation.ts';
export { LambdaError, type LambdaErrorCode } from './lambda-error.ts';
export type { Clock, Log, LogLevel, Random } from './ports.ts';
