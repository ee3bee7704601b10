/** docs/CONFORMANCE.md: the pass table, in the form prettier leaves alone. */
import type { Suite } from './suites.ts';

/** Differences by case id; a case that is not in it was not run. */
export type Results = ReadonlyMap<string, readonly string[]>;

export function report(suites: readonly Suite[], results: Results): string {
  const rows = suites.map(({ name, expectations }) => {
    const ids = Object.keys(expectations);
    const failed = ids.filter((id) => results.get(id)?.length !== 0);
    return {
      name,
      cases: ids.length,
      passed: ids.length - failed.length,
      range: `${ids[0]} to ${ids.at(-1)}`,
      failed,
    };
  });
  const cases = rows.reduce((sum, row) => sum + row.cases, 0);
  const passed = rows.reduce((sum, row) => sum + row.passed, 0);
  const failures = rows.flatMap((row) => row.failed);
  return [
    '# Conformance of the durable execution service',
    '',
    `Moorage passes ${passed} of the ${cases} cases about operations of AWS's language-neutral suite`,
    '[aws-durable-execution-conformance-tests](https://github.com/aws/aws-durable-execution-conformance-tests).',
    'The cases are expressed as handlers of ours on the official SDK and run against the real service over',
    'HTTP: its result, the history event by event, and the log are compared with what the case expects. Each',
    "runs twice: through the AWS SDK's client for Lambda, and on the fast path through the worker's own.",
    '',
    ...table(
      ['Suite', 'Cases', 'Ids', 'Passed'],
      [
        ...rows.map((row) => [row.name, String(row.cases), row.range, String(row.passed)]),
        ['all', String(cases), '', String(passed)],
      ],
    ),
    '',
    ...(failures.length === 0
      ? ['Every case passes.']
      : ['Not passed:', '', ...failures.map((id) => `- ${id}: ${reason(results.get(id))}`)]),
    '',
    'The 23 cases of the suite `plugin` are about instrumentation inside the SDK, not about the service.',
    'This page is written by `npx vitest run conformance/durable -u`; without `-u` the run fails if it',
    'would differ.',
    '',
  ].join('\n');
}

function reason(differences: readonly string[] | undefined): string {
  return differences === undefined ? 'not run' : differences[0]!;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((cell, column) =>
    Math.max(cell.length, 3, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)];
}
