export { startLocalHost, WorkerCrash } from './local-host.ts';
export type { LocalFunction, LocalHandler, LocalHost, LocalHostOptions } from './local-host.ts';
export { VirtualClock } from './virtual-clock.ts';
export { writeJournal } from './written-journal.ts';
export type { WrittenJournal } from './written-journal.ts';
