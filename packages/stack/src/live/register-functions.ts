// Registers the functions of a plan with the host: code, environment, mount, limits.
import { realpathSync, readdirSync, existsSync } from 'node:fs';
import path from 'node:path';
import type { FunctionHost } from '@moorage/functions';
import type { FunctionBuild } from '../build/build-functions.ts';
import type { AccessPointPlan, FunctionPlan } from '../template/plan.ts';
import { Versions, type FunctionVersion } from './versions.ts';

export interface RegisterContext {
  readonly stateDir: string;
  /** By logical id. */
  readonly builds: ReadonlyMap<string, FunctionBuild>;
  readonly accessPoints: readonly AccessPointPlan[];
  /** Directory of each access point, by logical id. */
  readonly directories: ReadonlyMap<string, string>;
  readonly endpoint: string;
  readonly callerEnvironment: Readonly<Record<string, string | undefined>>;
}

/** Registers every version whose code exists: executions under way go on with the one they began with. */
export function registerFunctions(
  host: FunctionHost,
  plans: readonly FunctionPlan[],
  context: RegisterContext,
): void {
  const versions = new Versions(context.stateDir);
  for (const plan of plans) {
    const build = context.builds.get(plan.logicalId) as FunctionBuild;
    const published = versions.publish(plan.name, build);
    for (const version of published) {
      registerVersion(host, plan, version, version === published.at(-1), context);
    }
  }
  versions.save();
}

function registerVersion(
  host: FunctionHost,
  plan: FunctionPlan,
  { version, codeDir, handler }: FunctionVersion,
  current: boolean,
  context: RegisterContext,
): void {
  const point = context.accessPoints.find((known) => known.logicalId === plan.mount?.accessPoint);
  const source = point && context.directories.get(point.logicalId);
  host.register({
    name: plan.name,
    arn: plan.arn,
    version,
    ...(current && plan.alias !== undefined && { aliases: [plan.alias] }),
    handler,
    codeDir,
    env: environmentOf(plan, context),
    timeoutSeconds: plan.timeoutSeconds,
    memoryMb: plan.memoryMb,
    ...(plan.concurrency !== undefined && { concurrency: plan.concurrency }),
    binds: plan.mount && source !== undefined ? [{ source, target: plan.mount.path }] : [],
    ...(point?.posixUser && {
      user: {
        uid: point.posixUser.uid,
        gid: point.posixUser.gid,
        groups: point.posixUser.secondaryGids,
      },
    }),
    hidden: [context.stateDir],
    readable: linkedDirectories(codeDir),
    maximumRetryAttempts: plan.asyncInvoke.maximumRetryAttempts,
    maximumEventAgeSeconds: plan.asyncInvoke.maximumEventAgeSeconds,
    durable: plan.durable !== undefined,
    destinations: plan.asyncInvoke.destinations,
  });
}

/**
 * AWS's SDKs are pointed at the stack's own endpoint by their standard variable. The credentials only
 * satisfy the SDKs: the endpoint does not check them, and no other service knows them.
 */
function environmentOf(plan: FunctionPlan, context: RegisterContext): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.callerEnvironment)) {
    if (value !== undefined && plan.passEnvironment.some((pattern) => matches(pattern, name))) {
      passed[name] = value;
    }
  }
  return {
    ...passed,
    ...plan.environment,
    AWS_ACCESS_KEY_ID: 'moorage',
    AWS_SECRET_ACCESS_KEY: 'moorage',
    AWS_ENDPOINT_URL_LAMBDA: context.endpoint,
  };
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** The `node_modules` that hold the packages a build links to. */
function linkedDirectories(codeDir: string): string[] {
  const modules = path.join(codeDir, 'node_modules');
  if (!existsSync(modules)) return [];
  const directories = new Set<string>();
  for (const entry of readdirSync(modules, { withFileTypes: true })) {
    const scope = entry.isDirectory();
    const names = scope ? readdirSync(path.join(modules, entry.name)) : [entry.name];
    for (const name of names) {
      const link = scope ? path.join(modules, entry.name, name) : path.join(modules, name);
      directories.add(nodeModulesAbove(realpathSync(link)));
    }
  }
  return [...directories];
}

function nodeModulesAbove(directory: string): string {
  const marker = `${path.sep}node_modules${path.sep}`;
  const at = directory.lastIndexOf(marker);
  return at < 0 ? directory : directory.slice(0, at + marker.length - 1);
}
