/**
 * A file system in memory, for tests of the protocol alone: no permissions, no store, but every way an
 * operation can end. Names that begin with `slow-` are Pending until `finishSlow` is called.
 */
import {
  FsError,
  Kind,
  LockType,
  Open,
  failure,
  newAttributes,
  ok,
  pending,
} from '@moorage/file-system';
import type {
  AttributeChanges,
  Attributes,
  Caller,
  DirectoryEntry,
  FileSystemEvents,
  FileSystemOperations,
  FileSystemStatistics,
  Lock,
  Result,
  Status,
} from '@moorage/file-system';

interface Node {
  attributes: Attributes;
  bytes: Buffer;
  target: string;
  entries: Map<string, { ino: number; cookie: number }>;
  nextCookie: number;
  xattrs: Map<string, Uint8Array>;
}

export class MemoryFileSystem implements FileSystemOperations {
  pendingOn = 0;
  linkTarget = '';
  attributeValue: Uint8Array = new Uint8Array();
  readonly references: Set<number> = new Set();
  readonly cancelled: number[] = [];
  readonly #events: FileSystemEvents;
  readonly #nodes = new Map<number, Node>();
  readonly #views: number[] = [1];
  #nextIno = 1;
  #nextWait = 1;
  #nextHandle = 1;
  #slow: number | undefined = 1;
  #lock: { owner: bigint; ino: number } | undefined;
  #lockWaits: number[] = [];
  #done: { request: number; ino: number; result: Result } | undefined;

  constructor(events: FileSystemEvents) {
    this.#events = events;
    this.#create(Kind.directory, 0o755);
    this.#nextWait = 2;
  }

