// The start of the command, on a Node that is new enough. Loads only what the verb needs; Node's compile
// cache keeps the rest short.
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { directories } from './directories.ts';

// Child processes take the cache from the environment; this one has started already.
process.env.NODE_COMPILE_CACHE ??= path.join(directories(process.env).cache, 'compiled');
enableCompileCache(process.env.NODE_COMPILE_CACHE);
if (needsMounts(process.argv.slice(2))) {
  const { enterMountNamespace } = await import('./namespace.ts');
  // Where it can, this starts the program again and does not return: so before anything else is loaded.
  enterMountNamespace();
}
const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));

/** Commands that bring a run's stack up, or may do so. */
function needsMounts([verb, ...rest]: readonly string[]): boolean {
  if (rest.some((word) => word === '--help' || word === '-h')) return false;
  const starts = rest.includes('retry') || rest.includes('fork');
  return verb === 'review' || (verb === 'executions' && starts);
}
