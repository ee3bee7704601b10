// Where Moorage keeps things of its own (XDG base directories).
import os from 'node:os';
import path from 'node:path';

export interface Directories {
  /** Runs and the registry of mounts: lost work when deleted. */
  readonly data: string;
  /** Builds and compiled code: made again when deleted. */
  readonly cache: string;
}

/** `--data-dir` overrides the data directory. Relative XDG variables are ignored, as XDG says. */
export function directories(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir?: string,
): Directories {
  const xdg = (name: string, fallback: string): string => {
    const value = environment[name];
    const base =
      value !== undefined && path.isAbsolute(value)
        ? value
        : path.join(environment.HOME || os.homedir(), fallback);
    return path.join(base, 'moorage');
  };
  return {
    data: dataDir === undefined ? xdg('XDG_DATA_HOME', '.local/share') : path.resolve(dataDir),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
  };
}
