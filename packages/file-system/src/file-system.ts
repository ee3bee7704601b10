/**
 * The file system: everything an adapter may ask, over one data directory.
 *
 * All state is owned by the thread that calls it. The operations themselves are in core/, one file per family;
 * this class puts them together and owns opening and closing.
 */
import { mkdirSync, statSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { Content } from './content/content.ts';
import { noPlace } from './content/place.ts';
import { addView } from './core/access-points.ts';
import { access, getattr, setattr } from './core/attributes.ts';
import { conflictsIno, isMadeUp } from './core/conflict-directory.ts';
import { discardCopy, restoreCopy, unlinkEntry } from './core/conflict-settle.ts';
import { Core, type Clock, type Planner } from './core/core.ts';
import { Durability, type Flusher, type FsyncTarget } from './core/durability.ts';
import { fallocate, judgeOpen, lseek, read, resultOf, truncateAtOpen, write } from './core/data.ts';
import { opendir, readdir } from './core/directories.ts';
import { getxattr, removexattr, setxattr } from './core/extended.ts';
import { Orphans } from './core/orphans.ts';
import { Locking } from './core/locking.ts';
import { create, lookup, makeNode, rmdir, unlink } from './core/names.ts';
import { rename } from './core/rename.ts';
import { CoreTree } from './core/tree.ts';
import {
  failure,
  FsError,
  Kind,
  ok,
  Open,
  rootIno,
  type AccessPoint,
  type AttributeChanges,
  type Attributes,
  type Caller,
  type DirectoryEntry,
  type FileSystemEvents,
  type FileSystemOperations,
  type FileSystemStatistics,
  type Lock,
  type Result,
  type Status,
  type WaitId,
} from './operations.ts';
import { Inode, InodeFlag } from './store/inode.ts';
import { Store } from './store/store.ts';
import type { Tree } from './sync/port.ts';

export interface FileSystemOptions {
  /** The data directory, of this file system alone; made when missing. */
  dir: string;
  clock: Clock;
  events: FileSystemEvents;
  readOnly?: boolean;
  /** There is a bucket: directories are listed by the planner, the root too. Attach it before the first request. */
  remote?: boolean;
  /** Names the lost+found directory, e.g. `fs-0123456789abcdef0`. */
  id?: string;
  /** The root is a prefix: what its object (if there is one) says of it is asked for before it is shown. */
  rootIsPrefix?: boolean;
  /** Of a new file system's root; default root, 0755, as S3 Files. */
  root?: { uid: number; gid: number; mode: number };
  /** Does what fsync(2) needs elsewhere; without one it is done at once, and everybody waits. */
  flusher?: Flusher;
  /** Default 'disk'. */
  fsync?: FsyncTarget;
  /** Inodes kept in memory while not in use. */
  inodesMax?: number;
  /** Of a directory with more names few are looked at: they become inodes in memory when they are. Default 1,000. */
  manyNames?: number;
}

const maintainMs = 200;
const changesPerCommitMax = 20_000;
/** Pages that are unfolded for one commit, and the pause after each: whoever comes meanwhile waits for one. */
const pagesPerCommit = 16;
const unfoldMs = 50;

export class FileSystem implements FileSystemOperations {
  /** For the planner. */
  readonly tree: Tree;
  readonly #core: Core;
  readonly #orphans: Orphans;
  readonly #dir: string;
  readonly #locking: Locking;
  readonly #durability: Durability;
  readonly #value = { bytes: new Uint8Array(0) };
  #linkTarget = '';

  constructor(o: FileSystemOptions) {
    this.#dir = o.dir;
    mkdirSync(o.dir, { recursive: true, mode: 0o700 });
    const inodesMax = o.inodesMax ?? 131_072;
    const store = new Store(o.dir, { inodesMax, namesMax: inodesMax * 4 });
    const { clock, events, readOnly = false, flusher } = o;
    const content = new Content(
      o.dir,
      store,
      flusher && ((fd, offset, length) => flusher.writeBack(fd, offset, length)),
    );
    this.#core = new Core({ store, content, clock, events, readOnly });
    if (store.get(rootIno) === undefined) this.#makeRoot(o);
    this.#orphans = new Orphans(this.#core);
    this.#locking = new Locking(this.#core);
    this.#durability = new Durability(this.#core, flusher, o.fsync ?? 'disk');
    this.tree = new CoreTree(
      this.#core,
      this.#orphans,
      o.id ?? 'fs-local',
      o.dir,
      o.manyNames ?? 1_000,
    );
    this.#noteReplayed();
  }

  /** Connects the planner; without one everything is local. */
  attach(planner: Planner): void {
    this.#core.planner = planner;
  }

  get pendingOn(): WaitId {
    return this.#core.pendingOn;
  }
  get linkTarget(): string {
    return this.#linkTarget;
  }
  get attributeValue(): Uint8Array {
    return this.#value.bytes;
  }

  addView(accessPoint: AccessPoint): Result {
    return addView(this.#core, accessPoint);
  }
  viewRoot(view: number): number {
    return view === 0 ? rootIno : (this.#core.views.get(view)?.root ?? 0);
  }
  viewReadOnly(view: number): boolean {
    return this.#core.readOnly || this.#core.views.get(view)?.readOnly === true;
  }

  lookup(c: Caller, parent: number, name: string, out: Attributes): Status {
    return lookup(this.#core, c, parent, name, out);
  }
  forgotten(ino: number): void {
    this.#orphans.forgotten(ino);
  }
  getattr(c: Caller, ino: number, out: Attributes): Status {
    return getattr(this.#core, c, ino, out);
  }
  setattr(c: Caller, ino: number, changes: AttributeChanges, out: Attributes): Status {
    return setattr(this.#core, c, ino, changes, out);
  }
  access(c: Caller, ino: number, wanted: number): Status {
    return access(this.#core, c, ino, wanted);
  }

  mknod(
    c: Caller,
    parent: number,
    name: string,
    kind: Kind,
    mode: number,
    out: Attributes,
  ): Status {
    if (kind === Kind.directory || kind === Kind.symlink) return FsError.Invalid;
    return makeNode(this.#core, c, parent, name, kind, mode, '', out);
  }
  mkdir(c: Caller, parent: number, name: string, mode: number, out: Attributes): Status {
    return makeNode(this.#core, c, parent, name, Kind.directory, mode, '', out);
  }
  symlink(c: Caller, parent: number, name: string, target: string, out: Attributes): Status {
    return makeNode(this.#core, c, parent, name, Kind.symlink, 0o777, target, out);
  }
  unlink(c: Caller, parent: number, name: string): Status {
    if (parent === conflictsIno) return unlinkEntry(this.#core, this.#orphans, c, name);
    return unlink(this.#core, this.#orphans, c, parent, name);
  }
  rmdir(c: Caller, parent: number, name: string): Status {
    return rmdir(this.#core, this.#orphans, c, parent, name);
  }
  rename(
    c: Caller,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): Status {
    return rename(this.#core, this.#orphans, c, parent, name, newParent, newName, flags);
  }
  link(c: Caller, ino: number, newParent: number, _newName: string): Status {
    if (this.#core.enter(c, ino) === undefined) return this.#core.refusal;
    if (this.#core.also(c, newParent) === undefined) return this.#core.refusal;
    return FsError.NotPermitted;
  }

  create(
    c: Caller,
    parent: number,
    name: string,
    mode: number,
    flags: number,
    out: Attributes,
  ): Result {
    return create(this.#core, c, parent, name, mode, flags, out);
  }
  open(c: Caller, ino: number, flags: number): Result {
    const inode = this.#core.enter(c, ino);
    if (inode === undefined) return failure(this.#core.refusal);
    let status = this.#core.know(inode);
    if (status === ok) status = judgeOpen(this.#core, c, inode, flags);
    if (status !== ok) return resultOf(status);
    if ((flags & Open.truncate) !== 0) {
      this.#core.begin();
      truncateAtOpen(this.#core, c, inode);
      this.#core.end(c, ino, 0);
    }
    return this.#core.newHandle();
  }
  flush(_c: Caller, ino: number, owner: bigint): Status {
    this.#locking.flush(ino, owner);
    return ok;
  }
  release(ino: number, handle: number, owner: bigint): void {
    this.#locking.release(ino, handle, owner);
  }

  read(
    c: Caller,
    ino: number,
    offset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): Result {
    return read(this.#core, c, ino, offset, length, into, at);
  }
  write(
    c: Caller,
    ino: number,
    offset: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    flags: number,
  ): Result {
    return write(this.#core, c, ino, offset, bytes, at, length, flags);
  }
  fsync(c: Caller, ino: number): Status {
    return this.#durability.fsync(c, ino);
  }
  /** What the flusher was given has been flushed, or could not be. */
  flushed(failed: boolean): void {
    this.#durability.flushed(failed);
  }
  fallocate(c: Caller, ino: number, mode: number, offset: number, length: number): Status {
    return fallocate(this.#core, c, ino, mode, offset, length);
  }
  lseek(ino: number, offset: number, whence: number): Result {
    return lseek(this.#core, ino, offset, whence);
  }

  readlink(c: Caller, ino: number): Status {
    const inode = this.#core.enter(c, ino);
    if (inode === undefined) return this.#core.refusal;
    const status = this.#core.know(inode);
    if (status !== ok) return status;
    if (inode.kind !== Kind.symlink) return FsError.Invalid;
    this.#linkTarget = inode.target;
    return ok;
  }

  listsAlike(ino: number): boolean {
    return !isMadeUp(ino);
  }
  opendir(c: Caller, ino: number): Result {
    return opendir(this.#core, c, ino);
  }
  readdir(
    c: Caller,
    ino: number,
    cookie: number,
    each: (entry: DirectoryEntry) => boolean,
  ): Status {
    return readdir(this.#core, c, ino, cookie, each);
  }

  getxattr(c: Caller, ino: number, name: string): Status {
    return getxattr(this.#core, c, ino, name, this.#value);
  }
  listxattr(c: Caller, ino: number): Status {
    if (this.#core.enter(c, ino) === undefined) return this.#core.refusal;
    this.#value.bytes = new Uint8Array(0);
    return ok;
  }
  setxattr(c: Caller, ino: number, _name: string, _value: Uint8Array, _flags: number): Status {
    return setxattr(this.#core, c, ino);
  }
  removexattr(c: Caller, ino: number, name: string): Status {
    return removexattr(this.#core, c, ino, name);
  }

  /**
   * Gives the local copy of a conflict a name again: see `restoreCopy`. Not a request of the kernel; NoEntry when
   * the conflict is settled (see `Sync.settlementOf`) or has no copy.
   */
  restoreConflict(
    id: string,
    to: { parent: number; name: string; path: string; replaces: boolean },
  ): Status {
    const conflict = this.#core.planner.conflicts().find((one) => one.id === id);
    if (conflict === undefined) return FsError.NoEntry;
    return restoreCopy(this.#core, this.#orphans, conflict, to);
  }
  /** Removes the local copy, if there is one: the conflict is settled. */
  discardConflict(id: string): Status {
    const conflict = this.#core.planner.conflicts().find((one) => one.id === id);
    if (conflict === undefined) return FsError.NoEntry;
    return discardCopy(this.#core, this.#orphans, conflict);
  }

  getlk(c: Caller, ino: number, lock: Lock): Status {
    return this.#locking.get(c, ino, lock);
  }
  setlk(c: Caller, ino: number, lock: Readonly<Lock>, wait: boolean): Status {
    return this.#locking.set(c, ino, lock, wait);
  }
  cancelWait(waitId: WaitId): void {
    this.#locking.table.cancel(waitId);
    this.#durability.cancel(waitId);
  }

  statfs(c: Caller, out: FileSystemStatistics): Status {
    if (this.#core.enter(c, this.viewRoot(c.view)) === undefined) return this.#core.refusal;
    const { bsize, blocks, bfree, bavail } = statfsSync(this.#dir);
    out.blockBytes = bsize;
    out.blocks = blocks;
    out.blocksFree = bfree;
    out.blocksAvailable = bavail;
    // Inode numbers have 48 bits; counting the used ones would cost a scan.
    out.files = 2 ** 48;
    out.filesFree = 2 ** 48 - this.#core.store.nextIno;
    out.nameBytesMax = 255;
    return ok;
  }

  /** Inodes, and bytes that names and attributes take on disk. Counting takes milliseconds per 100,000 inodes. */
  inventory(): { inodes: number; metadataBytes: number } {
    const bytesOf = (name: string): number => statSync(join(this.#dir, name)).size;
    const metadataBytes = bytesOf('metadata.db') + bytesOf('journal');
    return { inodes: this.#core.store.countInodes(), metadataBytes };
  }

  carriedOut(request: number): { ino: number; result: Result } | undefined {
    const text = this.#core.store.remembered();
    if (text === undefined) return undefined;
    const [last, ino, result] = text.split(' ').map(Number);
    return last === request ? { ino: ino!, result: result! } : undefined;
  }

  freshSession(): void {
    this.#locking.freshSession();
    this.#orphans.freshSession();
    this.#core.store.transaction(() => this.#core.store.database.setRecord('request', undefined));
  }

  /**
   * Housekeeping for when nothing else is to be done: empties the journal into the database. Returns in how many
   * milliseconds it wants to be called again, Infinity = after the next change.
   */
  maintain(idle: boolean): number {
    this.#orphans.dropForgotten();
    const { database } = this.#core.store;
    const mayUnfold = idle && database.changes < pagesPerCommit && database.writable();
    if (mayUnfold && database.unfoldPage()) return unfoldMs;
    if (database.changes === 0) return database.pages.count > 0 ? maintainMs : Infinity;
    if (!idle && database.changes < changesPerCommitMax) return maintainMs;
    database.commit();
    if (database.changes > 0) return maintainMs;
    return database.pages.count > 0 ? unfoldMs : Infinity;
  }

  /** Everything is on disk afterwards. */
  close(): void {
    // In this order: the last commit shortens the slot files.
    this.#core.store.database.close();
    this.#core.content.close();
  }

  /** Lets go of everything the way kill -9 would. */
  abandon(): void {
    this.#core.content.close();
    this.#core.store.database.abandon();
  }

  /** What came in shortly before a crash may not be noted to be used: it counts as used now. */
  #noteReplayed(): void {
    const core = this.#core;
    core.tick();
    for (const ino of core.store.database.replayed) {
      const inode = core.store.get(ino);
      if (inode !== undefined && inode.place !== noPlace) core.noteUse(inode);
    }
    core.store.database.replayed.clear();
  }

  #makeRoot(o: FileSystemOptions): void {
    const { root = { uid: 0, gid: 0, mode: 0o755 }, remote = false, rootIsPrefix = false } = o;
    const core = this.#core;
    core.begin();
    const inode = new Inode(rootIno, Kind.directory, 0, '');
    inode.uid = root.uid;
    inode.gid = root.gid;
    inode.mode = root.mode;
    inode.nlink = 2;
    inode.flags = (rootIsPrefix ? 0 : InodeFlag.known) | (remote ? 0 : InodeFlag.listed);
    core.store.insert(inode);
    core.modifiedTimes(inode);
    inode.atimeSec = inode.btimeSec = core.sec;
    inode.atimeNsec = inode.btimeNsec = core.nsec;
    core.store.end();
  }
}
