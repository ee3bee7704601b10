/**
 * `npm run bench -- [case …] [--rounds N] [--smoke] [--json]`: runs benchmarks and prints, per case,
 * subject and figure, the median, the range and the ratio to the first subject.
 */
import { mkdtemp } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchmarkCase, Figures } from './case.ts';
import { CASES } from './cases.ts';
import { Guard } from './guard.ts';
import { median } from './statistics.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    smoke: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const rounds = values.smoke ? 1 : Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a number from 1 on');

for (const name of positionals.length > 0 ? positionals : Object.keys(CASES)) {
  const load = CASES[name];
  if (!load) throw new Error(`no case ${name}; there are ${Object.keys(CASES).join(', ')}`);
  await runCase(await load());
}

async function runCase(benchmark: BenchmarkCase): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'moorage-bench-'));
  const guard = new Guard(directory);
  try {
    print(benchmark, await resultsOf(benchmark, directory));
  } finally {
    await guard.end();
  }
}

async function resultsOf(
  benchmark: BenchmarkCase,
  directory: string,
): Promise<Map<string, Figures[]>> {
  const prepared = await benchmark.prepare({ small: values.smoke, directory });
  const results = new Map<string, Figures[]>(prepared.subjects.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      // Every other round runs backwards, so that no subject always comes after the same one.
      const order = round % 2 === 0 ? prepared.subjects : [...prepared.subjects].reverse();
      for (const subject of order) results.get(subject.name)!.push(await subject.round());
    }
    return results;
  } finally {
    await prepared.close();
  }
}

function print(benchmark: BenchmarkCase, results: Map<string, Figures[]>): void {
  const load = loadavg()[0]!.toFixed(1);
  if (!values.json) {
    console.log(`\n${benchmark.title}`);
    console.log(`${rounds} rounds, ${cpus().length} cores, load ${load}, node ${process.version}`);
  }
  const [first] = results.values();
  for (const [subject, figures] of results) {
    for (const figure of Object.keys(figures[0]!)) {
      const all = figures.map((round) => round[figure]!);
      const base = first?.[0]?.[figure] === undefined ? [] : first.map((round) => round[figure]!);
      const ratio = base.length === 0 ? null : median(all) / median(base);
      const row = { case: benchmark.name, subject, figure, median: median(all) };
      const spread = { min: Math.min(...all), max: Math.max(...all), rounds, ratio, load };
      if (values.json) console.log(JSON.stringify({ ...row, ...spread }));
      else
        console.log(
          [
            subject.padEnd(24),
            figure.padEnd(28),
            format(row.median).padStart(10),
            `(${format(spread.min)} to ${format(spread.max)})`.padEnd(26),
            ratio === null ? '' : `${ratio.toFixed(2)}x`,
          ].join(' '),
        );
    }
  }
}

function format(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(3);
}
