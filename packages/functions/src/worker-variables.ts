/**
 * The environment of a worker: what Lambda defines, the function's own variables, and nothing of
 * the host's. Lambda's reserved names cannot be overridden.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { FunctionConfiguration } from './function-configuration.ts';

export interface WorkerPlaces {
  /** host:port. */
  runtimeApi: string;
  logStream: string;
  /** Private to the worker. */
  temporaryDir: string;
  cacheDir: string | undefined;
}

export function workerVariables(
  f: FunctionConfiguration,
  places: WorkerPlaces,
): Record<string, string> {
  const region = f.arn.split(':')[3] ?? 'us-east-1';
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/opt/bin`,
    LANG: 'C.UTF-8',
    TZ: ':UTC',
    HOME: places.temporaryDir,
    TMPDIR: places.temporaryDir,
    ...(places.cacheDir === undefined ? {} : { NODE_COMPILE_CACHE: places.cacheDir }),
    ...f.env,
    _HANDLER: f.handler,
    LAMBDA_TASK_ROOT: f.codeDir,
    LAMBDA_RUNTIME_DIR: dirname(fileURLToPath(import.meta.url)),
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_RUNTIME_API: places.runtimeApi,
    AWS_LAMBDA_FUNCTION_NAME: f.name,
    AWS_LAMBDA_FUNCTION_VERSION: f.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(f.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${f.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: places.logStream,
    AWS_LAMBDA_LOG_FORMAT: f.logFormat ?? 'Text',
  };
}
