/** Runs seeds, and makes a failing one small: the shortest prefix that fails, then without what it does not need. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drawPlan } from './plan.ts';
import type { Plan, Step } from './plan.ts';
import { Simulation } from './simulation.ts';

export interface Outcome {
  plan: Plan;
  /** Undefined: all is well. */
  failure: string | undefined;
  hash: string;
  trace: readonly string[];
}

const shrinkRunsMax = 250;

export function runSeed(seed: number, operations: number): Promise<Outcome> {
  return runPlan(drawPlan(seed, operations));
}

export async function runPlan(plan: Plan): Promise<Outcome> {
  const dir = mkdtempSync(join(tmpdir(), 'moorage-sim-'));
  const simulation = new Simulation(plan, dir);
  let failure: string | undefined;
  try {
    await simulation.run();
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    await simulation.end();
    rmSync(dir, { recursive: true, force: true });
  }
  return { plan, failure, hash: simulation.trace.hash(), trace: simulation.trace.lines };
}

/** A failing plan with fewer steps, and how it fails. */
export async function shrink(failing: Outcome): Promise<Outcome> {
  let best = failing;
  let runs = 0;
  const mayRun = (): boolean => runs < shrinkRunsMax;
  const tryWith = async (steps: Step[]): Promise<boolean> => {
    if (!mayRun()) return false;
    runs++;
    const outcome = await runPlan({ ...failing.plan, steps });
    if (outcome.failure === undefined) return false;
    best = outcome;
    return true;
  };
  for (let low = 0, high = best.plan.steps.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (await tryWith(failing.plan.steps.slice(0, middle))) high = middle;
    else low = middle + 1;
  }
  for (let size = best.plan.steps.length >>> 1; size >= 1; size >>>= 1) {
    for (let at = 0; at < best.plan.steps.length && mayRun();) {
      const { steps } = best.plan;
      if (!(await tryWith([...steps.slice(0, at), ...steps.slice(at + size)]))) at += size;
    }
  }
  return best;
}
