/**
 * `node --expose-gc open-journal.ts DIR`: opens the journal there, in a process of its own, and prints
 * how long that took and what memory it took.
 */
import { DurableService, systemRandom } from '@moorage/durable';

const [dir = ''] = process.argv.slice(2);
/** As the journals are written: nothing is due yet. */
const now = 1_700_000_000_001;

globalThis.gc?.();
const before = process.memoryUsage();
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
globalThis.gc?.();
const after = process.memoryUsage();
const { records } = service.recovery;
const held = (usage: NodeJS.MemoryUsage): number => usage.heapUsed + usage.external;
console.log(
  JSON.stringify({
    openMs,
    records,
    heldBytes: held(after) - held(before),
    residentBytes: after.rss - before.rss,
    executions: service.list().length,
  }),
);
await service.close();
