// A plan from the cache while the template and what it was read with are the same: reading YAML costs
// more than everything else a warm start does in this process.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StackPlan } from './plan.ts';
import type { PlanOptions } from './read-plan.ts';

/** Raised when plans mean something else than before. */
const FORMAT = 2;

/** Throws a TemplateError, as `readPlan`. A cache that cannot be written is done without. */
export async function cachedPlan(options: PlanOptions, cacheDir: string): Promise<StackPlan> {
  const key = createHash('sha256')
    .update(JSON.stringify([FORMAT, options]))
    .digest('hex');
  const file = path.join(cacheDir, `${key.slice(0, 40)}.json`);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as StackPlan;
  } catch {
    // Not there, or cut off by a full disk: read it again.
  }
  const { readPlan } = await import('./read-plan.ts');
  const plan = readPlan(options);
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(temporary, JSON.stringify(plan));
    renameSync(temporary, file);
  } catch {
    // The plan is as good without.
  }
  return plan;
}
