/**
 * What all operations share: the stores, the identity of the current request, the clock, waiting and telling.
 *
 * Pattern of an operation: `enter` (resolve the inode, assume the caller's identity, check the view), decide,
 * ask the planner for what is missing, `admit` (may it be written to at all), then change everything between
 * `begin` and `end`. Nothing is changed before `begin`; nothing can be refused after it but for lack of space.
 */
import { Identity } from '../access/identity.ts';
import { Views, type View } from '../access/views.ts';
import type { Content } from '../content/content.ts';
import {
  errorOf,
  FsError,
  Kind,
  ok,
  pending,
  rootIno,
  type Caller,
  type FileSystemEvents,
  type Result,
  type Status,
  type WaitId,
} from '../operations.ts';
import { childIno } from '../store/directory.ts';
import { InodeFlag, type Inode } from '../store/inode.ts';
import {
  conflictChild,
  conflictDirectory,
  conflictsName,
  isMadeUp,
  madeUpInode,
  showsCopy,
} from './conflict-directory.ts';
import type { Store } from '../store/store.ts';
import type { Sync } from '../sync/port.ts';

/** Milliseconds since the epoch, with a fraction. */
export interface Clock {
  now(): number;
}

/** What the operations need of the planner. */
export type Planner = Pick<
  Sync,
  | 'created'
  | 'changed'
  | 'moved'
  | 'unlinked'
  | 'needDirectory'
  | 'needTree'
  | 'needAttributes'
  | 'needRange'
  | 'passed'
  | 'isFetching'
  | 'touched'
  | 'statusText'
  | 'barrierOfFile'
  | 'barrierFailures'
  | 'conflicts'
  | 'settle'
>;

const nothing = (): void => {};
const here = (): Result => 0;

/** A file system with no bucket behind it: everything is here. */
export const localOnly: Planner = {
  created: nothing,
  changed: nothing,
  moved: nothing,
  unlinked: nothing,
  needDirectory: here,
  needTree: here,
  needAttributes: here,
  needRange: here,
  passed: nothing,
  isFetching: () => false,
  touched: nothing,
  statusText: () => 'S3Key: \n',
  barrierOfFile: here,
  barrierFailures: () => [],
  conflicts: () => [],
  settle: nothing,
};

const nameBytesMax = 255;
const handlesPerEpoch = 2 ** 32;

export class Core {
  readonly store: Store;
  readonly content: Content;
  readonly views: Views;
  readonly identity: Identity = new Identity();
  readonly #clock: Clock;
  readonly #events: FileSystemEvents;
  planner: Planner = localOnly;
  readOnly: boolean;
  pendingOn: WaitId = 0;
  /** Why `enter` returned nothing. */
  refusal: Status = ok;
  /** Number of views; what one view changes is told to the others only when there are any. */
  viewCount = 0;
  #lastWait = 0;
  #handles = 0;
  /** The current time, by `tick`. */
  sec = 0;
  nsec = 0;
  /** The inode at the root of the view that asks. */
  root: number = rootIno;

  constructor(o: {
    store: Store;
    content: Content;
    clock: Clock;
    events: FileSystemEvents;
    readOnly: boolean;
  }) {
    this.store = o.store;
    this.content = o.content;
    this.views = new Views(o.store);
    this.#clock = o.clock;
    this.#events = o.events;
    this.readOnly = o.readOnly;
  }

  /** Sets `sec` and `nsec`; all times of one change are the same. */
  tick(): void {
    const now = this.#clock.now();
    this.sec = Math.floor(now / 1000);
    this.nsec = Math.min(999_999_999, Math.floor((now - this.sec * 1000) * 1e6));
  }

  /** The inode, with the caller's identity assumed; undefined and `refusal` when it is not to be had. */
  enter(c: Caller, ino: number): Inode | undefined {
    let view: View | undefined;
    if (c.view !== 0) {
      view = this.views.get(c.view);
      if (view === undefined) return this.#refuse(FsError.Stale);
    }
    this.identity.assume(c, view);
    this.root = view === undefined ? rootIno : view.root;
    return this.#resolve(c, view, ino);
  }

  /** For requests that name nobody. */
  found(ino: number): Inode | undefined {
    return this.store.get(ino) ?? madeUpInode(this, rootIno, ino);
  }

  /** A further inode of the same request. */
  also(c: Caller, ino: number): Inode | undefined {
    return this.#resolve(c, c.view === 0 ? undefined : this.views.get(c.view), ino);
  }

