import { mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logFile } from './log-file.ts';

test('a full disk costs lines of the log, and the log says how many', () => {
  const dir = mkdtempSync(join(tmpdir(), 'moorage-log-'));
  const path = join(dir, 'log');
  const log = logFile(path, () => new Date(0));
  log('info', 'first');
  renameSync(path, `${path}.aside`);
  symlinkSync('/dev/full', path);
  log('warn', 'no space for this');
  log('warn', 'nor for this');
  renameSync(`${path}.aside`, path);
  log('info', 'space again');
  log('info', 'last');
  const at = '1970-01-01T00:00:00.000Z';
  expect(readFileSync(path, 'utf8').split('\n')).toEqual([
    `${at} info first`,
    `${at} warn 2 lines could not be written`,
    `${at} info space again`,
    `${at} info last`,
    '',
  ]);
  rmSync(dir, { recursive: true });
});
