/**
 * Runs an outside suite against a real mount:
 *
 *   node conformance/posix/run.ts --suite pjdfstest --program PATH [--access-point] [--write]
 *   node conformance/posix/run.ts --suite fsx --program PATH [--operations N] [--kills] [--write]
 *
 * With `--access-point` inside one that is rooted in a directory, whose callers keep their identities; with `--kills`
 * while the server is killed again and again. Exits with 1 when a case fails that exclusions.txt does not name.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readExclusions } from './exclusions.ts';
import { runFsx } from './fsx.ts';
import { runPjdfstest } from './pjdfstest.ts';
import { fsxSection, pjdfstestSection, withSection } from './report.ts';
import { killAgainAndAgain } from './kills.ts';
import { ServedMount } from './served-mount.ts';

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    program: { type: 'string' },
    operations: { type: 'string', default: '100000' },
    'access-point': { type: 'boolean', default: false },
    kills: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const { suite } = values;
if ((suite !== 'pjdfstest' && suite !== 'fsx') || !existsSync(values.program ?? '')) {
  console.error(
    'usage: run.ts --suite pjdfstest|fsx --program PATH [--access-point] [--operations N] [--kills] [--write]',
  );
  process.exit(2);
}
const program = resolve(values.program!);
const inAccessPoint = suite === 'pjdfstest' && values['access-point'];
const isKilled = suite === 'fsx' && values.kills;
const title = inAccessPoint
  ? `${suite} in an access point`
  : isKilled
    ? `${suite} while the server is killed`
    : suite;
const accessPoint = {
  id: 'fsap-pjdfstest',
  rootPath: '/some/where',
  creationPermissions: { ownerUid: 0, ownerGid: 0, permissions: '755' },
};
const mount = await ServedMount.start(inAccessPoint ? { accessPoints: [accessPoint] } : {});
try {
  const { section, failed } = suite === 'pjdfstest' ? await pjdfstest() : await fsx();
  if (failed) process.exitCode = 1;
  if (values.write) {
    const path = new URL('../../docs/CONFORMANCE-POSIX.md', import.meta.url);
    writeFileSync(
      path,
      withSection(existsSync(path) ? readFileSync(path, 'utf8') : '', title, section),
    );
  } else console.log(section);
} finally {
  await mount.close();
}

async function pjdfstest(): Promise<{ section: string; failed: boolean }> {
  const [point] = (await mount.server.status()).accessPoints;
  const result = await runPjdfstest({
    program,
    directory: point?.path ?? mount.mountPoint,
    exclusions: readExclusions(new URL('./exclusions.txt', import.meta.url)),
    onFile: (text) => console.error(text),
  });
  for (const name of result.needless) console.error(`excluded, yet passes: ${name}`);
  for (const failure of result.failures) console.error(failure);
  return {
    section: pjdfstestSection(result, revision(), inAccessPoint),
    failed: result.failures.length > 0,
  };
}

async function fsx(): Promise<{ section: string; failed: boolean }> {
  const ended = new AbortController();
  const killing = isKilled ? killAgainAndAgain(mount.server, ended.signal) : undefined;
  const results = await runFsx({
    program,
    mount,
    operations: Number(values.operations),
    onForm: (text) => console.error(text),
  });
  ended.abort();
  const kills = await killing;
  const failed = results.some((form) => form.failure !== undefined);
  return { section: fsxSection(results, revision(), kills), failed };
}

/** The commit the program was built from, if it lies in its repository. */
function revision(): string {
  try {
    const args = ['-C', dirname(program), 'rev-parse', '--short=12', 'HEAD'];
    return execFileSync('git', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'of unknown revision';
  }
}
