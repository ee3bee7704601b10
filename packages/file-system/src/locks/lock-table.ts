/**
 * Advisory locks of all files: POSIX and OFD byte ranges, and flock. Persisted with each change, so that they
 * outlive a restart of the server on the same kernel session.
 *
 * Waiting is first come, first served: a waiter is granted when no holder and no earlier waiter stands in its
 * way. A granted waiter holds the lock from then on; when its request is repeated it finds itself the holder.
 * POSIX waiters are checked for deadlock (an owner waiting, through others, for itself) before they wait.
 */
import {
  FsError,
  LockKind,
  LockType,
  ok,
  pending,
  type Lock,
  type Status,
  type WaitId,
} from '../operations.ts';
import { conflictOf, isCovered, withChange, type Held } from './ranges.ts';

/** S3 Files' limit of locks on one file. */
const locksPerFileMax = 512;

interface Waiter {
  ino: number;
  lock: Lock;
  waitId: WaitId;
}

interface Locks {
  /** By LockKind: the two kinds do not know of each other. */
  held: [Held[], Held[]];
  waiting: Waiter[];
}

/** Where the table keeps what must survive, and how it tells that a wait is over. */
export interface LockSeams {
  save(ino: number, text: string | undefined): void;
  newWait(): WaitId;
  ready(waitId: WaitId): void;
}

export class LockTable {
  readonly #seams: LockSeams;
  readonly #files = new Map<number, Locks>();
  readonly #waits = new Map<WaitId, Waiter>();
  pendingOn: WaitId = 0;

  constructor(seams: LockSeams) {
    this.#seams = seams;
  }

  /** What `save` was given for this file by an earlier process. */
  restore(ino: number, text: string): void {
    const held = (JSON.parse(text) as [Saved[], Saved[]]).map((list) => list.map(heldOf));
    this.#files.set(ino, { held: held as [Held[], Held[]], waiting: [] });
  }

  /** Forgets everything; what was saved has to be removed by the caller. */
  clear(): number[] {
    const files = [...this.#files.keys()];
    this.#files.clear();
    this.#waits.clear();
    return files;
  }

  get(ino: number, lock: Lock): void {
    const conflict = conflictOf(this.#files.get(ino)?.held[lock.kind] ?? [], lock);
    if (conflict === undefined) {
      lock.type = LockType.unlock;
      return;
    }
    lock.type = conflict.type as Lock['type'];
    lock.start = conflict.start;
    lock.end = conflict.end;
    lock.pid = conflict.pid;
    lock.owner = conflict.owner;
  }

  set(ino: number, lock: Readonly<Lock>, wait: boolean): Status {
    let file = this.#files.get(ino);
    if (lock.type === LockType.unlock) {
      if (file !== undefined) this.#change(ino, file, lock.kind, { ...lock });
      return ok;
    }
    if (file === undefined) {
      file = { held: [[], []], waiting: [] };
      this.#files.set(ino, file);
    }
    const held = file.held[lock.kind];
    if (isCovered(held, lock)) return ok;
    const again = file.waiting.find((waiter) => sameRequest(waiter.lock, lock));
    if (again !== undefined) return this.#pend(again.waitId);
    const blocked =
      conflictOf(held, lock) !== undefined ||
      (wait && file.waiting.some(({ lock: earlier }) => conflicts(earlier, lock)));
    if (!blocked) {
      if (held.length >= locksPerFileMax) return FsError.NoLocks;
      this.#change(ino, file, lock.kind, { ...lock });
      return ok;
    }
    if (!wait) return FsError.Again;
    if (lock.kind === LockKind.posix && this.#wouldDeadlock(file, lock)) return FsError.Deadlock;
    // A flock that is converted gives up what it had: two that convert would wait for each other for ever.
    if (lock.kind === LockKind.flock && held.some(({ owner }) => owner === lock.owner))
      this.#change(ino, file, lock.kind, { ...lock, type: LockType.unlock });
    const waiter: Waiter = { ino, lock: { ...lock }, waitId: this.#seams.newWait() };
    file.waiting.push(waiter);
    this.#waits.set(waiter.waitId, waiter);
    return this.#pend(waiter.waitId);
  }

  cancel(waitId: WaitId): void {
    const waiter = this.#waits.get(waitId);
    if (waiter === undefined) return;
    this.#waits.delete(waitId);
    const file = this.#files.get(waiter.ino)!;
    file.waiting = file.waiting.filter((other) => other !== waiter);
    this.#grant(waiter.ino, file);
  }

  /** A descriptor was closed: POSIX semantics drop all its owner's ranges on the file. */
  dropOwner(ino: number, kind: 0 | 1, owner: bigint): void {
    this.#dropWhere(ino, kind, (held) => held.owner === owner);
  }

  /** The open file through which they were taken is gone. */
  dropHandle(ino: number, handle: number): void {
    this.#dropWhere(ino, LockKind.posix, (held) => held.handle === handle);
    this.#dropWhere(ino, LockKind.flock, (held) => held.handle === handle);
  }

  /** The inode is gone. */
  dropFile(ino: number): void {
    if (this.#files.delete(ino)) this.#seams.save(ino, undefined);
  }

  isLocked(ino: number): boolean {
    return this.#files.has(ino);
  }

  #dropWhere(ino: number, kind: 0 | 1, gone: (held: Held) => boolean): void {
    const file = this.#files.get(ino);
    if (file === undefined || !file.held[kind].some(gone)) return;
    file.held[kind] = file.held[kind].filter((held) => !gone(held));
    this.#settle(ino, file);
  }

  #change(ino: number, file: Locks, kind: 0 | 1, change: Held & Lock): void {
    const { owner, start, end, type, pid, handle } = change;
    file.held[kind] = withChange(file.held[kind], { owner, start, end, type, pid, handle });
    this.#settle(ino, file);
  }

  #settle(ino: number, file: Locks): void {
    this.#grant(ino, file);
    const none = file.held[0].length + file.held[1].length === 0;
    if (none && file.waiting.length === 0) this.#files.delete(ino);
    this.#seams.save(ino, none ? undefined : JSON.stringify(file.held.map((l) => l.map(savedOf))));
  }

  /** Gives waiting requests, in their order, what nothing stands in the way of any more. */
  #grant(_ino: number, file: Locks): void {
    const stillWaiting: Waiter[] = [];
    for (const waiter of file.waiting) {
      const { lock } = waiter;
      const held = file.held[lock.kind];
      if (
        conflictOf(held, lock) !== undefined ||
        stillWaiting.some(({ lock: earlier }) => conflicts(earlier, lock))
      ) {
        stillWaiting.push(waiter);
        continue;
      }
      const { owner, start, end, type, pid, handle } = lock;
      file.held[lock.kind] = withChange(held, { owner, start, end, type, pid, handle });
      this.#waits.delete(waiter.waitId);
      this.#seams.ready(waiter.waitId);
    }
    file.waiting = stillWaiting;
  }

  #pend(waitId: WaitId): Status {
    this.pendingOn = waitId;
    return pending;
  }

