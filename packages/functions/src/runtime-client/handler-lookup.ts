/**
 * Finds the function that a handler string names, as Lambda's Node runtime does: `dir/file.export`,
 * the file by its exact name, then with .js, .mjs, .cjs, then as a package below the task root.
 */
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { isStreaming } from './aws-globals.ts';
import { RuntimeError } from './runtime-errors.ts';

export type Handler = (...args: unknown[]) => unknown;

export interface FoundHandler {
  readonly fn: Handler;
  /** The module it is in. */
  readonly file: string;
}

/** Throws RuntimeError, or what the module threw while it was loaded. */
export async function findHandler(taskRoot: string, handler: string): Promise<FoundHandler> {
  if (handler.includes('..'))
    throw new RuntimeError(
      'Runtime.MalformedHandlerName',
      `'${handler}' is not a valid handler name. Use absolute paths when specifying root ` +
        'directories in handler names.',
    );
  const base = basename(handler);
  const dot = base.indexOf('.');
  if (dot <= 0 || dot === base.length - 1)
    throw new RuntimeError('Runtime.MalformedHandlerName', `Bad handler ${handler}`);
  const moduleName = handler.slice(0, handler.length - base.length) + base.slice(0, dot);
  const exportPath = base.slice(dot + 1);

  const file = locate(taskRoot, moduleName);
  if (file === undefined)
    throw new RuntimeError(
      'Runtime.ImportModuleError',
      `Error: Cannot find module '${moduleName}' in ${taskRoot}`,
    );
  const module = await load(file);
  const found = member(module, exportPath) ?? member(member(module, 'default'), exportPath);
  if (found === undefined)
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function')
    throw new RuntimeError('Runtime.HandlerNotFound', `${handler} is not a function`);
  const fn = found as Handler;
  if (fn.length >= 3 && !isStreaming(fn))
    throw new RuntimeError(
      'Runtime.CallbackHandlerDeprecated',
      'This runtime does not support callback-based function handlers: make the handler async and ' +
        'return its result.',
    );
  return { fn, file };
}

async function load(file: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (cause) {
    if (cause instanceof SyntaxError)
      throw new RuntimeError('Runtime.UserCodeSyntaxError', String(cause), cause);
    const code = (cause as NodeJS.ErrnoException | null)?.code;
    if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND')
      throw new RuntimeError('Runtime.ImportModuleError', String(cause), cause);
    throw cause;
  }
}

function locate(taskRoot: string, moduleName: string): string | undefined {
  const path = resolve(taskRoot, moduleName);
  const file = [path, `${path}.js`, `${path}.mjs`, `${path}.cjs`].find(
    (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
  );
  if (file !== undefined) return file;
  try {
    return createRequire(`${taskRoot}/`).resolve(moduleName);
  } catch {
    return undefined;
  }
}

function member(from: unknown, path: string): unknown {
  let value = from;
  for (const name of path.split('.')) {
    if (value === null || value === undefined) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
