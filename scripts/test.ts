/**
 * `npm test`: every test, on real kernel mounts, real HTTP and real programs.
 *
 * Arguments go to vitest (`npm test -- packages/fuse`). As an ordinary user the tests run in a user
 * namespace of their own, where mounting is allowed, and those that only root can set up
 * (`*.root.test.ts`) are left out, which is said. Files that fail are run a second time, alone: on a shared machine
 * a deadline can pass for reasons outside the code. Only what fails twice fails the run, and what
 * passed the second time is named, so that it gets repaired.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { requireDebianPrograms } from './debian.ts';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: { name: string; status: 'passed' | 'failed' }[];
}

interface Outcome {
  exitCode: number;
  passed: number;
  failed: number;
  failedFiles: string[];
}

const root = process.getuid?.() === 0;
const insideNamespace = process.env.MOORAGE_TEST_NAMESPACE === '1';

try {
  requireDebianPrograms(root && !insideNamespace);
  requireFuse();
  process.exitCode = root ? runTests(process.argv.slice(2)) : enterUserNamespace();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

function enterUserNamespace(): number {
  const namespace = ['--user', '--map-root-user', '--mount', '--'];
  if (spawnSync('unshare', [...namespace, 'true'], { stdio: 'ignore' }).status !== 0) {
    throw new Error(
      'The tests mount, which needs a user namespace of their own, and this user may not make one.\n' +
        'Allow it (sudo sysctl kernel.unprivileged_userns_clone=1; on Ubuntu also ' +
        'kernel.apparmor_restrict_unprivileged_userns=0), or run them as root.',
    );
  }
  const result = spawnSync('unshare', [...namespace, process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, MOORAGE_TEST_NAMESPACE: '1' },
  });
  return result.status ?? 1;
}

function requireFuse(): void {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `The tests mount, and /dev/fuse cannot be opened (${code}).\n` +
        (code === 'ENOENT'
          ? 'Load the kernel module (sudo modprobe fuse); in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN.'
          : 'Allow it (sudo chmod 0666 /dev/fuse), or run them as root.'),
      { cause: error },
    );
  }
}

function runTests(args: string[]): number {
  const first = vitest(args);
  let { passed, failed } = first;
  let exitCode = first.exitCode;
  if (first.failedFiles.length > 0) {
    console.log(`\nRunning again, one after the other: ${first.failedFiles.join(' ')}\n`);
    const second = vitest(['--no-file-parallelism', ...first.failedFiles]);
    exitCode = second.exitCode;
    passed += failed - second.failed;
    failed = second.failed;
    const unsteady = first.failedFiles.filter((file) => !second.failedFiles.includes(file));
    for (const file of unsteady) console.log(`UNSTEADY ${file} | failed once, then passed alone`);
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (insideNamespace) console.log('Left out: *.root.test.ts, which only root can set up.');
  return exitCode;
}

function vitest(args: string[]): Outcome {
  const directory = mkdtempSync(join(tmpdir(), 'moorage-test-'));
  const output = join(directory, 'report.json');
  try {
    const leaveOut = insideNamespace ? ['--exclude', '**/*.root.test.ts'] : [];
    const result = spawnSync(
      'vitest',
      ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${output}`]
        .concat(leaveOut)
        .concat(args),
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    if (result.error) throw result.error;
    const report = JSON.parse(readFileSync(output, 'utf8')) as Report;
    const failedFiles = report.testResults.filter((file) => file.status === 'failed');
    return {
      exitCode: result.status ?? 1,
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      failedFiles: failedFiles.map((file) => relative(process.cwd(), file.name)),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
