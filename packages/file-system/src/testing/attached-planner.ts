/** A planner without an S3 side: a test takes its jobs and answers them. For tests only. */
import type { Clock } from '../core/core.ts';
import type { SyncOptions } from '../sync/context.ts';
import { createPlanner } from '../sync/planner.ts';
import type { Sync } from '../sync/port.ts';
import type { TransferJob } from '../transfer/jobs.ts';
import type { Fixture } from './fixture.ts';

export function attachPlanner(
  fixture: Fixture,
  clock: Clock,
  options: Partial<SyncOptions> = {},
): Sync {
  const planner = createPlanner(fixture.fs.tree, {
    bucket: 'data',
    prefix: '',
    quietMs: 2_000,
    maxAgeMs: 60_000,
    relistMs: 3_600_000,
    defaults: { uid: 7, gid: 8, fileMode: 0o600, directoryMode: 0o700 },
    clock,
    random: () => 0.5,
    log: () => undefined,
    ...options,
  });
  fixture.fs.attach(planner);
  return planner;
}

/** Takes the next job of this kind out of `jobs`, after those that the planner has had ready since. */
export function nextJob<K extends TransferJob['kind']>(
  sync: Sync,
  jobs: TransferJob[],
  kind: K,
): Extract<TransferJob, { kind: K }> {
  jobs.push(...sync.take());
  const at = jobs.findIndex((one) => one.kind === kind);
  if (at < 0) throw new Error(`no ${kind} among ${jobs.map((one) => one.kind).join(' ')}`);
  return jobs.splice(at, 1)[0] as Extract<TransferJob, { kind: K }>;
}
