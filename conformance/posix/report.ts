/** docs/CONFORMANCE-POSIX.md: a section a suite, in the form prettier leaves alone. */
import { release } from 'node:os';
import type { FormResult } from './fsx.ts';
import type { PjdfstestResult } from './pjdfstest.ts';

const head = `# Conformance with POSIX

Suites of others against a real mount: a bucket on \`moorage local-s3\`, mounted through the kernel's FUSE. The
suites are not part of this repository; the runner takes the path of the built program. Each section is written by
its command with \`--write\` as its last word. What the suites cannot see (locks between access points, mappings,
sparse files, odd names, the tools people copy with) is tested by
[conformance/posix](../conformance/posix) in \`npm test\`.
`;

/** Replaces one suite's section of the document and keeps the others. */
export function withSection(document: string, suite: string, section: string): string {
  const sections = new Map<string, string>();
  for (const part of document.split(/^(?=## )/m).slice(1))
    sections.set(part.slice(3, part.indexOf('\n')), part.trimEnd());
  sections.set(suite, `## ${suite}\n\n${section}`.trimEnd());
  const names = [...sections.keys()].toSorted((a, b) => b.localeCompare(a));
  return `${[head.trimEnd(), ...names.map((name) => sections.get(name)!)].join('\n\n')}\n`;
}

export function pjdfstestSection(
  result: PjdfstestResult,
  revision: string,
  inAccessPoint: boolean,
): string {
  const sum = { passed: 0, failed: 0, excluded: 0, todo: 0 };
  for (const group of result.groups)
    for (const key of ['passed', 'failed', 'excluded', 'todo'] as const) sum[key] += group[key];
  const rows = [...result.groups, { group: 'all', ...sum }].map((group) => [
    group.group,
    ...[group.passed, group.failed, group.excluded, group.todo].map(String),
  ]);
  return [
    `[pjdfstest](https://github.com/pjd/pjdfstest) ${revision}, on Linux ${kernel()}:`,
    '',
    ...table(['Group', 'Passed', 'Failed', 'Excluded', 'Suite expects it'], rows),
    '',
    'Excluded are hard links, device nodes and what follows from them: an object has one key, and a bucket has no',
    'devices. [exclusions.txt](../conformance/posix/exclusions.txt) names each case with its reason.',
    '',
    ...listed(result.failures),
    '```sh',
    `node conformance/posix/run.ts --suite pjdfstest --program PATH/pjdfstest${inAccessPoint ? ' --access-point' : ''}`,
    '```',
  ].join('\n');
}

/** `kills`: how often the server was killed meanwhile; undefined = that was not the point. */
export function fsxSection(
  results: readonly FormResult[],
  revision: string,
  kills: number | undefined,
): string {
  const operations = results.reduce((sum, form) => sum + form.operations, 0);
  return [
    `fsx of [xfstests](https://github.com/kdave/xfstests) ${revision}, on Linux ${kernel()}. Afterwards the file is`,
    'exported, and its object is compared with it.',
    ...(kills === undefined ? [] : [`Meanwhile the server was ended with SIGKILL ${kills} times.`]),
    '',
    ...table(
      ['Form', 'Options', 'Operations', 'Result'],
      results.map((form) => [
        form.name,
        form.options === '' ? '' : `\`${form.options}\``,
        String(form.operations),
        form.failure === undefined ? 'no difference' : 'failed',
      ]),
    ),
    '',
    ...listed(results.flatMap((form) => form.failure ?? [])),
    '```sh',
    `node conformance/posix/run.ts --suite fsx --program PATH/fsx --operations ${operations}${kills === undefined ? '' : ' --kills'}`,
    '```',
  ].join('\n');
}

function listed(failures: readonly string[]): string[] {
  if (failures.length === 0) return [];
  return ['Failed:', '', '```text', ...failures, '```', ''];
}

function kernel(): string {
  return /^[\d.]+/.exec(release())?.[0] ?? release();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, 3, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
