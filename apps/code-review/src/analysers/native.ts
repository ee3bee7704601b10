/**
 * Packages with native or WebAssembly parts. They are not part of the bundle (template.yaml lists them as
 * external): on AWS they come from the layer, locally from the repository's node_modules. They are found
 * by `require`, whose search knows both: the directories above this file and NODE_PATH.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type * as AstGrep from '@ast-grep/napi';
import type * as Ruff from '@astral-sh/ruff-wasm-nodejs';

const require: NodeJS.Require = createRequire(import.meta.url);

export function loadAstGrep(): typeof AstGrep {
  return require('@ast-grep/napi') as typeof AstGrep;
}

export function loadGrammar(language: 'python' | 'go' | 'java'): unknown {
  return require(`@ast-grep/lang-${language}`);
}

/**
 * V8 begins to compile ruff again, optimised, as soon as it runs: 5 s of two processors for a thousand files that
 * take 1.5 s with the first compilation. It must be told before the module is loaded.
 */
export function loadRuff(): typeof Ruff {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
  return require('@astral-sh/ruff-wasm-nodejs') as typeof Ruff;
}

/** The command line of oxlint: a script for this Node. */
export function oxlintCommand(): readonly [string, ...string[]] {
  const main = require.resolve('oxlint/package.json');
  return [process.execPath, join(dirname(main), 'dist', 'cli.js')];
}

/** The command line of jscpd: its binary for this machine, without the script around it. */
export function jscpdCommand(): readonly [string, ...string[]] {
  const main = require.resolve('jscpd/package.json');
  const { getPlatformKey, PLATFORM_MAP } = require('jscpd/platform-map.js') as {
    getPlatformKey(): string | null;
    PLATFORM_MAP: Record<string, { packageName: string }>;
  };
  const platform = PLATFORM_MAP[getPlatformKey() ?? ''];
  if (!platform) throw new Error(`jscpd has no binary for ${process.platform}-${process.arch}`);
  const beside = createRequire(main).resolve(`${platform.packageName}/package.json`);
  return [join(dirname(beside), 'bin', 'jscpd')];
}

export function packageVersion(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
