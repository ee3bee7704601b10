/**
 * `node --expose-gc open-journal.ts DIR`: opens the journal there, in a process of its own, and prints
 * how long that took and what memory it took.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { DurableService, systemRandom } from '@moorage/durable';

const [dir = ''] = process.argv.slice(2);
/** As the journals are written: nothing is due yet. */
const now = 1_700_000_000_001;

const before = await memory();
const start = performance.now();
const service = await DurableService.open({
  dir,
  clock: { now: () => now, after: () => () => {} },
  random: systemRandom,
  log: (level, message) => console.error(level, message),
  invoker: { invoke: () => Promise.reject(new Error('nothing is to be invoked')) },
  functions: { resolve: () => undefined },
});
const openMs = performance.now() - start;
const after = await memory();
const { records } = service.recovery;
console.log(
  JSON.stringify({
    openMs,
    records,
    heldBytes: after - before,
    executions: service.list().length,
  }),
);
await service.close();

/** What is held, once the garbage is gone: what it held in turn goes a round later. */
async function memory(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
