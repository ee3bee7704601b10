/**
 * Named places at which a process may die or a disk be full: one at each boundary between what survives and what
 * does not. In production nothing is installed and each costs one comparison; the simulation installs a function
 * that throws there. The places in order of a change: bytes, journal, database, what has become superfluous.
 */

/** Before the thing named is done unless the name says otherwise. */
export const Failpoint = {
  slotWrite: 'content:slot-write',
  cacheMake: 'content:cache-make',
  cacheWrite: 'content:cache-write',
  /** The change is acknowledged from here on only after the append. */
  journalAppend: 'journal:append',
  journalAppended: 'journal:appended',
  commit: 'database:commit',
  /** The database has everything, and the journal has it still. */
  committed: 'database:committed',
  reserveMake: 'database:reserve-make',
  /** The change is durable; slots and cache files that nothing speaks of are about to go. */
  contentSettle: 'content:settle',
  /** The database says that bytes are in S3 only; they are about to give their space back. */
  contentReclaim: 'content:reclaim',
  /** A downloaded range is about to be written to its cache file (transfer side: a full disk only). */
  downloadWrite: 'transfer:download-write',
} as const;
export type Failpoint = (typeof Failpoint)[keyof typeof Failpoint];

let installed: ((name: Failpoint) => void) | undefined;

export function failpoint(name: Failpoint): void {
  if (installed !== undefined) installed(name);
}

/** For the simulation. `act` may throw; undefined takes it away again. */
export function installFailpoints(act: ((name: Failpoint) => void) | undefined): void {
  installed = act;
}
