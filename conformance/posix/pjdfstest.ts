/**
 * pjdfstest (github.com/pjd/pjdfstest): system calls, their errors and what they leave, as a shell script a
 * file. `program` is its built binary; the scripts are in `tests/` beside it. Needs root: it changes identities.
 */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Exclusions } from './exclusions.ts';
import { runIn } from './served-mount.ts';
import { parseTap } from './tap.ts';

/** Figures of one group (the directory below `tests/`). */
export interface GroupResult {
  readonly group: string;
  passed: number;
  failed: number;
  excluded: number;
  /** Failed as the suite itself expects. */
  todo: number;
}

export interface PjdfstestResult {
  readonly groups: readonly GroupResult[];
  /** `<file> <case>: <what it says>`. */
  readonly failures: readonly string[];
  /** Cases that pass although a line of exclusions.txt names them. */
  readonly needless: readonly string[];
}

/** The longest file makes 1,323 cases of several processes each. */
const fileMsMax = 900_000;
/** Many cases sleep until the clock shows another second. */
const parallelFiles = 4;

export async function runPjdfstest(o: {
  program: string;
  /** On the mount. */
  directory: string;
  exclusions: Exclusions;
  onFile: (text: string) => void;
}): Promise<PjdfstestResult> {
  const tests = join(dirname(o.program), 'tests');
  const files = readdirSync(tests, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.t'))
    .toSorted();
  const groups = new Map<string, GroupResult>();
  const failures: string[] = [];
  const needless: string[] = [];
  const waiting = [...files];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const group = dirname(file);
      const result = groups.get(group) ?? { group, passed: 0, failed: 0, excluded: 0, todo: 0 };
      groups.set(group, result);
      const ran = await runFile(o.directory, join(tests, file), file.replaceAll('/', '_'));
      const exclusions = o.exclusions.get(file) ?? [];
      let failed = 0;
      for (const { number, verdict, line } of parseTap(ran)) {
        if (exclusions.some((exclusion) => exclusion.covers(number))) {
          result.excluded++;
          if (verdict === 'passed') needless.push(`${file} ${number}`);
          continue;
        }
        result[verdict]++;
        if (verdict !== 'failed') continue;
        failed++;
        failures.push(`${file} ${number}: ${line}`);
      }
      o.onFile(`${file}${failed === 0 ? '' : `: ${failed} failed`}`);
    }
  };
  await Promise.all(Array.from({ length: parallelFiles }, worker));
  return {
    groups: [...groups.values()].toSorted((a, b) => (a.group < b.group ? -1 : 1)),
    failures: failures.toSorted(),
    needless: needless.toSorted(),
  };
}

/** Runs one file in an empty directory of its own. */
async function runFile(parent: string, path: string, directory: string): Promise<string> {
  const script =
    'mkdir -m 0755 "$1" && cd "$1" && bash "$2"; status=$?; cd ..; rm -rf "$1"; exit $status';
  const ran = await runIn(parent, ['bash', '-c', script, 'bash', directory, path], {
    msMax: fileMsMax,
  });
  return ran.out;
}
