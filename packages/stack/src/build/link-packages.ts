// Packages a bundle does not hold: linked into the build, so that Node finds them from there.
//
// A link leads to the real directory of an installed package, whose own dependencies are found from
// that place as usual. Nothing is installed or copied.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, realpath, symlink } from 'node:fs/promises';
import path from 'node:path';

export interface LinkedPackage {
  readonly name: string;
  readonly version: string;
  /** Real directory of the package. */
  readonly directory: string;
}

/** Names of the packages a layer's package.json depends on. */
export function layerPackages(contentUri: string): string[] {
  const file = path.join(contentUri, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: object };
  return Object.keys(manifest.dependencies ?? {});
}

/** The package as found from a directory upwards; undefined when it is not installed. */
export async function findPackage(name: string, from: string): Promise<LinkedPackage | undefined> {
  for (let directory = from; ; directory = path.dirname(directory)) {
    const candidate = path.join(directory, 'node_modules', name);
    const manifest = path.join(candidate, 'package.json');
    if (existsSync(manifest)) {
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version?: string };
      return { name, version: version ?? '', directory: await realpath(candidate) };
    }
    if (directory === path.dirname(directory)) return undefined;
  }
}

export async function linkPackages(
  packages: readonly LinkedPackage[],
  codeDir: string,
): Promise<void> {
  for (const { name, directory } of packages) {
    const link = path.join(codeDir, 'node_modules', name);
    await mkdir(path.dirname(link), { recursive: true });
    await symlink(directory, link);
  }
}