  /** What waits for `slow-` names goes on; later ones do not wait. */
  finishSlow(): void {
    if (this.#slow !== undefined) this.#events.ready(this.#slow);
    this.#slow = undefined;
  }

  /** As if the bucket had changed: the kernel is to hear of it. */
  changeBehind(ino: number, bytes: Buffer): void {
    const node = this.#nodes.get(ino)!;
    node.bytes = bytes;
    node.attributes.size = bytes.length;
    this.#events.inodeChanged(ino, 0, Infinity, -1);
  }
  addBehind(parent: number, name: string): void {
    const ino = this.#create(Kind.file, 0o644);
    this.#link(parent, name, ino);
    this.#events.entryChanged(parent, name, -1);
  }

  addView(): Result {
    return this.#views.push(1) - 1;
  }
  viewRoot(view: number): number {
    return this.#views[view] ?? 0;
  }
  viewReadOnly(): boolean {
    return false;
  }

  lookup(_: Caller, parent: number, name: string, out: Attributes): Status {
    if (name.startsWith('slow-') && this.#slow !== undefined) {
      this.pendingOn = this.#slow;
      return pending;
    }
    const entry = this.#nodes.get(parent)?.entries.get(name);
    if (entry === undefined) return FsError.NoEntry;
    return this.#referenced(entry.ino, out);
  }
  forgotten(ino: number): void {
    this.references.delete(ino);
  }
  getattr(_: Caller, ino: number, out: Attributes): Status {
    const node = this.#nodes.get(ino);
    if (node === undefined) return FsError.Stale;
    Object.assign(out, node.attributes);
    return ok;
  }
  setattr(c: Caller, ino: number, changes: AttributeChanges, out: Attributes): Status {
    const node = this.#nodes.get(ino)!;
    if (changes.valid & 1) node.attributes.mode = changes.mode;
    if (changes.valid & 2) node.attributes.uid = changes.uid;
    if (changes.valid & 4) node.attributes.gid = changes.gid;
    if (changes.valid & 8) this.#resize(node, changes.size);
    if (changes.valid & 32) node.attributes.mtimeSec = changes.mtimeSec;
    if (changes.valid & 32) node.attributes.mtimeNsec = changes.mtimeNsec;
    return this.getattr(c, ino, out);
  }
  access(): Status {
    return ok;
  }
  mknod(
    c: Caller,
    parent: number,
    name: string,
    kind: Kind,
    mode: number,
    out: Attributes,
  ): Status {
    const directory = this.#nodes.get(parent)!;
    if (directory.entries.has(name)) return FsError.Exists;
    const ino = this.#create(kind, mode);
    this.#link(parent, name, ino);
    this.#done = { request: c.request, ino, result: ok };
    return this.#referenced(ino, out);
  }
  mkdir(c: Caller, parent: number, name: string, mode: number, out: Attributes): Status {
    return this.mknod(c, parent, name, Kind.directory, mode, out);
  }
  symlink(c: Caller, parent: number, name: string, target: string, out: Attributes): Status {
    const status = this.mknod(c, parent, name, Kind.symlink, 0o777, out);
    if (status === ok) this.#nodes.get(out.ino)!.target = target;
    return status;
  }
  unlink(c: Caller, parent: number, name: string): Status {
    if (!this.#nodes.get(parent)!.entries.delete(name)) return FsError.NoEntry;
    this.#done = { request: c.request, ino: 0, result: ok };
    return ok;
  }
  rmdir(c: Caller, parent: number, name: string): Status {
    const entry = this.#nodes.get(parent)!.entries.get(name);
    if (entry !== undefined && this.#nodes.get(entry.ino)!.entries.size > 0)
      return FsError.NotEmpty;
    return this.unlink(c, parent, name);
  }
  rename(_: Caller, parent: number, name: string, newParent: number, newName: string): Status {
    const entry = this.#nodes.get(parent)!.entries.get(name);
    if (entry === undefined) return FsError.NoEntry;
    this.#nodes.get(parent)!.entries.delete(name);
    this.#link(newParent, newName, entry.ino);
    return ok;
  }
  link(): Status {
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
    const entry = this.#nodes.get(parent)!.entries.get(name);
    if (entry !== undefined && flags & Open.exclusive) return failure(FsError.Exists);
    if (entry === undefined) this.mknod(c, parent, name, Kind.file, mode, out);
    else this.#referenced(entry.ino, out);
    const result = this.open(c, out.ino, flags);
    this.#done = { request: c.request, ino: out.ino, result };
    return result;
  }
  open(c: Caller, ino: number, flags: number): Result {
    const node = this.#nodes.get(ino);
    if (node === undefined) return failure(FsError.Stale);
    if (flags & Open.truncate) {
      this.#resize(node, 0);
      this.#events.inodeChanged(ino, 0, Infinity, c.view);
    }
    return this.#nextHandle++;
  }
  flush(): Status {
    return ok;
  }
  release(_: number, __: number, owner: bigint): void {
    if (this.#lock !== undefined && this.#lock.owner === owner) this.#unlock();
  }
  read(
    _: Caller,
    ino: number,
    offset: number,
    length: number,
    into: Uint8Array,
    at: number,
  ): Result {
    const part = this.#nodes.get(ino)!.bytes.subarray(offset, offset + length);
    into.set(part, at);
    return part.length;
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
    const node = this.#nodes.get(ino)!;
    const from = flags & 1 ? node.bytes.length : offset;
    if (from + length > node.bytes.length) this.#resize(node, from + length);
    node.bytes.set(bytes.subarray(at, at + length), from);
    this.#events.inodeChanged(ino, from, length, c.view);
    this.#done = { request: c.request, ino, result: length };
    return length;
  }
  fsync(): Status {
    return ok;
  }
  fallocate(_: Caller, ino: number, mode: number, offset: number, length: number): Status {
    const node = this.#nodes.get(ino)!;
    if (mode === 0 && offset + length > node.bytes.length) this.#resize(node, offset + length);
    return mode === 0 ? ok : FsError.NotSupported;
  }
  lseek(ino: number, offset: number, whence: number): Result {
    const size = this.#nodes.get(ino)!.bytes.length;
    if (offset >= size) return failure(FsError.NoDevice);
    return whence === 3 ? offset : size;
  }
  readlink(_: Caller, ino: number): Status {
    this.linkTarget = this.#nodes.get(ino)!.target;
    return ok;
  }
  listsAlike(): boolean {
    return true;
  }
  opendir(): Result {
    return this.#nextHandle++;
  }
  readdir(
    _: Caller,
    ino: number,
    cookie: number,
    each: (entry: DirectoryEntry) => boolean,
  ): Status {
    const directory = this.#nodes.get(ino)!;
    const dot = { name: '.', ino, kind: Kind.directory, cookie: 1 };
    const parent = { name: '..', ino: 1, kind: Kind.directory, cookie: 2 };
    if (cookie < 1 && !each(dot)) return ok;
    if (cookie < 2 && !each(parent)) return ok;
    for (const [name, entry] of directory.entries) {
      if (entry.cookie <= cookie) continue;
      const kind = this.#nodes.get(entry.ino)!.attributes.kind;
      if (!each({ name, ino: entry.ino, kind, cookie: entry.cookie })) return ok;
    }
    return ok;
  }
  getxattr(_: Caller, ino: number, name: string): Status {
    const value = this.#nodes.get(ino)!.xattrs.get(name);
    if (value === undefined) return FsError.NoAttribute;
    this.attributeValue = value;
    return ok;
  }
  listxattr(_: Caller, ino: number): Status {
    const names = [...this.#nodes.get(ino)!.xattrs.keys()].map((name) => `${name}\0`);
    this.attributeValue = Buffer.from(names.join(''), 'latin1');
    return ok;
  }
  setxattr(_: Caller, ino: number, name: string, value: Uint8Array): Status {
    this.#nodes.get(ino)!.xattrs.set(name, new Uint8Array(value));
    return ok;
  }
  removexattr(_: Caller, ino: number, name: string): Status {
    return this.#nodes.get(ino)!.xattrs.delete(name) ? ok : FsError.NoAttribute;
  }
  getlk(_: Caller, ino: number, lock: Lock): Status {
    if (this.#lock?.ino === ino && this.#lock.owner !== lock.owner) lock.type = LockType.write;
    else lock.type = LockType.unlock;
    return ok;
  }
  setlk(_: Caller, ino: number, lock: Readonly<Lock>, wait: boolean): Status {
    if (lock.type === LockType.unlock) {
      if (this.#lock?.owner === lock.owner) this.#unlock();
      return ok;
    }
    if (this.#lock !== undefined && this.#lock.owner !== lock.owner) {
      if (!wait) return FsError.Again;
      this.pendingOn = this.#nextWait++;
      this.#lockWaits.push(this.pendingOn);
      return pending;
    }
    this.#lock = { owner: lock.owner, ino };
    return ok;
  }
  cancelWait(waitId: number): void {
    this.cancelled.push(waitId);
  }
  statfs(_: Caller, out: FileSystemStatistics): Status {
    out.blockBytes = 4096;
    out.blocks = 1000;
    out.blocksFree = 900;
    out.blocksAvailable = 800;
    out.files = 10_000;
    out.filesFree = 9_000;
    out.nameBytesMax = 255;
    return ok;
  }
  carriedOut(request: number): { ino: number; result: Result } | undefined {
    return this.#done?.request === request ? this.#done : undefined;
  }
  freshSession(): void {}

  #unlock(): void {
    this.#lock = undefined;
    for (const waitId of this.#lockWaits.splice(0)) this.#events.ready(waitId);
  }
  #create(kind: Kind, mode: number): number {
    const ino = this.#nextIno++;
    const attributes = { ...newAttributes(), ino, kind, mode, nlink: 1, mtimeSec: 1_700_000_000 };
    this.#nodes.set(ino, {
      attributes,
      bytes: Buffer.alloc(0),
      target: '',
      entries: new Map(),
      nextCookie: 3,
      xattrs: new Map(),
    });
    return ino;
  }
  #link(parent: number, name: string, ino: number): void {
    const directory = this.#nodes.get(parent)!;
    directory.entries.delete(name);
    directory.entries.set(name, { ino, cookie: directory.nextCookie++ });
  }
  #referenced(ino: number, out: Attributes): Status {
    this.references.add(ino);
    Object.assign(out, this.#nodes.get(ino)!.attributes);
    return ok;
  }
  #resize(node: Node, size: number): void {
    const bytes = Buffer.alloc(size);
    node.bytes.copy(bytes);
    node.bytes = bytes;
    node.attributes.size = size;
  }
}
