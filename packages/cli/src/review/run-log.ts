// What happened behind a run, for whoever has to find out why: `moorage.log` in its directory.
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Log } from '@moorage/stack';
import type { RunDirectory } from './run-directory.ts';

export function runLog(run: RunDirectory): Log {
  const file = path.join(run.path, 'moorage.log');
  return (level, message, fields = {}) => {
    const shown = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`);
    try {
      appendFileSync(file, `${new Date().toISOString()} ${level} ${message}${shown.join('')}\n`);
    } catch {
      // A full disk must not stop the review before its own message says so.
    }
  };
}
