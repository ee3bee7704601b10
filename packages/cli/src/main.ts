#!/usr/bin/env node
// Entry of the `moorage` command. Loads only what the verb needs; Node's compile cache keeps the rest
// of the start short.
import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { directories } from './directories.ts';

enableCompileCache(path.join(directories(process.env).cache, 'compiled'));
const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));