  /** Whether some owner that `lock` would wait for waits, directly or through others, for its owner. */
  #wouldDeadlock(file: Locks, lock: Readonly<Lock>): boolean {
    const seen = new Set<bigint>();
    const open = blockersOf(file, lock);
    for (let owner = open.pop(); owner !== undefined; owner = open.pop()) {
      if (owner === lock.owner) return true;
      if (seen.has(owner)) continue;
      seen.add(owner);
      for (const waiter of this.#waits.values()) {
        if (waiter.lock.kind !== LockKind.posix || waiter.lock.owner !== owner) continue;
        open.push(...blockersOf(this.#files.get(waiter.ino)!, waiter.lock));
      }
    }
    return false;
  }
}

function blockersOf(file: Locks, lock: Readonly<Lock>): bigint[] {
  return file.held[lock.kind]
    .filter((held) => conflictOf([held], lock) !== undefined)
    .map(({ owner }) => owner);
}

function conflicts(a: Readonly<Lock>, b: Readonly<Lock>): boolean {
  return (
    a.kind === b.kind &&
    a.owner !== b.owner &&
    a.start <= b.end &&
    b.start <= a.end &&
    (a.type === LockType.write || b.type === LockType.write)
  );
}

function sameRequest(a: Readonly<Lock>, b: Readonly<Lock>): boolean {
  return (
    a.kind === b.kind &&
    a.owner === b.owner &&
    a.start === b.start &&
    a.end === b.end &&
    a.type === b.type &&
    a.pid === b.pid
  );
}

/** As JSON has no big integers. */
type Saved = [string, string, string, number, number, number];

function savedOf(held: Held): Saved {
  const { owner, start, end, type, pid, handle } = held;
  return [String(owner), String(start), String(end), type, pid, handle];
}

function heldOf([owner, start, end, type, pid, handle]: Saved): Held {
  return { owner: BigInt(owner), start: BigInt(start), end: BigInt(end), type, pid, handle };
}