  /** Whether this request may change anything. */
  admit(c: Caller): Status {
    if (this.#isReadOnly(c)) return FsError.ReadOnly;
    return this.store.database.writable() ? ok : FsError.NoSpace;
  }

  /** The same for what gives space back, which is possible longer. */
  admitRemoval(c: Caller): Status {
    if (this.#isReadOnly(c)) return FsError.ReadOnly;
    return this.store.database.removable() ? ok : FsError.NoSpace;
  }

  /** Attributes are true: OK, Pending or why they cannot be had. */
  know(inode: Inode): Status {
    if ((inode.flags & InodeFlag.known) !== 0) return ok;
    return this.await(this.planner.needAttributes(inode.ino));
  }

  /** OK when a name may be looked for in this directory. */
  searchable(directory: Inode, name: string): Status {
    if (directory.kind !== Kind.directory) return FsError.NotDirectory;
    if (!this.identity.may(directory, 1)) return FsError.AccessDenied;
    if (name.length > nameBytesMax) return FsError.NameTooLong;
    return ok;
  }

  /**
   * The inode of a name. Undefined with `refusal` NoEntry when there is none, or with why it is not known;
   * its own attributes are known. `searchable` has been asked.
   */
  child(directory: Inode, name: string): Inode | undefined {
    if (directory.ino === this.root && name === conflictsName)
      return conflictDirectory(this, this.root);
    if (isMadeUp(directory.ino))
      return conflictChild(this, this.root, name) ?? this.#refuse(FsError.NoEntry);
    const packed = this.store.child(directory, name);
    if (packed === 0) {
      const status = this.listed(directory);
      return this.#refuse(status === ok ? FsError.NoEntry : status);
    }
    const inode = this.store.get(childIno(packed))!;
    const status = this.know(inode);
    return status === ok ? inode : this.#refuse(status);
  }

  /** All children are in the store. */
  listed(directory: Inode): Status {
    const removed = directory.parent === 0 && directory.ino !== rootIno;
    if ((directory.flags & InodeFlag.listed) !== 0 || removed) return ok;
    return this.await(this.planner.needDirectory(directory.ino));
  }

  /** What the planner answered to a `needX`. */
  await(answer: Result): Status {
    if (answer === 0) return ok;
    if (answer < 0) return errorOf(answer);
    this.pendingOn = answer;
    return pending;
  }

  newWait(): WaitId {
    return ++this.#lastWait;
  }
  ready(waitId: WaitId): void {
    this.#events.ready(waitId);
  }

  begin(): void {
    this.tick();
    this.store.begin();
  }

  /** Commits; `ino` and `result` are what a repeated request is answered with. */
  end(c: Caller, ino: number, result: Result): void {
    if (c.request !== 0) this.store.remember(c.request, ino, result);
    this.store.end();
    this.content.settle();
  }

  /** The content of the inode was read, or is worth keeping from now on. Cheap when that was noted lately. */
  noteUse(inode: Inode): void {
    this.store.uses.note(inode, this.sec);
  }

  changedTimes(inode: Inode): void {
    inode.ctimeSec = this.sec;
    inode.ctimeNsec = this.nsec;
    this.store.touch(inode);
  }

  modifiedTimes(inode: Inode): void {
    inode.mtimeSec = this.sec;
    inode.mtimeNsec = this.nsec;
    this.changedTimes(inode);
  }

  /** Unique over restarts. */
  newHandle(): number {
    return this.store.epoch * handlesPerEpoch + this.#handles++;
  }

  /** The kernel may be using the inode. */
  isHeld(ino: number): boolean {
    return this.#events.holds(ino);
  }

  // What other views, or (view -1) all, must look at again.

  tellInode(view: number, ino: number, offset: number, length: number): void {
    if (view === -1 || this.viewCount > 0) this.#events.inodeChanged(ino, offset, length, view);
  }
  tellEntry(view: number, parent: number, name: string): void {
    if (view === -1 || this.viewCount > 0) this.#events.entryChanged(parent, name, view);
  }

  #isReadOnly(c: Caller): boolean {
    return this.readOnly || (c.view !== 0 && this.views.get(c.view)?.readOnly === true);
  }

  #resolve(c: Caller, view: View | undefined, ino: number): Inode | undefined {
    const inode = this.store.get(ino) ?? madeUpInode(this, this.root, ino);
    if (inode === undefined) return this.#refuse(FsError.Stale);
    if (view !== undefined && !this.views.contains(c.view, view, inode))
      if (!isMadeUp(ino) && !showsCopy(this, view.root, inode)) return this.#refuse(FsError.Stale);
    return inode;
  }

  #refuse(status: Status): undefined {
    this.refusal = status;
    return undefined;
  }
}
