/**
 * The tree as the planner sees and changes it: no permissions, no views, no call back to the planner.
 *
 * What it changes on its own (not inside an operation) it tells the kernel about, in every view.
 */
import * as base from '../content/base.ts';
import { noPlace } from '../content/place.ts';
import { Kind, rootIno, type Attributes, type WaitId } from '../operations.ts';
import { isNoSpace } from '../store/database.ts';
import { childIno, packChild } from '../store/directory.ts';
import { Inode, InodeFlag } from '../store/inode.ts';
import type { Cache, RemoteAttributes, Tree } from '../sync/port.ts';
import type { ByteSpan } from '../transfer/jobs.ts';
import { show } from './attributes.ts';
import { CoreCache } from './cache.ts';
import type { Core } from './core.ts';
import type { Orphans } from './orphans.ts';

const lostAndFoundPrefix = '.s3files-lost+found-';
const recordPrefix = 'sync:';

export class CoreTree implements Tree {
  readonly cache: Cache;
  readonly #core: Core;
  readonly #orphans: Orphans;
  readonly #manyNames: number;
  readonly #lostAndFoundName: string;

  constructor(core: Core, orphans: Orphans, fileSystemId: string, dir: string, manyNames: number) {
    this.cache = new CoreCache(core, dir);
    this.#core = core;
    this.#orphans = orphans;
    this.#manyNames = manyNames;
    this.#lostAndFoundName = `${lostAndFoundPrefix}${fileSystemId}`;
  }

  transaction<T>(change: () => T): T {
    const { store, content } = this.#core;
    if (store.database.inTransaction) return change();
    // Makes room in the journal; when there is none, the reserve is there for what the planner has to note.
    store.database.writable();
    this.#core.begin();
    const result = change();
    store.end();
    content.settle();
    return result;
  }

  record(key: string): string | undefined {
    return this.#core.store.database.record(recordPrefix + key);
  }
  setRecord(key: string, value: string | undefined): void {
    this.transaction(() => this.#core.store.database.setRecord(recordPrefix + key, value));
  }
  eachRecord(keyPrefix: string, each: (key: string, value: string) => void): void {
    this.#core.store.database.eachRecord(recordPrefix + keyPrefix, (key, value) =>
      each(key.slice(recordPrefix.length), value),
    );
  }

