/** getlk, setlk, flush: the lock table with the file system around it. */
import { LockTable } from '../locks/lock-table.ts';
import {
  FsError,
  Kind,
  LockKind,
  ok,
  pending,
  type Caller,
  type Lock,
  type Status,
} from '../operations.ts';
import type { Core } from './core.ts';

const recordPrefix = 'lock:';

export class Locking {
  readonly #core: Core;
  readonly table: LockTable;

  constructor(core: Core) {
    this.#core = core;
    const { store } = core;
    this.table = new LockTable({
      save: (ino, text) =>
        store.transaction(() => store.database.setRecord(`${recordPrefix}${ino}`, text)),
      newWait: () => core.newWait(),
      ready: (waitId) => core.ready(waitId),
    });
    store.database.eachRecord(recordPrefix, (key, text) =>
      this.table.restore(Number(key.slice(recordPrefix.length)), text),
    );
  }

  get(c: Caller, ino: number, lock: Lock): Status {
    const inode = this.#core.enter(c, ino);
    if (inode === undefined) return this.#core.refusal;
    this.table.get(ino, lock);
    return ok;
  }

  set(c: Caller, ino: number, lock: Readonly<Lock>, wait: boolean): Status {
    const inode = this.#core.enter(c, ino);
    if (inode === undefined) return this.#core.refusal;
    if (inode.kind !== Kind.file && inode.kind !== Kind.directory) return FsError.Invalid;
    if (lock.start > lock.end || lock.start < 0n) return FsError.Invalid;
    if (!this.#core.store.database.writable()) return FsError.NoLocks;
    const status = this.table.set(ino, lock, wait);
    if (status === pending) this.#core.pendingOn = this.table.pendingOn;
    return status;
  }

  flush(ino: number, owner: bigint): void {
    if (this.table.isLocked(ino)) this.table.dropOwner(ino, LockKind.posix, owner);
  }

  release(ino: number, handle: number, owner: bigint): void {
    if (!this.table.isLocked(ino)) return;
    this.table.dropHandle(ino, handle);
    this.table.dropOwner(ino, LockKind.flock, owner);
  }

  freshSession(): void {
    const { store } = this.#core;
    store.transaction(() => {
      for (const ino of this.table.clear())
        store.database.setRecord(`${recordPrefix}${ino}`, undefined);
    });
  }
}
