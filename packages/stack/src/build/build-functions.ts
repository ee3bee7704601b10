// Functions of a plan as directories of code that runs, from the cache where nothing has changed.
//
// Layout of the cache:  index/<key>.json   inputs of the last build made with these settings
//                       <hash>/            one build: modules of the functions that share their
//                                          settings, source maps, node_modules of links
// `key` follows from the settings, `hash` from settings, content of every input and the linked
// packages. A build never changes once it has its name (made aside, then renamed), so an execution
// that began with it can go on with it. Builds not used for a month are removed.
import { createHash } from 'node:crypto';
import {
  chmod,
  readFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import type { BuildPlan, FunctionPlan } from '../template/plan.ts';
import { BuildError } from './build-error.ts';
import { findPackage, layerPackages, linkPackages, type LinkedPackage } from './link-packages.ts';

/** Raised when the way builds are made changes, so that old ones are not taken for new. */
const FORMAT = 2;
const KEEP_MS = 30 * 24 * 3600 * 1000;

export interface FunctionBuild {
  /** Absolute directory to run from. */
  readonly codeDir: string;
  /** `file.export` inside codeDir. */
  readonly handler: string;
  /** Names the code: changes whenever the code changes. */
  readonly hash: string;
}

export interface BuildContext {
  /** `…/build` inside the cache directory. */
  readonly cacheDir: string;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

interface Index {
  /** [path, bytes, mtime in ms, sha256] */
  readonly inputs: readonly (readonly [string, number, number, string])[];
  readonly hash: string;
}

/** Functions with the same settings: they are built together, because they mostly share their packages. */
interface Group {
  readonly settings: Omit<BuildPlan, 'entryPoint'>;
  readonly plans: FunctionPlan[];
  /** Source file by name of the module it becomes. */
  readonly entryPoints: Record<string, string>;
}

/** Builds each function that asks for it; keys are logical ids. Throws a BuildError. */
export async function buildFunctions(
  plans: readonly FunctionPlan[],
  context: BuildContext,
): Promise<Map<string, FunctionBuild>> {
  await mkdir(path.join(context.cacheDir, 'index'), { recursive: true });
  const builds = new Map<string, FunctionBuild>();
  await Promise.all([
    ...plans
      .filter(({ build }) => !build)
      .map(async (plan) => builds.set(plan.logicalId, await useAsItIs(plan))),
    ...groupsOf(plans).map(async (group) => {
      const { codeDir, hash } = await buildGroup(group, context);
      for (const plan of group.plans) {
        const { module, exported } = handlerOf(plan);
        builds.set(plan.logicalId, { codeDir, hash, handler: `${module}.${exported}` });
      }
    }),
  ]);
  return builds;
}

function groupsOf(plans: readonly FunctionPlan[]): Group[] {
  const groups = new Map<string, Group>();
  for (const plan of plans) {
    if (!plan.build) continue;
    const { entryPoint, ...settings } = plan.build;
    const { module } = handlerOf(plan);
    for (let n = 0; ; n++) {
      const key = JSON.stringify([n, plan.codeUri, plan.layers, settings]);
      const group = groups.get(key) ?? { settings, plans: [], entryPoints: {} };
      // Another file of the same name needs a directory of its own.
      if ((group.entryPoints[module] ?? entryPoint) !== entryPoint) continue;
      group.entryPoints[module] = entryPoint;
      group.plans.push(plan);
      groups.set(key, group);
      break;
    }
  }
  return [...groups.values()];
}

function handlerOf({ handler }: FunctionPlan): { module: string; exported: string } {
  const dot = handler.lastIndexOf('.');
  return { module: path.basename(handler.slice(0, dot)), exported: handler.slice(dot + 1) };
}

async function buildGroup(
  group: Group,
  context: BuildContext,
): Promise<Pick<FunctionBuild, 'codeDir' | 'hash'>> {
  const packages = await externalPackages(group);
  const key = sha256(JSON.stringify([FORMAT, group.settings, group.entryPoints, packages]));
  const indexFile = path.join(context.cacheDir, 'index', `${key}.json`);
  const known = await readIndex(indexFile);
  if (known && (await isCurrent(known, context.cacheDir))) {
    const codeDir = path.join(context.cacheDir, known.hash);
    await Promise.all([use(codeDir, context), use(indexFile, context)]);
    return { codeDir, hash: known.hash };
  }
  const hash = await make(group, { packages, key, indexFile }, context);
  return { codeDir: path.join(context.cacheDir, hash), hash };
}

async function useAsItIs(plan: FunctionPlan): Promise<FunctionBuild> {
  const found = await stat(plan.codeUri).catch(() => undefined);
  if (!found?.isDirectory()) {
    throw new BuildError(plan.logicalId, `its CodeUri ${plan.codeUri} is not a directory`);
  }
  return { codeDir: plan.codeUri, handler: plan.handler, hash: sha256(plan.codeUri) };
}

interface Target {
  readonly packages: readonly LinkedPackage[];
  readonly key: string;
  readonly indexFile: string;
}

async function make(
  { plans, settings, entryPoints }: Group,
  target: Target,
  context: BuildContext,
): Promise<string> {
  const who = plans.map(({ logicalId }) => logicalId).join(', ');
  const aside = await mkdtemp(path.join(context.cacheDir, 'making-'));
  try {
    const { bundle } = await import('./bundle.ts');
    const made = await bundle(who, settings, entryPoints, aside);
    // Others that are left out are optional: esbuild fails for what cannot be found and is needed.
    const missing = made.externalImports.filter(
      (name) =>
        settings.external.some((external) => isWithin(name, external)) &&
        !target.packages.some((linked) => isWithin(name, linked.name)),
    );
    if (missing.length > 0) {
      throw new BuildError(
        who,
        `it imports ${missing.join(', ')}, which is kept out of the bundle and is not installed`,
      );
    }
    await linkPackages(target.packages, aside);
    await openToReaders(aside);
    const inputs = await Promise.all(made.inputs.map(describeInput));
    const hash = sha256(target.key + JSON.stringify(inputs.map(([file, , , sum]) => [file, sum])));
    await publish(aside, path.join(context.cacheDir, hash));
    const index: Index = { inputs, hash };
    const temporary = `${target.indexFile}.${path.basename(aside)}`;
    await writeFile(temporary, JSON.stringify(index));
    await rename(temporary, target.indexFile);
    await use(path.join(context.cacheDir, hash), context);
    await use(target.indexFile, context);
    await prune(context);
    return hash;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** Functions run as users of their own, whatever the umask of this one. */
async function openToReaders(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) await openToReaders(file);
    else if (entry.isFile()) await chmod(file, 0o644);
  }
}

/** Gives a finished build its name. Another process may have made the same one meanwhile. */
async function publish(aside: string, codeDir: string): Promise<void> {
  try {
    await rename(aside, codeDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

/** Packages of the layers, and those kept out of the bundle that are installed near the sources. */
async function externalPackages({ plans, settings }: Group): Promise<LinkedPackage[]> {
  const { layers, codeUri } = plans[0] as FunctionPlan;
  const wanted = new Map<string, string>();
  for (const layer of layers) {
    for (const name of layerPackages(layer)) wanted.set(name, layer);
  }
  for (const name of settings.external) if (!wanted.has(name)) wanted.set(name, codeUri);
  const found = await Promise.all([...wanted].map(([name, from]) => findPackage(name, from)));
  return found.filter((linked) => linked !== undefined);
}

function isWithin(imported: string, packageName: string): boolean {
  return imported === packageName || imported.startsWith(`${packageName}/`);
}

async function readIndex(file: string): Promise<Index | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Index;
  } catch {
    return undefined;
  }
}

async function isCurrent(index: Index, cacheDir: string): Promise<boolean> {
  const unchanged = await Promise.all([
    stat(path.join(cacheDir, index.hash)).then(
      () => true,
      () => false,
    ),
    ...index.inputs.map(async ([file, bytes, mtimeMs, sum]) => {
      const now = await stat(file).catch(() => undefined);
      if (now?.size !== bytes) return false;
      return now.mtimeMs === mtimeMs || (await fileSum(file)) === sum;
    }),
  ]);
  return unchanged.every(Boolean);
}

async function describeInput(file: string): Promise<[string, number, number, string]> {
  const { size, mtimeMs } = await stat(file);
  return [file, size, mtimeMs, await fileSum(file)];
}

async function fileSum(file: string): Promise<string> {
  return sha256(await readFile(file));
}

/** The modification time of a build says when it was last used. */
async function use(file: string, { clock }: BuildContext): Promise<void> {
  const now = new Date(clock());
  await utimes(file, now, now);
}

async function prune(context: BuildContext): Promise<void> {
  const oldest = context.clock() - KEEP_MS;
  for (const directory of [context.cacheDir, path.join(context.cacheDir, 'index')]) {
    for (const name of await readdir(directory)) {
      if (name === 'index') continue;
      const entry = path.join(directory, name);
      const { mtimeMs } = await stat(entry).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < oldest) await rm(entry, { recursive: true, force: true });
    }
  }
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex').slice(0, 40);
}
