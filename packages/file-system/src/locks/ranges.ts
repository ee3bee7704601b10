/** Byte ranges one owner holds on one file, and what of them conflicts with another's. */
import { LockType } from '../operations.ts';

export interface Held {
  owner: bigint;
  /** First and last byte. */
  start: bigint;
  end: bigint;
  /** Read or write, never unlock. */
  type: number;
  pid: number;
  handle: number;
}

/** The first lock of another owner that stands in the way. */
export function conflictOf(
  held: readonly Held[],
  wanted: { owner: bigint; start: bigint; end: bigint; type: number },
): Held | undefined {
  for (const lock of held) {
    if (lock.owner === wanted.owner) continue;
    if (lock.end < wanted.start || lock.start > wanted.end) continue;
    if (lock.type === LockType.write || wanted.type === LockType.write) return lock;
  }
  return undefined;
}

/**
 * The locks after `change` (lock or unlock) of one owner, who replaces whatever he held in that range; ranges of
 * the same owner and type that touch become one. Sorted by start.
 */
export function withChange(held: readonly Held[], change: Held): Held[] {
  const after: Held[] = [];
  const mine = { ...change };
  for (const lock of held) {
    if (lock.owner !== change.owner) {
      after.push(lock);
      continue;
    }
    const touches = lock.end + 1n >= mine.start && lock.start <= mine.end + 1n;
    if (touches && lock.type === change.type) {
      if (lock.start < mine.start) mine.start = lock.start;
      if (lock.end > mine.end) mine.end = lock.end;
      continue;
    }
    if (lock.end < change.start || lock.start > change.end) {
      after.push(lock);
      continue;
    }
    if (lock.start < change.start) after.push({ ...lock, end: change.start - 1n });
    if (lock.end > change.end) after.push({ ...lock, start: change.end + 1n });
  }
  if (change.type !== LockType.unlock) after.push(mine);
  return after.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

/** The owner holds all of the range with at least this type. */
export function isCovered(
  held: readonly Held[],
  wanted: { owner: bigint; start: bigint; end: bigint; type: number },
): boolean {
  let at = wanted.start;
  for (const lock of held) {
    if (lock.owner !== wanted.owner || lock.type !== wanted.type) continue;
    if (lock.start <= at && lock.end >= at) at = lock.end + 1n;
  }
  return at > wanted.end;
}
