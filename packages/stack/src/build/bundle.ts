// Sources of functions through esbuild. Imported only when a build is not in the cache.
import path from 'node:path';
import { build, type BuildFailure, type Metafile } from 'esbuild';
import type { BuildPlan } from '../template/plan.ts';
import { BuildError } from './build-error.ts';

/** CommonJS packages inside an ESM bundle call `require` for Node's own modules. */
const REQUIRE_BANNER =
  "import { createRequire as moorageCreateRequire } from 'node:module';" +
  ' const require = moorageCreateRequire(import.meta.url);';

export interface Bundle {
  /** Absolute paths of every file that went into it. */
  readonly inputs: readonly string[];
  /** Packages the code imports and the bundle does not hold. */
  readonly externalImports: readonly string[];
}

/**
 * Writes `<outDir>/<module>.mjs|.cjs` for each entry point, and source maps; what several of them share is
 * made once, in files of its own where the format allows. Throws a BuildError in the name of `who`.
 */
export async function bundle(
  who: string,
  plan: Omit<BuildPlan, 'entryPoint'>,
  entryPoints: Readonly<Record<string, string>>,
  outDir: string,
): Promise<Bundle> {
  const workingDir = path.dirname(Object.values(entryPoints)[0] as string);
  const banner = plan.banner ?? (plan.format === 'esm' ? REQUIRE_BANNER : '');
  try {
    const { metafile } = await build({
      absWorkingDir: workingDir,
      entryPoints: { ...entryPoints },
      outdir: outDir,
      outExtension: { '.js': plan.format === 'esm' ? '.mjs' : '.cjs' },
      splitting: plan.format === 'esm',
      bundle: true,
      platform: 'node',
      format: plan.format,
      target: plan.target,
      minify: plan.minify,
      sourcemap: plan.sourcemap,
      sourcesContent: false,
      external: [...plan.external],
      define: { ...plan.define },
      banner: { js: banner },
      legalComments: 'none',
      metafile: true,
      logLevel: 'silent',
      ...(plan.mainFields !== undefined && { mainFields: plan.mainFields.split(',') }),
    });
    return {
      inputs: Object.keys(metafile.inputs).map((input) => path.resolve(workingDir, input)),
      externalImports: externalImports(metafile),
    };
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? [];
    if (!first) throw error;
    const place = first.location;
    const where = place ? `${path.resolve(workingDir, place.file)}:${place.line}: ` : '';
    throw new BuildError(who, where + first.text);
  }
}

function externalImports(metafile: Metafile): string[] {
  const names = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const { external, path: name } of output.imports) if (external) names.add(name);
  }
  return [...names].sort();
}