  base(ino: number): string {
    return this.#core.store.get(ino)?.base ?? '';
  }
  setBase(ino: number, text: string): void {
    this.#change(ino, (inode) => {
      inode.base = text;
    });
  }

  newWait(): WaitId {
    return this.#core.newWait();
  }
  ready(waitId: WaitId): void {
    this.#core.ready(waitId);
  }

  attributes(ino: number, out: Attributes): boolean {
    const inode = this.#core.store.get(ino);
    if (inode === undefined) return false;
    show(this.#core, inode, out);
    return true;
  }
  parentOf(ino: number): number {
    return this.#core.store.get(ino)?.parent ?? 0;
  }
  nameOf(ino: number): string {
    return this.#core.store.get(ino)?.name ?? '';
  }
  child(parent: number, name: string): number {
    const directory = this.#core.store.get(parent);
    if (directory?.kind !== Kind.directory) return 0;
    return childIno(this.#core.store.child(directory, name));
  }
  children(ino: number, each: (name: string, ino: number, kind: Kind) => void): void {
    this.childrenAfter(ino, 0, (name, child, kind) => {
      each(name, child, kind);
      return true;
    });
  }
  childrenAfter(
    ino: number,
    after: number,
    each: (name: string, ino: number, kind: Kind) => boolean,
  ): void {
    const directory = this.#core.store.get(ino);
    if (directory?.kind === Kind.directory) this.#core.store.eachChild(directory, after, each);
  }
  isEmpty(ino: number): boolean {
    const directory = this.#core.store.get(ino);
    return directory?.kind !== Kind.directory || !this.#core.store.hasChildren(directory);
  }
  linkTarget(ino: number): string {
    return this.#core.store.get(ino)?.target ?? '';
  }

  dirty(ino: number): number {
    return this.#core.store.get(ino)?.dirty ?? 0;
  }
  setDirty(ino: number, bits: number): void {
    const inode = this.#core.store.get(ino);
    if (inode === undefined || inode.dirty === bits) return;
    this.#change(ino, () => {
      inode.dirty = bits;
      // From now on its content is a copy of what S3 has.
      if (bits === 0 && inode.place !== noPlace && inode.parent !== 0) this.#core.noteUse(inode);
    });
  }
  eachDirty(each: (ino: number, bits: number) => void): void {
    this.#core.store.eachDirty(each);
  }

  isListed(ino: number): boolean {
    return this.#has(ino, InodeFlag.listed);
  }
  setListed(ino: number, listed: boolean): void {
    if (this.isListed(ino) === listed) return;
    this.#change(ino, (inode) => {
      inode.flags ^= InodeFlag.listed;
    });
  }
  isKnown(ino: number): boolean {
    return this.#has(ino, InodeFlag.known);
  }

  addRemote(parent: number, name: string, attributes: RemoteAttributes, base: string = ''): number {
    const { store } = this.#core;
    return this.transaction(() => {
      const directory = store.get(parent)!;
      const inode = new Inode(store.newIno(), attributes.kind, parent, name);
      assign(inode, attributes);
      inode.nlink = attributes.kind === Kind.directory ? 2 : 1;
      inode.atimeSec = inode.ctimeSec = inode.btimeSec = inode.mtimeSec;
      inode.atimeNsec = inode.ctimeNsec = inode.btimeNsec = inode.mtimeNsec;
      setRemoteSize(inode, attributes);
      inode.base = base;
      // While a directory is being listed for the first time nobody has seen what it holds.
      const isSeen = (directory.flags & InodeFlag.listed) !== 0;
      const isOneOfMany = store.directory(directory).names.size >= this.#manyNames;
      if (!isSeen && isOneOfMany && attributes.kind === Kind.file && !attributes.known) {
        store.insertListed(inode);
        return inode.ino;
      }
      store.insert(inode);
      if (attributes.kind === Kind.directory) directory.nlink++;
      store.touch(directory);
      if (isSeen) this.#directoryChanged(directory, name);
      return inode.ino;
    });
  }

  setRemoteAttributes(ino: number, attributes: RemoteAttributes): void {
    this.#change(ino, (inode) => {
      const { size } = inode;
      this.#setKind(inode, attributes);
      assign(inode, attributes);
      if (inode.kind === Kind.symlink && attributes.target !== undefined)
        setRemoteSize(inode, attributes);
      this.#core.tellInode(-1, ino, 0, inode.size === size ? 0 : Infinity);
    });
  }

  replaceRemote(ino: number, attributes: RemoteAttributes): void {
    this.#change(ino, (inode) => {
      this.#setKind(inode, attributes);
      assign(inode, attributes);
      if (inode.kind === Kind.file) base.replaceBase(this.#core.content, inode, attributes.size);
      else setRemoteSize(inode, attributes);
      this.#core.changedTimes(inode);
      this.#core.tellInode(-1, ino, 0, Infinity);
    });
  }

  removeRemote(ino: number): void {
    const { store } = this.#core;
    this.#change(ino, (inode) => {
      const directory = store.get(inode.parent);
      if (directory === undefined || (inode.flags & InodeFlag.lostAndFound) !== 0) return;
      const { name } = inode;
      inode.dirty = 0;
      store.touch(inode);
      this.#core.tick();
      store.orphan(inode, this.#core.sec, this.#core.nsec);
      this.#orphans.nameTaken(inode);
      if (inode.kind === Kind.directory) directory.nlink--;
      this.#directoryChanged(directory, name);
      this.#core.tellInode(-1, ino, 0, 0);
    });
  }

  moveToLostAndFound(ino: number, name: string): boolean {
    const { store } = this.#core;
    return this.transaction(() => {
      const inode = store.get(ino);
      const lost = this.#lostAndFound();
      const from = inode === undefined ? undefined : store.get(inode.parent);
      if (inode === undefined || lost === undefined || from === undefined) return false;
      const oldName = inode.name;
      store.move(inode, lost.ino, name);
      inode.flags |= InodeFlag.lostAndFound;
      inode.dirty = 0;
      inode.base = '';
      this.#core.changedTimes(inode);
      this.#core.views.moved(inode);
      this.#directoryChanged(from, oldName);
      this.#directoryChanged(lost, name);
      return true;
    });
  }

  smallContent(ino: number): Uint8Array | undefined {
    const inode = this.#core.store.get(ino);
    return inode === undefined ? undefined : base.smallContent(this.#core.content, inode);
  }
  cacheFile(ino: number): string | undefined {
    const { content, store } = this.#core;
    return this.transaction(() => {
      try {
        return base.cacheFilePath(content, store.get(ino)!);
      } catch (error) {
        if (!isNoSpace(error)) throw error;
        return undefined;
      }
    });
  }
  missing(ino: number): ByteSpan[] {
    const inode = this.#core.store.get(ino);
    return inode === undefined ? [] : base.missingSpans(this.#core.content, inode);
  }
  unchanged(ino: number): ByteSpan[] {
    const inode = this.#core.store.get(ino);
    return inode === undefined ? [] : base.unchangedSpans(this.#core.content, inode);
  }
  setExported(ino: number): void {
    this.#change(ino, (inode) => base.setExported(this.#core.content, inode));
  }
  fill(ino: number, bytes: Uint8Array): void {
    this.#change(ino, (inode) => {
      try {
        base.fill(this.#core.content, inode, bytes);
        this.#core.noteUse(inode);
      } catch (error) {
        // No room: it is still only in S3, and whoever needs it asks again.
        if (!isNoSpace(error)) throw error;
      }
    });
  }
  markPresent(ino: number, span: ByteSpan): void {
    this.#change(ino, (inode) => {
      base.markPresent(this.#core.content, inode, span);
      this.#core.noteUse(inode);
    });
  }
  mayBeOpen(ino: number): boolean {
    const inode = this.#core.store.get(ino);
    return inode !== undefined && this.#orphans.mayBeOpen(inode);
  }
  inUse(ino: number): boolean {
    return this.#core.isHeld(ino);
  }

  #has(ino: number, flag: number): boolean {
    return ((this.#core.store.get(ino)?.flags ?? 0) & flag) !== 0;
  }

  #change(ino: number, change: (inode: Inode) => void): void {
    this.transaction(() => {
      const inode = this.#core.store.get(ino);
      if (inode === undefined) return;
      change(inode);
      if (!inode.removed) this.#core.store.touch(inode);
    });
  }

  #directoryChanged(directory: Inode, name: string): void {
    this.#core.modifiedTimes(directory);
    this.#core.tellEntry(-1, directory.ino, name);
    this.#core.tellInode(-1, directory.ino, 0, 0);
  }

  /** An object that was taken for a file turns out to be a symbolic link, or the other way round. */
  #setKind(inode: Inode, attributes: RemoteAttributes): void {
    if (inode.kind === attributes.kind) return;
    const { store, content } = this.#core;
    if (inode.kind === Kind.file) content.drop(inode);
    inode.kind = attributes.kind;
    setRemoteSize(inode, attributes);
    const directory = store.get(inode.parent);
    if (directory === undefined) return;
    store.directory(directory).set(inode.name, packChild(inode.ino, inode.kind));
    this.#core.tellEntry(-1, directory.ino, inode.name);
  }

  #lostAndFound(): Inode | undefined {
    const { store } = this.#core;
    const root = store.get(rootIno)!;
    const found = childIno(store.child(root, this.#lostAndFoundName));
    if (found !== 0) {
      const inode = store.get(found)!;
      return (inode.flags & InodeFlag.lostAndFound) !== 0 ? inode : undefined;
    }
    const inode = new Inode(store.newIno(), Kind.directory, rootIno, this.#lostAndFoundName);
    inode.mode = 0o755;
    inode.nlink = 2;
    inode.flags = InodeFlag.known | InodeFlag.listed | InodeFlag.lostAndFound;
    store.insert(inode);
    this.#core.modifiedTimes(inode);
    root.nlink++;
    this.#directoryChanged(root, this.#lostAndFoundName);
    return inode;
  }
}

function assign(inode: Inode, attributes: RemoteAttributes): void {
  inode.mode = attributes.mode & 0o7777;
  inode.uid = attributes.uid;
  inode.gid = attributes.gid;
  inode.mtimeSec = attributes.mtimeSec;
  inode.mtimeNsec = attributes.mtimeNsec;
  if (attributes.known) inode.flags |= InodeFlag.known;
}

function setRemoteSize(inode: Inode, attributes: RemoteAttributes): void {
  inode.target = attributes.target ?? '';
  if (inode.kind === Kind.file) {
    inode.size = attributes.size;
    inode.baseEnd = attributes.size;
  } else {
    inode.size = inode.target.length;
    inode.baseEnd = 0;
  }
}
