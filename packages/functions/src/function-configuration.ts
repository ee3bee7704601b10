/**
 * What a function is to the host. Names follow Lambda's FunctionConfiguration where it has one;
 * limits are Lambda's. Checked once, at registration, so that nothing later has to doubt it.
 */
import { isAbsolute } from 'node:path';

/** A directory of the host that the function sees at `target`. */
export interface Bind {
  source: string;
  /** `/mnt/name`, as Lambda's LocalMountPath. */
  target: string;
}

/** Who the worker runs as when the host may choose (real root); else the host's own user. */
export interface WorkerUser {
  uid: number;
  gid: number;
  groups?: readonly number[];
}

/** Names or ARNs of functions of the same host. */
export interface Destinations {
  onSuccess?: string;
  onFailure?: string;
}

export interface FunctionConfiguration {
  name: string;
  /** Without a version: `arn:aws:lambda:region:account:function:name`. */
  arn: string;
  /** `$LATEST` or digits. */
  version: string;
  /** Further qualifiers that lead to this version. */
  aliases?: readonly string[];
  /** `file.export`, relative to `codeDir`; the export may be nested. */
  handler: string;
  /** Becomes LAMBDA_TASK_ROOT and the working directory. */
  codeDir: string;
  /** Overrides what the host sets itself, except Lambda's reserved names. */
  env: Readonly<Record<string, string>>;
  /** 1 to 900. */
  timeoutSeconds: number;
  /** 128 to 10240. Bounds V8's old space; no more is enforced. */
  memoryMb: number;
  /** Environments at the same time; default 8. More invocations wait in line. */
  concurrency?: number;
  binds: readonly Bind[];
  user?: WorkerUser;
  /** Directories of the host that the worker must find empty; the sources' own mount always is. */
  hidden?: readonly string[];
  /**
   * Directories that the handler needs besides `codeDir` (a `node_modules` further up). They stay
   * where they are, even below a hidden directory or one that the user may not enter.
   */
  readable?: readonly string[];
  logFormat?: 'Text' | 'JSON';
  /** Of an asynchronous invocation after the first try: 0 to 2; default 2. */
  maximumRetryAttempts?: number;
  /** Of an asynchronous invocation: 60 to 21600; default 21600. */
  maximumEventAgeSeconds?: number;
  /** A durable function: to invoke it is to start an execution of it. */
  durable?: boolean;
  /** Functions that are told how an asynchronous invocation ended. */
  destinations?: Destinations;
}

export const CONCURRENCY_DEFAULT = 8;
export const RETRY_ATTEMPTS_DEFAULT = 2;
export const EVENT_AGE_SECONDS_DEFAULT = 21_600;

/** What is wrong with the configuration, or undefined. */
export function configurationProblem(f: FunctionConfiguration): string | undefined {
  if (!/^[a-zA-Z0-9-_]{1,64}$/.test(f.name)) return `the name ${JSON.stringify(f.name)} is invalid`;
  if (!/^(\$LATEST|\d+)$/.test(f.version)) return `the version ${f.version} is invalid`;
  if (!isAbsolute(f.codeDir)) return `codeDir ${f.codeDir} is not an absolute path`;
  if (!between(f.timeoutSeconds, 1, 900)) return 'the timeout is not 1 to 900 seconds';
  if (!between(f.memoryMb, 128, 10_240)) return 'the memory size is not 128 to 10240 MB';
  if (f.concurrency !== undefined && !between(f.concurrency, 1, 1000))
    return 'the concurrency is not 1 to 1000';
  if (!between(f.maximumRetryAttempts ?? RETRY_ATTEMPTS_DEFAULT, 0, 2))
    return 'MaximumRetryAttempts is not 0 to 2';
  if (!between(f.maximumEventAgeSeconds ?? EVENT_AGE_SECONDS_DEFAULT, 60, 21_600))
    return 'MaximumEventAgeInSeconds is not 60 to 21600';
  for (const bind of f.binds) {
    if (!/^\/mnt\/[a-zA-Z0-9_-][a-zA-Z0-9_.-]*$/.test(bind.target))
      return `LocalMountPath ${bind.target} is not of the form /mnt/name`;
    if (!isAbsolute(bind.source)) return `the source ${bind.source} is not an absolute path`;
  }
  if (new Set(f.binds.map((bind) => bind.target)).size !== f.binds.length)
    return 'two file systems have the same LocalMountPath';
  for (const path of [...(f.hidden ?? []), ...(f.readable ?? [])])
    if (!isAbsolute(path)) return `${path} is not an absolute path`;
  return undefined;
}

function between(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
