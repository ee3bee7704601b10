/**
 * The simulation of the file system: `npm run sim -- --seeds N [--seed S] [--ops N] [--trace]`.
 *
 * Runs N seeds from S on. A seed is one exact schedule. A failing one is printed with the shortest schedule found
 * that fails too, and its trace; the exit code is then 1.
 */
import { parseArgs } from 'node:util';
import { runSeed, shrink } from '../packages/file-system/src/simulation/run-seeds.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '0' },
    ops: { type: 'string', default: '60' },
    trace: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const count = Number(values.seeds);
const first = Number(values.seed);
const operations = Number(values.ops);
const started = performance.now();
let failed = 0;
let steps = 0;

for (let seed = first; seed < first + count; seed++) {
  const outcome = await runSeed(seed, operations);
  steps += outcome.plan.steps.length;
  if (values.trace) console.log(`seed ${seed} trace ${outcome.hash}`);
  if (outcome.failure === undefined) continue;
  failed++;
  const small = values['no-shrink'] ? outcome : await shrink(outcome);
  console.log(
    [
      `FAILED seed ${seed} (${outcome.plan.steps.length} steps): ${firstLine(outcome.failure)}`,
      `with ${small.plan.steps.length} steps: ${small.failure}`,
      ...small.trace,
      `again: npm run sim -- --seeds 1 --seed ${seed} --ops ${operations}`,
      '',
    ].join('\n'),
  );
}
const seconds = (performance.now() - started) / 1000;
console.log(
  `${count} seeds, ${steps} steps, ${failed} failed, ${seconds.toFixed(1)} s (${(count / seconds).toFixed(1)} seeds/s)`,
);
process.exitCode = failed === 0 ? 0 : 1;

function firstLine(text: string | undefined): string {
  return text?.split('\n')[0] ?? '';
}
