// The serving side. Mounting is in `./mounting`, the notifier process's work in `./notifier`.
export { EventNotes } from './event-notes.ts';
export { identityOf } from './identity.ts';
export type { Identity } from './identity.ts';
export { KnownNodes } from './known-nodes.ts';
export type { Session } from './negotiate.ts';
export { NotificationPipe } from './notifier.ts';
export { ServingLoop } from './serve.ts';
export type { ServeEnd, ServeOptions, ServingWork } from './serve.ts';
export { hasInput, openEventFd, openSocketPair, signalEventFd, tryLock } from './system-calls.ts';
export type { TrafficCounts, TrafficReport } from './traffic.ts';
export { ViewNames } from './view-names.ts';
